"""`immich-transfer status`: how the last run ended, what is owed, and why. Needs no server."""

from __future__ import annotations

import base64
import os
from collections import Counter
from itertools import groupby
from typing import Any, NamedTuple

import click

from immich_transfer.manifest.store import PausedQueue
from immich_transfer.model import ItemResult, Outcome, RunInfo

from .runs import as_line
from .shared import (
    COUNT,
    OUTPUT,
    Command,
    config_options,
    examples,
    json_option,
    option,
    settings_of,
    state_option,
)
from .words import command_line, json_line, moment, one_line, say, span

EPILOG = examples("status", "status 20261124-101502-3f9a", "status --json")

ITEMS = 10_000
"""A run keeps no more than these."""

ENDS = {
    0: "everything is there",
    1: "failed",
    2: "ended by a usage error",
    3: "some files failed, were left out, or are owed an album or tag",
    5: "the server was not reachable",
    7: "could not go on",
    8: "a limit was reached",
    11: "another run held the manifest",
    12: "the key was refused",
    130: "interrupted, state saved",
    143: "stopped, state saved",
}
RESUMABLE = frozenset({1, 3, 5, 7, 8, 12, 130, 143})


class Owed(NamedTuple):
    """Album or tag entries that wait for the same reason."""

    kind: str
    target: str
    reason: str | None


class Standing(NamedTuple):
    """All there is to say."""

    run: RunInfo
    items: list[ItemResult]
    debts: Counter[Owed]
    owed: int
    paused: list[PausedQueue]


@click.command("status", cls=Command, epilog=EPILOG)
@click.argument("run", required=False)
@option("--limit", type=COUNT, default=20, show_default=True, metavar="N", section=OUTPUT,
        help="Name at most so many files of each kind.")  # fmt: skip
@config_options
@state_option
@json_option
@click.pass_context
def status(ctx: click.Context, /, run: str | None, limit: int, **params: Any) -> int:
    """Say how the last run, or RUN, ended: what failed or is pending, what is owed, and why."""
    from immich_transfer.errors import UsageError

    state_dir = settings_of(ctx.params).state_dir
    standing = _look(state_dir, run)
    if standing is None and run is not None:
        raise UsageError(f"no run {one_line(run)}: nothing was recorded in {state_dir} yet")
    if params["json"]:
        _lines(standing, state_dir)
    elif standing is None:
        say(f"Nothing recorded yet in {one_line(state_dir)}.")
    else:
        _tell(standing, limit)
    return 0


def _look(state_dir: str, name: str | None) -> Standing | None:
    from immich_transfer.manifest.sqlite import open_readonly

    from .resume import find_run

    manifest = open_readonly(state_dir)
    if manifest is None:
        return None
    try:
        if name is not None:
            info = find_run(manifest, name)
        else:
            newest = manifest.runs(1)
            if not newest:
                return None
            info = newest[0]
        debts = Counter(
            Owed(debt.kind, debt.target, reason) for debt, reason in manifest.debts(limit=100_000)
        )
        return Standing(
            info,
            manifest.run_items(info.run, ITEMS),
            debts,
            manifest.debt_count(),
            manifest.paused_queues(),
        )
    finally:
        manifest.close()


def _lines(standing: Standing | None, state_dir: str) -> None:
    if standing is None:
        say(json_line({"type": "status", "v": 1, "state_dir": state_dir, "run": None}))
        return
    run = as_line(standing.run)
    del run["type"], run["v"]
    counts = Counter(item.outcome.value for item in standing.items)
    line = {
        "type": "status",
        "v": 1,
        "state_dir": state_dir,
        "run": run,
        "failed": counts[Outcome.FAILED.value],
        "pending": counts[Outcome.PENDING.value],
        "owed": standing.owed,
        "paused_jobs": [{"server": q.server, "queue": q.name} for q in standing.paused],
    }
    say(json_line(line))
    for item in standing.items:
        fields = {
            "type": "item",
            "outcome": item.outcome.value,
            "path": item.path,
            "path_b64": _raw_name(item.path),
            "bytes": item.size,
            "error": item.error,
            "hint": item.hint,
        }
        say(json_line({name: value for name, value in fields.items() if value is not None}))
    for owed, count in standing.debts.items():
        debt = {"type": "debt", "kind": owed.kind, "target": owed.target, "count": count}
        if owed.reason is not None:
            debt["reason"] = owed.reason
        say(json_line(debt))


def _raw_name(path: str) -> str | None:
    """The bytes of a name that is not UTF-8, as in the lines of a run."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return base64.b64encode(os.fsencode(path)).decode()
    return None


def _tell(standing: Standing, limit: int) -> None:
    info = standing.run
    say(f"Run {info.run}, started {moment(info.started)}")
    say(f"  immich-transfer {command_line(info.arguments)}")
    if info.ended is None or info.exit_code is None:
        say("  has no end: it is still on, or was killed")
    else:
        end = ENDS.get(info.exit_code, "ended")
        say(f"  {end} (exit {info.exit_code}) after {span(info.ended - info.started)}")
    summary = info.summary or {}
    if summary.get("outcomes"):
        counts = ", ".join(f"{count:,} {name}" for name, count in summary["outcomes"].items())
        say(f"  {summary.get('discovered', 0):,} files: {counts}")
    if summary.get("message"):
        say(f"  {one_line(summary['message'])}")
    for outcome in (Outcome.FAILED, Outcome.PENDING):
        _name([item for item in standing.items if item.outcome is outcome], outcome.value, limit)
    if standing.owed:
        say()
        say(f"Owed: {standing.owed:,} album or tag entries; any upload pays what it can")
        for owed, count in standing.debts.most_common(limit):
            why = f": {one_line(owed.reason)}" if owed.reason else ""
            say(f"  {owed.kind} {one_line(owed.target)}, {count:,} photos{why}")
    for server, queues in groupby(standing.paused, key=lambda queue: queue.server):
        say()
        say(f"Paused on {one_line(server)}: {one_line(', '.join(q.name for q in queues))}")
        say("  by an upload with --pause-jobs; the next command with an admin's key resumes them")
    if info.ended is None or info.exit_code in RESUMABLE:
        say()
        if info.command == "watch":
            say("A watch takes it up again by itself, and when it is started anew")
        else:
            say("Take it up again with: immich-transfer resume")


def _name(items: list[ItemResult], what: str, limit: int) -> None:
    if not items:
        return
    say()
    say(f"{what.capitalize()}: {len(items):,}")
    for item in items[:limit]:
        why = f": {one_line(item.error)}" if item.error else ""
        say(f"  {one_line(item.path)}{why}")
        if item.hint:
            say(f"    {one_line(item.hint)}")
    if len(items) > limit:
        say(f"  … and {len(items) - limit:,} more (--limit N, or --json for all)")

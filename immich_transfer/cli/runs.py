"""`immich-transfer runs`: what was run, when, and how it ended."""

from __future__ import annotations

from typing import Any

import click

from immich_transfer.model import RunInfo

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
from .words import columns, command_line, json_line, one_line, say, span, table

EPILOG = examples("runs", "runs --limit 100", "runs --json")


@click.command("runs", cls=Command, epilog=EPILOG)
@option("--limit", type=COUNT, default=20, show_default=True, metavar="N", section=OUTPUT,
        help="At most so many, the newest first.")  # fmt: skip
@config_options
@state_option
@json_option
@click.pass_context
def runs(ctx: click.Context, /, limit: int, **params: Any) -> int:
    """List the last runs, the newest first. Needs no server."""
    from immich_transfer.manifest.sqlite import open_readonly

    state_dir = settings_of(ctx.params).state_dir
    manifest = open_readonly(state_dir)
    found = []
    if manifest is not None:
        try:
            found = manifest.runs(limit)
        finally:
            manifest.close()
    if params["json"]:
        for info in found:
            say(json_line(as_line(info)))
    elif not found:
        say(f"No runs yet in {one_line(state_dir)}.")
    else:
        head = ("RUN", "STARTED", "TOOK", "EXIT", "FILES", "ARGUMENTS")
        for line in table(head, [_row(info) for info in found], columns()):
            say(line)
    return 0


def as_line(info: RunInfo) -> dict[str, Any]:
    """A run for programs."""
    return {
        "type": "run",
        "v": 1,
        "run": info.run,
        "command": info.command,
        "arguments": list(info.arguments),
        "started": info.started,
        "ended": info.ended,
        "exit_code": info.exit_code,
        "summary": info.summary,
    }


def _row(info: RunInfo) -> tuple[str, ...]:
    import time

    return (
        info.run,
        time.strftime("%m-%d %H:%M", time.localtime(info.started)),
        "-" if info.ended is None else span(info.ended - info.started),
        "-" if info.exit_code is None else str(info.exit_code),
        str((info.summary or {}).get("discovered", "-")),
        command_line(info.arguments),
    )

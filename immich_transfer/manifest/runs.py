"""Runs: what was started, from where, how it ended, and which files it left or failed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from immich_transfer.errors import Exit
from immich_transfer.model import ItemResult, Outcome, RunInfo

from .database import Room, marks
from .encoding import asset_in, asset_out, path_in, path_out, prose

KEPT_ITEMS_RUNS = 50
"""Runs whose failed and pending files are kept; older ones keep their row and summary."""

RESUMABLE = frozenset(
    {
        Exit.FAILED,
        Exit.ITEMS_FAILED,
        Exit.UNAVAILABLE,
        Exit.CANNOT_CONTINUE,
        Exit.LIMIT,
        Exit.KEY,
        Exit.INTERRUPTED,
        Exit.TERMINATED,
    }
)
"""Exit codes after which files are pending or failed: running the same again helps."""

TRANSFERS = ("upload", "download", "mirror")
"""Commands that leave something to resume; a check has nothing to go on from."""

_COLUMNS = "id, command, arguments, started, ended, exit_code, summary"


class Runs(Room):
    """The part of the manifest that knows what was asked for."""

    _current: str | None = None
    """The run this process is in: it has no end yet, and is not interrupted."""

    def begin_run(self, command: str, arguments: Sequence[str], cwd: str) -> str:
        """Open a run and return its id: UTC time and the fraction of the second, so ids sort."""
        if not self._db.writable:
            return _run_id(time.time())
        values = (command, json.dumps(without_key(arguments)), path_in(cwd))
        with self._db.write() as connection:
            started = time.time()
            while not connection.execute(
                "INSERT OR IGNORE INTO runs (id, started, command, arguments, cwd)"
                " VALUES (?,?,?,?,?)",
                (run := _run_id(started), started, *values),
            ).rowcount:
                started += 1 / 65536
            connection.execute(
                "DELETE FROM items WHERE run <= (SELECT number FROM runs"
                " ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (KEPT_ITEMS_RUNS,),
            )
        self._current = run
        return run

    def end_run(self, run: str, exit_code: int, summary: Mapping[str, Any]) -> None:
        """Close a run with its exit code and summary line."""
        self._current = None
        if not self._db.writable:
            return
        text = json.dumps(dict(summary), default=str) if summary else None
        with self._db.write() as connection:
            connection.execute(
                "UPDATE runs SET ended = ?, exit_code = ?, summary = ? WHERE id = ?",
                (time.time(), int(exit_code), text, run),
            )

    def record_items(self, run: str, items: Sequence[ItemResult]) -> None:
        """Keep the failed and pending files of a run, so that `status` can say why."""
        if not items or not self._db.writable:
            return
        with self._db.write() as connection:
            row = connection.execute("SELECT number FROM runs WHERE id = ?", (run,)).fetchone()
            if row is None:
                return
            connection.executemany(
                "INSERT INTO items (run, path, outcome, size, sha1, asset_id, reason, error, hint,"
                " note) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    (
                        row[0],
                        path_in(item.path),
                        item.outcome.value,
                        item.size,
                        item.sha1,
                        asset_in(item.asset_id),
                        prose(item.reason),
                        prose(item.error),
                        prose(item.hint),
                        prose(item.note),
                    )
                    for item in items
                ),
            )

    def runs(self, limit: int = 20) -> list[RunInfo]:
        """Newest first."""
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM runs ORDER BY number DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_info(*row) for row in rows]

    def run(self, run: str) -> RunInfo | None:
        with self._db.read() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
        return None if row is None else _info(*row)

    def run_cwd(self, run: str) -> str:
        """The folder the run was started from: its relative paths start there. '' if unknown."""
        with self._db.read() as connection:
            row = connection.execute("SELECT cwd FROM runs WHERE id = ?", (run,)).fetchone()
        return "" if row is None else path_out(row[0])

    def last_interrupted(self) -> RunInfo | None:
        """The newest run that has no end, or ended with files pending or failed, and that no
        later run of the same command, arguments and folder made good; else None."""
        made_good: set[tuple[str, str, bytes]] = set()
        with self._db.read() as connection:
            for cwd, *row in connection.execute(
                f"SELECT cwd, {_COLUMNS} FROM runs WHERE command IN ({marks(len(TRANSFERS))})"
                " ORDER BY number DESC",
                TRANSFERS,
            ):
                run, command, arguments, _, ended, exit_code, _ = row
                if run == self._current:
                    continue
                if ended is not None and exit_code not in RESUMABLE:
                    made_good.add((command, arguments, cwd))
                elif (command, arguments, cwd) not in made_good:
                    return _info(*row)
        return None

    def run_items(self, run: str, limit: int = 1000) -> list[ItemResult]:
        """In the order they were recorded."""
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT outcome, path, size, asset_id, sha1, reason, error, hint, note FROM items"
                " WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY number LIMIT ?",
                (run, limit),
            ).fetchall()
        return [
            ItemResult(
                Outcome(outcome),
                path_out(path),
                size,
                None if asset is None else asset_out(asset),
                sha1,
                *texts,
            )
            for outcome, path, size, asset, sha1, *texts in rows
        ]


def without_key(arguments: Sequence[str]) -> list[str]:
    """The arguments without `--api-key VALUE`: a run is resumed with the key of that day, and no
    key is ever written down (law 7)."""
    kept: list[str] = []
    skip = False
    for position, argument in enumerate(arguments):
        if argument == "--":
            return kept + list(arguments[position:])
        if skip:
            skip = False
        elif argument == "--api-key":
            skip = True
        elif not argument.startswith("--api-key="):
            kept.append(argument)
    return kept


def _run_id(now: float) -> str:
    """Like 20261124-101502-3f9a: two runs of one second still sort."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{int(now % 1 * 65536):04x}"


def _info(
    run: str,
    command: str,
    arguments: str,
    started: float,
    ended: float | None,
    exit_code: int | None,
    summary: str | None,
) -> RunInfo:
    return RunInfo(
        run,
        command,
        tuple(json.loads(arguments)),
        started,
        ended,
        exit_code,
        None if summary is None else json.loads(summary),
    )

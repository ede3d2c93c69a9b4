"""From the first word with the server to the summary: the frame around every flow.

    manifest ─► run row ─► server ─► begin ─► `run` line ─► work ─► conclude ─► summary

What fails before the `run` line is raised, and nothing was told; afterwards there is always a
summary. The row in the manifest says how it ended, or that it did not.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple, TypeVar

from immich_transfer.config.options import ServerOptions, TransferOptions
from immich_transfer.errors import Exit, NotServed, ServerRefused, TransferError, worst
from immich_transfer.events import Finished, Listener, RunStarted
from immich_transfer.immich.connect import connect
from immich_transfer.manifest.sqlite import open_for_dry_run, open_manifest
from immich_transfer.manifest.store import Manifest
from immich_transfer.model import ItemResult, Summary, Totals

from .pausing import settle_pauses
from .run import Parts, Run

R = TypeVar("R", bound=Run)

DISK_THREADS = 8
"""As many reads or writes wait for a disk at once."""


class Asked(NamedTuple):
    """Who asked for a run, and in which words."""

    command: str
    arguments: Sequence[str]
    """What `resume` will run again."""
    resumed: bool = False


class Ending(NamedTuple):
    """What a flow says of itself when it is over."""

    codes: Sequence[Exit]
    problems: Sequence[ItemResult]
    """Failed and pending items, for `status`."""
    owed: int = 0


async def conduct(
    server: ServerOptions,
    transfer: TransferOptions,
    asked: Asked,
    *,
    listener: Listener,
    stop: asyncio.Event | None,
    begin: Callable[[Parts], Awaitable[R]],
    work: Callable[[R], Awaitable[None]],
    conclude: Callable[[R], Ending],
) -> Summary:
    """Run one flow; the summary's `exit_code` says how it ended.

    Raises a TransferError only for what ends the run before it began: no `run` line was told then.
    Setting `stop` from outside is a first Ctrl-C.
    """
    started = time.monotonic()
    totals = Totals()
    stop = stop or asyncio.Event()
    with ExitStack() as closing:
        manifest: Manifest = (
            open_for_dry_run(transfer.state_dir)
            if transfer.dry_run
            else open_manifest(transfer.state_dir, who=asked.command)
        )
        closing.callback(manifest.close)
        name = manifest.begin_run(asked.command, asked.arguments, os.getcwd())
        code = Exit.FAILED
        summary: Summary | None = None
        try:
            async with connect(server, transfer, listener, totals=totals, stop=stop) as connection:
                left = None if transfer.dry_run else await settle_pauses(connection, manifest)
                with (
                    ThreadPoolExecutor(DISK_THREADS, "disk") as pool,
                    ThreadPoolExecutor(transfer.hashers, "hash") as hash_pool,
                ):
                    run = await begin(
                        Parts(
                            name,
                            connection,
                            manifest,
                            transfer,
                            listener,
                            totals,
                            stop,
                            pool,
                            hash_pool,
                        )
                    )
                    listener(
                        RunStarted(
                            name,
                            asked.command,
                            connection.version,
                            connection.user_id,
                            connection.user_name,
                            transfer.dry_run,
                            asked.resumed,
                        )
                    )
                    for notice in filter(None, (manifest.notice, left, run.fewer_transfers)):
                        run.note(notice)
                    await work(run)
                    ending = conclude(run)
                    code = worst(*ending.codes)
                    manifest.record_items(name, ending.problems)
                    seconds = time.monotonic() - started
                    summary = _summary(
                        run, name, asked.command, code, ending.owed, seconds, server.insecure
                    )
                    listener(Finished(summary))
        except ServerRefused as refusal:
            error = NotServed.by(refusal)
            code = error.exit_code
            raise error from None
        except TransferError as error:
            code = error.exit_code
            raise
        finally:
            manifest.end_run(name, code, summary.line() if summary is not None else {})
    return summary


def _summary(
    run: Run, name: str, command: str, code: Exit, owed: int, seconds: float, insecure: bool
) -> Summary:
    totals = run.totals
    message = run.message
    if message is not None and run.hint is not None:
        message = f"{message} ({run.hint})"
    return Summary(
        run=name,
        command=command,
        exit_code=int(code),
        discovered=totals.discovered,
        outcomes={str(outcome): count for outcome, count in sorted(totals.outcomes.items())},
        verified=totals.verified,
        bytes_sent=totals.bytes_sent,
        bytes_received=totals.bytes_received,
        bytes_hashed=totals.bytes_hashed,
        requests=totals.requests,
        retries=totals.retries,
        seconds=round(seconds, 3),
        dry_run=run.dry,
        insecure=insecure,
        message=message,
        owed=owed,
        notes=tuple(run.notes[:50]),
    )

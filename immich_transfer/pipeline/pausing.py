"""Pausing the server's heavy jobs while photos go up, and never leaving them paused.

    list ─► owe ─► pause ─► the run ─► resume ─► strike off

What is to be paused is written down before it is, so a crash at any point leaves a promise that
`settle_pauses` keeps when the next command of any kind has connected. Queues that were paused
before are not ours: they are neither written down nor resumed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress

from immich_transfer.errors import Interrupted, KeyRefused, ServerRefused, TransferError
from immich_transfer.events import Notice
from immich_transfer.immich.admin import admin_only
from immich_transfer.immich.connect import Connection
from immich_transfer.immich.queues import Queues
from immich_transfer.manifest.sqlite import open_manifest, open_readonly
from immich_transfer.manifest.store import Manifest, PausedQueue

from .run import Run

HEAVY = (
    "thumbnailGeneration",
    "videoConversion",
    "smartSearch",
    "faceDetection",
    "facialRecognition",
    "duplicateDetection",
    "ocr",
)
"""What competes with uploads: with its jobs running a server took 27 to 70 small photos a second,
without them 200 (recorded; thumbnails are most of it). Metadata and sidecars go on: they are
cheap, and what was uploaded is only dated and sorted by them."""
STOPPING_SECONDS = 20.0
"""Somebody pressed Ctrl-C: so long is tried to resume, then it is left to the next command."""


@asynccontextmanager
async def jobs_paused(run: Run, *, wanted: bool) -> AsyncIterator[None]:
    """While inside, the heavy queues are paused, if `wanted` and if the key may do that."""
    if not wanted or run.dry:
        yield
        return
    try:
        await _pause(run)
        yield
    finally:
        await _resume_after(run)


async def settle_pauses(connection: Connection, manifest: Manifest) -> str | None:
    """Resume what an earlier run left paused on this server; what to say if that failed."""
    owed = _owed(connection, manifest)
    if not owed:
        return None
    try:
        await _resume(connection, manifest, owed)
    except TransferError as error:
        return _left(owed, error)
    return None


async def settle_left_behind(connection: Connection, state_dir: str) -> str | None:
    """The same for commands that have no manifest of their own; what to say of it, also when it
    succeeded. The manifest is only looked at unless something is owed to this server, and left
    alone where it cannot be used or a run holds it: then the debt is that run's.
    """
    with suppress(TransferError):
        seen = open_readonly(state_dir)
        if seen is None:
            return None
        with closing(seen):
            if not _owed(connection, seen):
                return None
        with closing(open_manifest(state_dir, who="resuming jobs")) as manifest:
            owed = _owed(connection, manifest)
            left = await settle_pauses(connection, manifest)
            if left is None and owed:
                names = ", ".join(dict.fromkeys(queue.name for queue in owed))
                return f"jobs that a killed upload had left paused go on: {names}"
            return left
    return None


async def _pause(run: Run) -> None:
    queues = Queues(run.connection)
    needed = (queues.reading, queues.changing)
    paused: list[str] = []
    names: list[str] = []
    retries = 0
    try:
        with admin_only(run.connection, *needed, purpose="--pause-jobs"):
            found = await queues.every()
            names = [queue.name for queue in found if queue.name in HEAVY and not queue.paused]
            address = _address(run.connection)
            await run.in_thread(run.manifest.owe_resuming, run.account, address, names)
            for name in names:
                retries = run.totals.retries
                await queues.set_paused(name, True)
                paused.append(name)
    except (KeyRefused, ServerRefused) as refusal:
        # Refused at the first attempt, it is not paused; before another's lost answer it may be.
        certain = len(paused) + (run.totals.retries > retries)
        await run.in_thread(_strike_off, run.connection, run.manifest, names[certain:])
        some = f"only {', '.join(paused)}" if paused else "no"
        run.note(f"{some} jobs were paused, and the upload goes on: {refusal.message}")
    except TransferError as error:
        run.cut(error)
    else:
        if paused:
            run.listener(Notice(f"paused on the server until the end: {', '.join(paused)}"))


async def _resume_after(run: Run) -> None:
    """The end of a run, however it came: its exit code says so when queues stay paused."""
    owed = await run.in_thread(_owed, run.connection, run.manifest)
    if not owed:
        return
    try:
        async with asyncio.timeout(STOPPING_SECONDS if run.stopping else None):
            await _resume(run.connection, run.manifest, owed)
    except (TransferError, TimeoutError) as error:
        run.note(_left(owed, error))
        if isinstance(error, TransferError) and not isinstance(error, Interrupted):
            run.codes.append(error.exit_code)


async def _resume(connection: Connection, manifest: Manifest, owed: Sequence[PausedQueue]) -> None:
    """Resume each and strike it off after the server's answer."""
    queues = Queues(connection)
    for name in dict.fromkeys(queue.name for queue in owed):
        try:
            with admin_only(connection, queues.changing, purpose="resuming jobs"):
                await queues.set_paused(name, False)
        except ServerRefused as refusal:
            if refusal.status != 400 or await _has(queues, name):
                raise
            # The server does not have such a queue (any more): nothing is paused.
        manifest.resumed([queue for queue in owed if queue.name == name])


async def _has(queues: Queues, name: str) -> bool:
    return any(queue.name == name for queue in await queues.every())


def _strike_off(connection: Connection, manifest: Manifest, names: Sequence[str]) -> None:
    """These were never paused."""
    manifest.resumed([queue for queue in _owed(connection, manifest) if queue.name in names])


def _owed(connection: Connection, manifest: Manifest) -> list[PausedQueue]:
    return manifest.paused_queues(manifest.account(connection.user_id), _address(connection))


def _address(connection: Connection) -> str:
    return str(connection.http.base.origin())


def _left(owed: Sequence[PausedQueue], error: Exception) -> str:
    names = ", ".join(dict.fromkeys(queue.name for queue in owed))
    reason = error.message if isinstance(error, TransferError) else "no answer in time"
    return (
        f"jobs are still paused on the server ({names}): {reason}; the next command with an"
        " admin's key resumes them"
    )

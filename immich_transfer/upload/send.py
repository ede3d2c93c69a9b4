"""Fourth stage: send bodies, as many at once as the pace allows, each until it is there.

An attempt ends in one of four ways: the server has it (new, or a duplicate that beat us to it);
the attempt failed and may be made again; the file itself is to blame; or the run is. Early
answers, lost answers and duplicate answers all end as "it is there", because the next attempt
carries the checksum and the server answers it at once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import NamedTuple

from immich_transfer.disk.digest import digest, fingerprint
from immich_transfer.disk.source import differs, open_source, read_sidecar
from immich_transfer.errors import (
    ChangedWhileReading,
    ConnectionFailed,
    Interrupted,
    ItemError,
    LocalReadError,
    RunError,
    Stumbled,
    Throttled,
    TransferError,
    Transient,
)
from immich_transfer.events import BytesMoved, Hashed, SendEnded, SendStarted
from immich_transfer.immich.body import Progress
from immich_transfer.model import AssetId, LocalFile, Outcome, Sha1
from immich_transfer.pipeline.batcher import Batcher
from immich_transfer.pipeline.limiter import Limiter, Slot

from .check import debts_of, settle_duplicates
from .run import Candidate, UploadRun

ROUNDS = 3
"""How often a file that keeps changing is hashed anew before it is given up."""
WAITING_TASKS = 128
"""Transfers that exist at once, in flight or waiting to try again."""

_keys = itertools.count(1)


class Sent(NamedTuple):
    """The server's answer to a body: what is left is to write it down and to verify it."""

    candidate: Candidate
    asset_id: AssetId
    created: bool
    sidecar_stamp: str | None
    twins: list[Candidate]


async def send_files(
    run: UploadRun,
    to_send: asyncio.Queue[Candidate | None],
    to_settle: Batcher[Sent],
    limiter: Limiter,
) -> None:
    """Start a transfer for every candidate; a stop lets those in flight finish."""
    room = asyncio.Semaphore(WAITING_TASKS)
    async with asyncio.TaskGroup() as transfers:
        while (candidate := await to_send.get()) is not None:
            if run.stopping:
                run.put_down(candidate)
                continue
            await room.acquire()
            await limiter.acquire()
            if run.stopping:
                limiter.release()
                room.release()
                run.put_down(candidate)
                continue
            task = transfers.create_task(_transfer(run, candidate, to_settle, limiter))
            task.add_done_callback(lambda _: room.release())


async def _transfer(
    run: UploadRun, candidate: Candidate, to_settle: Batcher[Sent], limiter: Limiter
) -> None:
    """Bring one content to the server. Holds a slot when called, and gives it back."""
    slot = Slot(limiter)
    rounds = 1
    try:
        while True:
            try:
                await _send_until_there(run, candidate, to_settle, slot)
                return
            except ChangedWhileReading as error:
                rounds += 1
                if rounds > ROUNDS:
                    raise ChangedWhileReading(
                        "the file keeps changing", hint="run again when it is at rest"
                    ) from error
                fresh = await _hash_again(run, candidate, limiter, to_settle)
                if fresh is None:
                    return
                candidate = fresh
    except Interrupted:
        pass  # it stays undecided: `pending`
    except (ItemError, Transient) as error:
        _give_up(run, candidate, error, to_settle, limiter)
    except RunError as error:
        run.cut(error)
    finally:
        slot.release()
        run.put_down(candidate)


async def _send_until_there(
    run: UploadRun, candidate: Candidate, to_settle: Batcher[Sent], slot: Slot
) -> None:
    file = candidate.file
    delivered = False

    async def attempt(number: int) -> tuple[AssetId, bool, str | None]:
        nonlocal delivered
        await slot.take()
        if run.stopping and number > 1:
            raise Interrupted("stopped before the next attempt")
        progress = _progress(run, slot.limiter)
        try:
            return await _attempt(run, candidate, number, progress)
        except ConnectionFailed:
            delivered |= progress.sent > file.size
            raise

    def failed(failure: Transient) -> None:
        slot.release()
        if not isinstance(failure, Stumbled):
            slot.limiter.trouble()

    asset_id, created, sidecar = await run.connection.http.persist(
        attempt, file.shown, on_failure=failed
    )
    slot.limiter.moved(0, finished=True)
    # The answer to a body that went out whole was lost: the duplicate found now is our own.
    created |= delivered
    run.landed.add(candidate.sha1)
    twins = run.claims.pop(candidate.sha1, [])
    to_settle.put_now([Sent(candidate, asset_id, created, sidecar, twins)])


def _progress(run: UploadRun, limiter: Limiter) -> Progress:
    """Counts the bytes of one attempt, and tells the pace and the listeners."""
    key = next(_keys)

    def moved(size: int) -> None:
        run.totals.bytes_sent += size
        limiter.moved(size)
        run.listener(BytesMoved(key, size))

    return Progress(key, moved)


async def _attempt(
    run: UploadRun, candidate: Candidate, number: int, progress: Progress
) -> tuple[AssetId, bool, str | None]:
    """One body on the wire. Raises ChangedWhileReading when the file is not what was hashed."""
    file = candidate.file
    key = progress.key
    content: bytes | int | None = candidate.content
    opened: int | None = None
    try:
        sidecar = await read_sidecar(file)
        if content is None:
            content = await run.in_thread(open_source, file)
        if isinstance(content, int):
            opened = content
        run.listener(SendStarted(key, file.shown, file.size, number))
        try:
            asset_id, created = await run.assets.upload(
                file,
                candidate.sha1,
                run.options,
                content=content,
                sidecar=sidecar,
                progress=progress,
            )
        finally:
            run.listener(SendEnded(key))
        if opened is not None and differs(file, opened):
            # Sent while it changed: whatever arrived is not this checksum. Never record it.
            raise ChangedWhileReading("the file changed while it was sent")
    finally:
        if opened is not None:
            os.close(opened)
    return asset_id, created, file.sidecar_stamp if sidecar is not None else None


async def _hash_again(
    run: UploadRun, candidate: Candidate, limiter: Limiter, to_settle: Batcher[Sent]
) -> Candidate | None:
    """The file has new content: give it its new checksum and a place of its own.

    Returns the candidate to send, or None when the new content is there or on its way already.
    """
    run.put_down(candidate)
    _release_claim(run, candidate, to_settle, limiter)
    old = candidate.file

    def look() -> tuple[LocalFile, Sha1]:
        try:
            now = fingerprint(os.stat(old.path))
        except OSError as error:
            raise LocalReadError(error.strerror or "cannot be read") from None
        file = LocalFile(
            old.path, old.shown, old.folder, old.root, now, old.sidecar, old.sidecar_stamp
        )
        found = digest(file.path, now)
        run.manifest.remember([(file, found)])
        return file, found.sha1

    file, sha1 = await run.in_thread(look)
    run.totals.bytes_hashed += file.size
    run.listener(Hashed(file.size))
    fresh = Candidate(file, sha1)
    seen = (await run.assets.check([sha1]))[0]
    if seen is not None and not seen.trashed:
        await settle_duplicates(run, [(fresh, seen.asset_id)])
        return None
    if seen is not None:
        run.finish(file, Outcome.TRASHED, sha1=sha1, asset_id=seen.asset_id)
        return None
    twins = run.claims.get(sha1)
    if twins is not None:
        twins.append(fresh)
        return None
    run.claims[sha1] = []
    debts = debts_of(run, file, sha1, None)
    if debts:
        await run.in_thread(run.manifest.owe, run.account, debts)
    return fresh


def _release_claim(
    run: UploadRun, candidate: Candidate, to_settle: Batcher[Sent], limiter: Limiter
) -> None:
    """The content did not arrive through this file: let the next twin try."""
    twins = run.claims.pop(candidate.sha1, [])
    if not twins or run.stopping:
        return
    heir, rest = twins[0], twins[1:]
    run.claims[candidate.sha1] = rest

    async def inherit() -> None:
        await limiter.acquire()
        if run.stopping:
            limiter.release()
        else:
            await _transfer(run, heir, to_settle, limiter)

    run.spawn(inherit())


def _give_up(
    run: UploadRun,
    candidate: Candidate,
    error: TransferError,
    to_settle: Batcher[Sent],
    limiter: Limiter,
) -> None:
    if isinstance(error, Throttled | ConnectionFailed | Stumbled) and error.hint is None:
        error.hint = "the server may have a reason in its log; run again to try this file again"
    run.fail(candidate.file, error, candidate.sha1)
    _release_claim(run, candidate, to_settle, limiter)

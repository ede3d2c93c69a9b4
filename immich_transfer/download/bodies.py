"""One body, one attempt: from the wire into a file with its final name (law 2)."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from immich_transfer.disk.part import PartFile
from immich_transfer.disk.place import split
from immich_transfer.errors import ConnectionFailed, TransferError, WrongBytes
from immich_transfer.events import BytesMoved, Hashed, SendEnded, SendStarted
from immich_transfer.immich.attempts import RangeRefused
from immich_transfer.immich.originals import Body
from immich_transfer.model import AssetId, Part
from immich_transfer.pipeline.limiter import Slot
from immich_transfer.policy.naming import part_name
from immich_transfer.policy.resume import Take, Verdict, judge

from .compare import Job
from .places import InPlace, part_of, settle_part
from .promise import promise_parts
from .run import DownloadRun
from .store import SmallStore, check_bytes

SMALL_BYTES = 512 << 10
"""Up to this a body is held in memory. Cut off, it starts anew."""
MOST_PIECE = 256 << 10
LEAST_PIECE = 64 << 10
ALL_PIECES = 8 << 20
"""A large body is written in pieces, one being gathered while the other is written; fewer bytes
each when many bodies are on their way, so that all together hold at most twice this."""

LEAST_WINDOW = 64 << 10
MOST_WINDOW = 256 << 10
"""What the system may read ahead of `--bwlimit`, about an eighth of a second of it: else megabytes
wait in it, and a crash loses them."""

T = TypeVar("T")

_keys = itertools.count(1)


class Meter:
    """Counts the bytes of one attempt, tells the pace and the listeners, and keeps to
    `--bwlimit`."""

    def __init__(self, run: DownloadRun, job: Job, number: int) -> None:
        self._run = run
        self._key = next(_keys)
        asset = job.wanted.asset
        run.listener(SendStarted(self._key, job.wanted.path, asset.size or 0, number))

    def moved(self, size: int) -> None:
        run = self._run
        run.totals.bytes_received += size
        run.limiter.moved(size)
        run.listener(BytesMoved(self._key, size))

    async def slow_down(self, size: int) -> None:
        bucket = self._run.bucket
        if bucket is not None:
            delay = bucket.take(time.monotonic(), size)
            if delay > 0:
                await asyncio.sleep(delay)

    def end(self) -> None:
        self._run.listener(SendEnded(self._key))


async def fetch_small(
    run: DownloadRun, job: Job, number: int, slot: Slot, store: SmallStore
) -> InPlace:
    """A body of known, small size. Gives the slot back once it is here, before it is written.
    Raises a Transient, or what writing raises."""
    asset = job.wanted.asset
    async with store.room.hold(asset.size or 0):
        meter = Meter(run, job, number)
        try:
            body = await run.originals.read(asset.id, asset.size or 0)
            meter.moved(len(body))
            if run.bucket is not None:
                await meter.slow_down(len(body))
        finally:
            meter.end()
        run.limiter.moved(0, finished=True)
        slot.release()
        return await store.put(job, body)


async def fetch_large(
    run: DownloadRun, job: Job, number: int, parts: dict[AssetId, Part]
) -> InPlace:
    """A body that grows in a part file, which is kept when the line breaks. `parts` remembers what
    the next attempt goes on from."""
    asset = job.wanted.asset
    folder, _ = split(job.wanted.path)
    name = part_name(asset.id, asset.sha1)

    def take_up() -> PartFile:
        return PartFile(run.destination, folder, name, keep=True, on_bytes=run.still_wanted)

    part = await _whole(run, take_up, undo=PartFile.close)
    placed = None
    try:
        offset = part.size
        if offset:
            run.totals.bytes_hashed += offset
            run.listener(Hashed(offset))
        known = parts.get(asset.id)
        validator = known.validator if known is not None else None
        if asset.size is not None and offset > asset.size:
            await _whole(run, part.restart)
        elif validator is None and asset.sha1 is None:
            await _whole(run, part.restart)  # nothing would tell if its halves were of two files
        if not (part.size and part.size == asset.size):
            await _receive(run, job, number, part, validator, parts)
        placed = await _whole(run, lambda: _settle(run, job, part))
        parts.pop(asset.id, None)
    finally:
        await _whole(run, lambda: _put_away(part, done=placed is not None))
    run.limiter.moved(0, finished=True)
    return placed


def _put_away(part: PartFile, *, done: bool) -> None:
    if not done and not part.size:
        part.discard()
    part.close()


async def _whole(
    run: DownloadRun, work: Callable[[], T], *, undo: Callable[[T], None] | None = None
) -> T:
    """Work on a part file in a thread. It ends before anything else is done to the file, even when
    we are cancelled meanwhile: two threads in one descriptor would spoil more than a photo."""
    done = asyncio.ensure_future(run.in_thread(work))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done])
        if done.exception() is None and undo is not None:
            undo(done.result())
        raise


async def _receive(
    run: DownloadRun,
    job: Job,
    number: int,
    part: PartFile,
    validator: str | None,
    parts: dict[AssetId, Part],
) -> None:
    """Fill the part file up to its end."""
    asset = job.wanted.asset
    offset = part.size
    meter = Meter(run, job, number)
    try:
        window = None
        if run.bucket is not None:
            window = max(LEAST_WINDOW, min(MOST_WINDOW, run.bucket.rate // 8))
        async with run.originals.open(
            asset.id, offset=offset, validator=validator, window=window
        ) as body:
            verdict = _accept(body, offset, asset.size)
            if verdict.take is Take.START_OVER and offset:
                await _whole(run, part.restart)
            parts[asset.id] = await _remember(run, job, body.validator)
            async with _writing(run, part) as write:
                left = None if asset.size is None else asset.size - part.size
                async for piece in body.pieces:
                    meter.moved(len(piece))
                    if left is not None:
                        left -= len(piece)
                        if left < 0:
                            raise WrongBytes("more bytes came than the server lists")
                    await write(piece)
                    if run.bucket is not None:
                        await meter.slow_down(len(piece))
        if verdict.total is not None and part.size < verdict.total:
            raise ConnectionFailed("the answer was cut short")
    except RangeRefused as refused:
        # There is nothing behind what we have: its checksum tells whether that is right.
        if refused.size is not None and refused.size != offset:
            await _whole(run, part.restart)
            raise ConnectionFailed("the file on the server is another one now") from None
    finally:
        meter.end()


@asynccontextmanager
async def _writing(run: DownloadRun, part: PartFile) -> AsyncIterator[_Write]:
    """A function that takes pieces: they are written by a thread while the next ones come in.

    However the block ends, what it was given is written before the part file is touched again.
    """
    writer = _Write(run, part)
    try:
        yield writer
    finally:
        await writer.flush()


class _Write:
    def __init__(self, run: DownloadRun, part: PartFile) -> None:
        self._run = run
        self._part = part
        self._pieces: list[bytes] = []
        self._held = 0
        self._busy: asyncio.Future[None] | None = None

    async def __call__(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        flying = max(1, self._run.limiter.in_flight)
        enough = max(LEAST_PIECE, min(MOST_PIECE, ALL_PIECES // flying))
        if self._run.bucket is not None:
            enough = LEAST_PIECE  # there is time, and what is held is lost in a crash
        if self._held >= enough:
            await self._hand_over()

    async def _hand_over(self) -> None:
        await self._written()
        pieces, self._pieces, self._held = self._pieces, [], 0
        loop = asyncio.get_running_loop()
        self._busy = loop.run_in_executor(self._run.pool, self._part.write, pieces)

    async def _written(self) -> None:
        """What the thread has is on disk; once that failed, nothing may follow it: raises again."""
        if self._busy is not None:
            await asyncio.shield(self._busy)
            self._busy = None

    async def flush(self) -> None:
        if self._pieces:
            await self._hand_over()
        await self._written()


def _accept(body: Body, offset: int, expected: int | None) -> Verdict:
    verdict = judge(
        body.status, body.content_range, body.content_length, offset=offset, expected=expected
    )
    if verdict.take is Take.REFUSE:
        raise WrongBytes(verdict.why)
    return verdict


async def _remember(run: DownloadRun, job: Job, validator: str | None) -> Part:
    """Keep what If-Range needs, before the first byte is written."""
    row = part_of(job.wanted, validator)
    await run.in_thread(promise_parts, run, [row])
    return row


def _settle(run: DownloadRun, job: Job, part: PartFile) -> InPlace:
    """The bytes are all there: are they the right ones? Then they get their name."""
    try:
        check_bytes(job.wanted.asset, part.size, part.sha1)
    except TransferError:
        part.discard()
        raise
    return settle_part(run, job, part)

"""Is every local file on the server? Walked and hashed like an upload; then the server is asked.

The server compares with the SHA-1 of the bytes it received, in what the key's user uploaded:
photos that are only in an external library or an album of somebody else's do not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from immich_transfer.config.options import CheckOptions, ServerOptions, TransferOptions
from immich_transfer.errors import Exit, TransferError, UsageError
from immich_transfer.events import Listener
from immich_transfer.immich.assets import CHECK_LIMIT
from immich_transfer.model import ItemResult, LocalFile, Outcome, Summary
from immich_transfer.pipeline.batcher import Batcher
from immich_transfer.pipeline.conduct import Asked, Ending, conduct
from immich_transfer.pipeline.run import Parts
from immich_transfer.pipeline.shutdown import stages_of
from immich_transfer.upload.flow import UNHASHED_GROUPS, filter_lines, walker_of
from immich_transfer.upload.hash import hash_files
from immich_transfer.upload.run import Candidate, UploadRun
from immich_transfer.upload.scan import scan

from .verdicts import Proof, ending

CHECK_SECONDS = 0.05


async def check_files(
    server: ServerOptions,
    transfer: TransferOptions,
    options: CheckOptions,
    *,
    listener: Listener,
    arguments: Sequence[str],
    stop: asyncio.Event | None = None,
) -> Summary:
    """Compare `options.files` with the server."""
    files = options.files
    if files is None:
        raise UsageError("no path to check")
    lines = await filter_lines(files)
    proof = Proof()

    async def begin(parts: Parts) -> UploadRun:
        parts.connection.require("asset.upload", purpose="asking which files are there")
        run = UploadRun(parts, files)
        run.media = await parts.connection.media_types()
        return run

    return await conduct(
        server,
        transfer,
        Asked("check", arguments),
        listener=listener,
        stop=stop,
        begin=begin,
        work=lambda run: _compare(run, lines, proof),
        conclude=lambda run: _conclude(run, proof),
    )


async def _compare(run: UploadRun, lines: Sequence[str], proof: Proof) -> None:
    walker = await walker_of(run, lines)
    to_hash: asyncio.Queue[list[LocalFile] | None] = asyncio.Queue(UNHASHED_GROUPS)
    to_check: Batcher[Candidate] = Batcher(
        size=CHECK_LIMIT, linger=CHECK_SECONDS, bound=2 * CHECK_LIMIT
    )

    async def scanning() -> None:
        try:
            await scan(run, walker(), to_hash, to_check)
        except TransferError as error:
            run.cut(error)
        finally:
            to_check.done()
        await to_hash.put(None)

    async def hashing() -> None:
        try:
            await hash_files(run, to_hash, to_check)
        finally:
            to_check.done()

    hashers = run.transfer.hashers
    for _ in range(hashers + 1):
        to_check.open()
    stages: list[Callable[[], Coroutine[Any, Any, None]]] = [
        scanning,
        *[hashing] * hashers,
        lambda: _ask(run, to_check, proof),
    ]
    async with stages_of(run) as group:
        for stage in stages:
            group.start_soon(stage)


async def _ask(run: UploadRun, to_check: Batcher[Candidate], proof: Proof) -> None:
    """What does the server say to each checksum?"""
    async for batch in to_check.batches():
        for candidate in batch:
            run.put_down(candidate)
        if run.stopping:
            continue
        try:
            answers = await run.assets.check([candidate.sha1 for candidate in batch])
        except TransferError as error:
            run.cut(error)
            continue
        for candidate, found in zip(batch, answers, strict=True):
            outcome = Outcome.EQUAL
            if found is None:
                outcome = Outcome.MISSING_REMOTE
            elif found.trashed:
                outcome = Outcome.TRASHED
            proof.known += candidate.file.size
            run.finish(
                candidate.file,
                outcome,
                sha1=candidate.sha1,
                asset_id=found.asset_id if found is not None else None,
            )


def _conclude(run: UploadRun, proof: Proof) -> Ending:
    left = run.books.undecided()
    if left and not run.stopping:
        run.codes.append(Exit.FAILED)
    for file in left:
        outcome = Outcome.PENDING if run.stopping else Outcome.FAILED
        error = None if run.stopping else "was not judged"
        run.books.settle(ItemResult(outcome, file.shown, file.size, error=error), file)
    proof.read = run.totals.bytes_hashed
    proof.known = max(0, proof.known - proof.read)
    return ending(run, run.books, proof)

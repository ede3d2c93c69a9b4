"""Second stage: SHA-1 in worker threads (hashlib frees the GIL), saved at once.

A digest is in the manifest before its file goes on, so a crash never hashes twice. The bytes of
small files travel on with their hash: what is sent is then exactly what was hashed, and the file
is opened once.
"""

from __future__ import annotations

import asyncio

import msgspec

from immich_transfer.disk.digest import digest, digest_small
from immich_transfer.errors import ChangedWhileReading, Interrupted, ItemError, TransferError
from immich_transfer.events import Hashed
from immich_transfer.model import Digest, LocalFile
from immich_transfer.pipeline.batcher import Batcher

from .run import Candidate, UploadRun

SMALL_BYTES = 512 << 10
"""Up to this size a file is read in one piece."""


class Hashing(msgspec.Struct, gc=False):
    """What became of one group."""

    done: list[tuple[LocalFile, Digest, bytes | None]] = []
    failed: list[tuple[LocalFile, ItemError]] = []


async def hash_files(
    run: UploadRun,
    to_hash: asyncio.Queue[list[LocalFile] | None],
    to_check: Batcher[Candidate],
) -> None:
    """One hasher: takes groups until the scanner is done."""
    loop = asyncio.get_running_loop()
    while (group := await to_hash.get()) is not None:
        await run.room_to_carry()
        if run.stopping:
            continue
        try:
            hashing = await loop.run_in_executor(run.hash_pool, _hash_group, run, group)
        except TransferError as error:
            run.cut(error)
            continue
        hashed = sum(file.size for file, _, _ in hashing.done)
        run.totals.bytes_hashed += hashed
        run.listener(Hashed(hashed))
        for file, refused in hashing.failed:
            run.fail(file, refused)
        await to_check.put(
            [
                Candidate(file, found.sha1, None if content is None else run.carry(content))
                for file, found, content in hashing.done
            ]
        )
    await to_hash.put(None)  # for the next hasher


def _hash_group(run: UploadRun, group: list[LocalFile]) -> Hashing:
    hashing = Hashing()
    for file in group:
        if run.stopping:
            break  # what was not hashed stays undecided
        try:
            if file.size <= SMALL_BYTES:
                found, content = digest_small(file.path, file.fingerprint)
                hashing.done.append((file, found, content))
            else:
                found = digest(file.path, file.fingerprint, on_bytes=run.still_wanted)
                hashing.done.append((file, found, None))
        except ChangedWhileReading as error:
            hashing.failed.append(
                (file, ChangedWhileReading(error.message, hint="run again when it is at rest"))
            )
        except Interrupted:
            break
        except ItemError as error:
            hashing.failed.append((file, error))
    if hashing.done and not run.dry:
        run.manifest.remember([(file, found) for file, found, _ in hashing.done])
    return hashing

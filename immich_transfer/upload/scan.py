"""First stage: walk the folders and ask the manifest what is known of each file.

Walking and looking up share one thread hop per batch; nothing is opened but files that look like
moved ones, whose samples are compared (three reads of 16 KiB instead of the whole file).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from immich_transfer.config.options import UploadOptions
from immich_transfer.disk.digest import sample
from immich_transfer.disk.walk import WalkBatch
from immich_transfer.errors import ItemError
from immich_transfer.events import Discovered, WalkDone
from immich_transfer.model import Digest, ItemResult, LocalFile, Outcome
from immich_transfer.pipeline.batcher import Batcher

from .run import Candidate, UploadRun

GROUP_FILES = 32
GROUP_BYTES = 4 << 20
"""Small files are hashed by the group: one thread hop and one commit for up to this many."""


class Step(msgspec.Struct, gc=False):
    """One batch of the walk, with what the manifest knows of it."""

    found: WalkBatch
    known: list[Candidate]
    unknown: list[LocalFile]


async def scan(
    run: UploadRun,
    walker: Iterator[WalkBatch],
    to_hash: asyncio.Queue[list[LocalFile] | None],
    to_check: Batcher[Candidate],
) -> None:
    """Feed what the walk finds to `to_check` (checksum known) and `to_hash` (not known)."""
    orphans = 0
    while not run.stopping:
        step = await run.in_thread(_step, run, walker)
        if step is None:
            break
        found = step.found
        run.books.discovered(found.files, len(found.skipped) + len(found.unreadable))
        run.listener(
            Discovered(
                len(found.files) + len(found.skipped) + len(found.unreadable),
                sum(file.fingerprint.size for file in found.files),
            )
        )
        for skip in found.skipped:
            run.books.settle(
                ItemResult(Outcome.SKIPPED, skip.shown, skip.size, reason=skip.reason), None
            )
        for bad in found.unreadable:
            run.books.settle(ItemResult(Outcome.FAILED, bad.shown, error=bad.error), None)
        for orphan in found.orphan_sidecars:
            orphans += 1
            if orphans <= 20:
                run.note(f"sidecar without its photo, left out: {orphan}")
        if step.known:
            await to_check.put(step.known)
        for group in _groups(step.unknown):
            await to_hash.put(group)
    if orphans > 20:
        run.note(f"{orphans - 20:,} more sidecars without their photos were left out")
    if not run.stopping:
        run.listener(WalkDone())


def _step(run: UploadRun, walker: Iterator[WalkBatch]) -> Step | None:
    found = next(walker, None)
    if found is None:
        return None
    files = found.files
    if _must_read(run.options) or not files:
        return Step(found, [], files)
    known: list[Candidate] = []
    unknown: list[LocalFile] = []
    for file, sha1 in zip(files, run.manifest.lookup(files), strict=True):
        if sha1 is None:
            unknown.append(file)
        else:
            known.append(Candidate(file, sha1))
    if unknown:
        moved = _recognised(run, unknown)
        if moved:
            known += [Candidate(file, digest.sha1) for file, digest in moved]
            seen = {file.path for file, _ in moved}
            unknown = [file for file in unknown if file.path not in seen]
            if not run.dry:
                run.manifest.remember(moved)
    return Step(found, known, unknown)


def _must_read(options: UploadOptions) -> bool:
    """True when every file is hashed anew: asked for, or because what deletes something, here or
    there, must know the content and not merely recognise it (law 5)."""
    return options.checksum or options.delete_source or options.trashed == "reupload"


def _recognised(run: UploadRun, files: Sequence[LocalFile]) -> list[tuple[LocalFile, Digest]]:
    """Moved and copied files: same size and mtime as a remembered one, and the same samples."""
    lookalikes = run.manifest.lookalikes(files)
    moved = []
    for file in files if lookalikes else ():
        digests = lookalikes.get(file.path)
        if not digests:
            continue
        try:
            seen = sample(file.path, file.size)
        except (OSError, ItemError):
            continue  # hashing will meet the same trouble and name it
        matches = {digest.sha1 for digest in digests if digest.sample == seen}
        if len(matches) == 1:
            moved.append((file, Digest(matches.pop(), seen)))
    return moved


def _groups(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    group: list[LocalFile] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.size
        if len(group) >= GROUP_FILES or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group

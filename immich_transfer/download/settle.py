"""Fifth stage: make names durable, remember the files, give them their outcomes - in that order.

A file is in the manifest only when its name has reached the disk: after a power cut the manifest
says that a file is there which is not. What a run that died between the two leaves is known by the
promise of its name.
"""

from __future__ import annotations

from collections.abc import Sequence

from immich_transfer.errors import ItemError, LocalWriteError, TransferError
from immich_transfer.pipeline.batcher import Batcher

from .fetch import Done
from .run import DownloadRun


async def settle(run: DownloadRun, to_settle: Batcher[Done]) -> None:
    """Settle files in groups: one fsync a folder and one commit serve many."""
    async for batch in to_settle.batches():
        try:
            lost = await run.in_thread(_make_durable, run, batch)
        except TransferError as error:
            run.cut(error)
            continue
        for done in batch:
            if done.folder in lost:
                run.fail(
                    done.wanted,
                    LocalWriteError(
                        "its folder was moved or removed while it was written",
                        hint="run again: it comes again",
                    ),
                )
                continue
            run.totals.verified += done.wanted.asset.sha1 is not None
            run.finish(
                done.wanted,
                done.outcome,
                size=done.placed.fingerprint.size,
                sha1=done.placed.sha1,
                note=done.note,
            )


def _make_durable(run: DownloadRun, batch: Sequence[Done]) -> set[str]:
    """Remember what is in its place; the folders that are not where they were."""
    lost = set()
    for relative in sorted({done.folder for done in batch}):
        try:
            with run.destination.folder(relative) as folder:
                folder.sync()
                if not run.destination.leads_to(relative, folder):
                    lost.add(relative)
        except (FileNotFoundError, ItemError):
            lost.add(relative)
    here = [done.placed for done in batch if done.folder not in lost]
    run.manifest.place(run.mirror, here, arrived=True)
    return lost

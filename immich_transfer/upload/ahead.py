"""Counting ahead, so that a long run can say how much is left.

The walk that feeds the transfer is held back by the bounded queues; a second one only counts. It
starts when the first has not ended after a few seconds, costs about half a second a hundred
thousand files, and keeps nothing in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from immich_transfer.disk.walk import WalkBatch
from immich_transfer.errors import TransferError
from immich_transfer.events import Expected

from .run import UploadRun

START_SECONDS = 3.0
"""A run shorter than this needs no forecast."""
TELL_FILES = 20_000


async def count_ahead(
    run: UploadRun, walked: asyncio.Event, walker: Callable[[], Iterator[WalkBatch]]
) -> None:
    """Tell how much there is, unless the walk ends before that is worth the trouble."""
    try:
        await asyncio.wait_for(walked.wait(), START_SECONDS)
        return
    except TimeoutError:
        pass
    batches = walker()
    files = size = told = 0
    try:
        while not run.stopping and not walked.is_set():
            batch = await run.in_thread(next, batches, None)
            if batch is None:
                run.listener(Expected(files, size))
                return
            files += len(batch.files) + len(batch.skipped) + len(batch.unreadable)
            size += sum(file.size for file in batch.files)
            if files - told >= TELL_FILES:
                told = files
                run.listener(Expected(files, size))
    except TransferError:
        return  # the walk that counts for real will meet it and say it

"""Counting ahead, so that a long run can say how much is left.

The walk that feeds the transfer is held back by the bounded queues; a second one only counts. It
costs about half a second a hundred thousand files and keeps nothing in memory. It starts after a
few seconds, and only when the first is held back: where nothing is new that one is as fast, and
counting made a run over a million files a third slower.
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
    run: UploadRun,
    walked: asyncio.Event,
    held_back: Callable[[], bool],
    walker: Callable[[], Iterator[WalkBatch]],
) -> None:
    """Tell how much there is, unless the walk ends before that is worth the trouble."""
    while True:
        try:
            await asyncio.wait_for(walked.wait(), START_SECONDS)
            return
        except TimeoutError:
            if held_back():
                break
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

"""Small bodies on their way to the disk: many in one hop to a thread, one group at a time.

A thread hop and a fight over the interpreter for each file cost more than writing it. While one
group is written the next one gathers; all of a group are written before the first is synced, so
that a journal commits once for many, and their names are promised together.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from immich_transfer.disk.part import PartFile
from immich_transfer.disk.place import Folder, split
from immich_transfer.disk.refusals import write_error
from immich_transfer.disk.unnamed import AVAILABLE, Unnamed
from immich_transfer.errors import TransferError, WrongBytes
from immich_transfer.model import Placed, RemoteAsset
from immich_transfer.pipeline.room import Room

from .compare import Job
from .places import InPlace, part_of, placed_as, settle
from .promise import promise_names, promise_parts
from .run import DownloadRun

GROUP = 64
ENOUGH = 16
LINGER_SECONDS = 0.01
"""A group of fewer waits this long for more: 8 % less CPU for 2,000 x 100 KB, and no later."""
SPARE = 8
"""Open files beyond one a transfer and one a hasher: with the dozen of the manifest, the streams
and the event loop they are twenty."""
HELD_BYTES = 12 << 20
"""Small bodies in memory, those on their way and those that wait for the disk: where they fill it,
no other is asked for. 24 of the largest at once, or 28 MB/s over a line of 0.3 s (measured)."""


class Small(NamedTuple):
    """A body in memory, and who waits for it to be a file."""

    job: Job
    body: bytes | memoryview
    done: asyncio.Future[InPlace]


Written = PartFile | Unnamed | Exception
Stored = InPlace | Exception


class Whole(NamedTuple):
    """A file that has all but its name, and how it is to be remembered."""

    file: PartFile | Unnamed
    placed: Placed


class SmallStore:
    """Writes small bodies for one run."""

    def __init__(self, run: DownloadRun) -> None:
        self._run = run
        self._waiting: deque[Small] = deque()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self.room = Room(HELD_BYTES)
        self._unnamed = AVAILABLE
        """False once this file system refused files without names."""

    async def put(self, job: Job, body: bytes | memoryview) -> InPlace:
        """A body becomes a file of the right bytes, with its final name. Raises WrongBytes, or
        what writing raises."""
        done: asyncio.Future[InPlace] = asyncio.get_running_loop().create_future()
        self._waiting.append(Small(job, body, done))
        self._start()
        return await done

    def _start(self, *, waited: bool = False) -> None:
        while self._waiting and self._waiting[0].done.done():
            self._waiting.popleft()  # its transfer was dropped
        if self._busy or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        if len(self._waiting) < ENOUGH and not waited:
            if self._timer is None:
                self._timer = loop.call_later(LINGER_SECONDS, self._linger_over)
            return
        self._busy = True
        group = self._next_group()
        work = loop.run_in_executor(self._run.pool, self._store, group)
        work.add_done_callback(lambda stored: self._end(group, stored))

    def _linger_over(self) -> None:
        self._timer = None
        self._start(waited=True)

    def _next_group(self) -> list[Small]:
        """As many as may be open at once beside what is."""
        run = self._run
        room = run.limiter.limit + run.transfer.hashers + SPARE - run.destination.descriptors
        group: list[Small] = []
        folders: set[str] = set()
        while self._waiting and len(group) < GROUP:
            folder, _ = split(self._waiting[0].job.wanted.path)
            room -= 1 if folder in folders else 2
            if group and room < 0:
                break
            folders.add(folder)
            group.append(self._waiting.popleft())
        return group

    def _end(self, group: Sequence[Small], stored: asyncio.Future[list[Stored]]) -> None:
        self._busy = False
        if stored.cancelled():
            return
        failure = stored.exception()
        results = [failure] * len(group) if failure is not None else stored.result()
        for small, result in zip(group, results, strict=True):
            if small.done.done():
                continue  # its transfer was dropped: the next run finds the file
            if isinstance(result, InPlace):
                small.done.set_result(result)
            else:
                small.done.set_exception(result)
        self._start()

    # in the thread

    def _store(self, group: Sequence[Small]) -> list[Stored]:
        """Each step for all of the group before the next: one promise serves many names."""
        run = self._run
        jobs = [small.job for small in group]
        with ExitStack() as closing:
            written = self._write_unnamed(group, closing) if self._unnamed else None
            if written is None:
                self._unnamed = False
                written = self._write_parts(group, closing)
            whole = [_whole(job, file) for job, file in zip(jobs, written, strict=True)]
            try:
                names = [one.placed for one in whole if isinstance(one, Whole)]
                promise_names(run, names, durable=True)
            except BaseException:
                for one in whole:
                    if isinstance(one, Whole):
                        _drop(one.file)
                raise
            return [_settle(run, job, one) for job, one in zip(jobs, whole, strict=True)]

    def _write_unnamed(self, group: Sequence[Small], closing: ExitStack) -> list[Written] | None:
        """None when this file system has no files without names."""
        destination = self._run.destination
        folders: dict[str, Folder] = {}
        files: list[Written] = []
        with ExitStack() as opened:
            for small in group:
                folder, _ = split(small.job.wanted.path)
                try:
                    if folder not in folders:
                        lease = destination.folder(folder, make=True)
                        folders[folder] = opened.enter_context(lease)
                    file = Unnamed(folders[folder], small.body)
                    opened.callback(file.close)
                    files.append(file)
                except NotImplementedError:
                    return None
                except OSError as error:
                    files.append(write_error(error, os.path.join(destination.root, folder)))
                except TransferError as error:
                    files.append(error)
            closing.push(opened.pop_all())
        return files

    def _write_parts(self, group: Sequence[Small], closing: ExitStack) -> list[Written]:
        parts = [part_of(small.job.wanted) for small in group]
        promise_parts(self._run, parts)
        files: list[Written] = []
        for small, part in zip(group, parts, strict=True):
            try:
                file = PartFile(self._run.destination, *split(part.path), keep=False)
                closing.callback(file.close)
                try:
                    file.write([small.body])
                except TransferError:
                    file.discard()
                    raise
                files.append(file)
            except TransferError as error:
                files.append(error)
        return files


def _whole(job: Job, file: Written) -> Whole | Exception:
    """Check a file's bytes and make it durable."""
    if isinstance(file, Exception):
        return file
    asset, (_, name) = job.wanted.asset, split(job.wanted.path)
    try:
        try:
            check_bytes(asset, file.size, file.sha1)
            seen = file.finish(asset.modified)
        except OSError as error:
            raise write_error(error, os.path.join(file.folder.path, name)) from None
    except TransferError as error:
        _drop(file)
        return error
    return Whole(file, placed_as(job, file.sha1, file.xxh3, seen))


def _settle(run: DownloadRun, job: Job, whole: Whole | Exception) -> Stored:
    if isinstance(whole, Exception):
        return whole
    try:
        return settle(run, job, whole.file, whole.placed)
    except TransferError as error:
        _drop(whole.file)
        return error


def _drop(file: PartFile | Unnamed) -> None:
    """The next attempt brings it whole."""
    if isinstance(file, PartFile):
        file.discard()


def check_bytes(asset: RemoteAsset, size: int, sha1: bytes) -> None:
    """Raises WrongBytes unless this is what the server lists."""
    if asset.size is not None and size != asset.size:
        raise WrongBytes(f"{size:,} bytes came where the server lists {asset.size:,}")
    if asset.sha1 is not None and sha1 != asset.sha1:
        raise WrongBytes("the bytes do not have the checksum that the server lists")

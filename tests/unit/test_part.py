"""Part files: taken up, begun anew, held by one run, and never somebody's photo."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import xxhash

from immich_transfer.disk.part import PartFile, read_hashes
from immich_transfer.disk.place import Destination, Folder
from immich_transfer.download.bodies import MOST_PIECE, _writing
from immich_transfer.errors import CannotContinue, Interrupted, LocalReadError, LocalWriteError
from tests.e2e.support import photo

NAME = ".3f9a.0123456789ab.part"
CONTENT = photo("part", 3_000_000)


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Destination]:
    destination = Destination(str(tmp_path))
    yield destination
    destination.close()


def opened(out: Destination, *, keep: bool = True, folder: str = "") -> PartFile:
    return PartFile(out, folder, NAME, keep=keep)


def test_what_was_written_is_taken_up(out: Destination, tmp_path: Path) -> None:
    first = opened(out, folder="A/B")
    first.write([CONTENT[:1_000_000], b"", CONTENT[1_000_000:1_700_000]])
    first.close()
    heard: list[int] = []
    second = PartFile(out, "A/B", NAME, keep=True, on_bytes=heard.append)
    assert second.size == sum(heard) == 1_700_000
    second.write([CONTENT[1_700_000:]])
    assert second.size == len(CONTENT)
    assert second.sha1 == hashlib.sha1(CONTENT).digest()
    assert second.xxh3 == xxhash.xxh3_128_digest(CONTENT)
    second.close()
    assert (tmp_path / "A/B" / NAME).read_bytes() == CONTENT


def test_without_keep_it_begins_anew(out: Destination, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"old" * 1000)
    part = opened(out, keep=False)
    part.write([b"new"])
    assert part.sha1 == hashlib.sha1(b"new").digest()
    part.close()
    assert (tmp_path / NAME).read_bytes() == b"new"


def test_restart_forgets_everything(out: Destination, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"of another file")
    part = opened(out)
    part.restart()
    assert part.size == 0
    part.write([b"new"])
    assert (part.size, part.sha1) == (3, hashlib.sha1(b"new").digest())
    assert part.xxh3 == xxhash.xxh3_128_digest(b"new")
    part.close()
    assert (tmp_path / NAME).read_bytes() == b"new"


def test_finish_sets_the_time_and_tells_what_stat_will(out: Destination, tmp_path: Path) -> None:
    part = opened(out)
    part.write([b"photo"])
    seen = part.finish(1_600_000_000_123)
    part.folder.move(NAME, part.folder, "a.jpg")
    part.close()
    status = (tmp_path / "a.jpg").stat()
    assert (seen.size, seen.mtime_ns) == (5, 1_600_000_000_123_000_000)
    assert (status.st_size, status.st_mtime_ns, status.st_ino) == (5, seen.mtime_ns, seen.inode)


@pytest.mark.parametrize("modified", [0, 1 << 62, -(1 << 62)])
def test_a_date_no_file_system_knows_is_left_out(out: Destination, modified: int) -> None:
    part = opened(out)
    assert part.finish(modified).size == 0
    part.close()


def test_discard_removes_it(out: Destination, tmp_path: Path) -> None:
    part = opened(out)
    part.discard()
    part.discard()
    part.close()
    assert list(tmp_path.iterdir()) == []


# who else holds it


@pytest.mark.parametrize("keep", [True, False])
def test_another_run_holds_it(out: Destination, tmp_path: Path, keep: bool) -> None:
    first = opened(out)
    first.write([b"half"])
    with pytest.raises(LocalWriteError, match="another run"):
        opened(Destination(str(tmp_path)), keep=keep)
    assert (tmp_path / NAME).read_bytes() == b"half"
    first.close()
    second = opened(out)
    assert second.size == 4
    second.close()


def test_a_file_system_without_locks(out: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    part = opened(out)
    part.write([b"photo"])
    part.close()


@pytest.mark.parametrize("keep", [True, False])
def test_a_part_with_a_second_name_is_left_to_that(
    out: Destination, tmp_path: Path, keep: bool
) -> None:
    """As a crash between link and removal leaves it: the other name is somebody's photo."""
    (tmp_path / "a.jpg").write_bytes(b"the user's")
    os.link(tmp_path / "a.jpg", tmp_path / NAME)
    part = opened(out, keep=keep)
    assert part.size == 0
    part.write([b"other bytes"])
    part.close()
    assert (tmp_path / "a.jpg").read_bytes() == b"the user's"
    assert (tmp_path / NAME).read_bytes() == b"other bytes"


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("others", ["renamed", "removed", "made anew"])
def test_a_part_that_another_run_finishes_between_open_and_lock(
    out: Destination,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keep: bool,
    others: str,
) -> None:
    """What was opened is that run's finished photo by then."""
    (tmp_path / NAME).write_bytes(b"finished")
    plain = fcntl.flock
    seen: list[int] = []

    def flock(descriptor: int, operation: int) -> None:
        if not seen:
            if others == "removed":
                (tmp_path / NAME).unlink()
            else:
                (tmp_path / NAME).rename(tmp_path / "a.jpg")
            if others == "made anew":
                (tmp_path / NAME).write_bytes(b"begun")
        seen.append(descriptor)
        plain(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    part = opened(out, keep=keep)
    part.write([b"mine"])
    part.close()
    if others != "removed":
        assert (tmp_path / "a.jpg").read_bytes() == b"finished"
    begun = b"begun" if keep and others == "made anew" else b""
    assert (tmp_path / NAME).read_bytes() == begun + b"mine"


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
def test_what_is_no_file_is_refused(out: Destination, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"safe")
    place = tmp_path / NAME
    if kind == "link":
        place.symlink_to(target)
    elif kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    with pytest.raises(LocalWriteError):
        opened(out, keep=False)
    assert target.read_bytes() == b"safe"


# what the disk says


def test_a_full_disk_ends_the_run_and_leaves_a_true_prefix(
    out: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = opened(out)
    part.write([CONTENT[:1000]])
    plain = os.write
    room = [500]

    def write(descriptor: int, data: memoryview) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size = min(room[0], len(data))
        room[0] -= size
        return plain(descriptor, data[:size])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(CannotContinue, match="full"):
        part.write([CONTENT[1000:2000]])
    part.close()
    monkeypatch.undo()
    again = opened(out)
    assert again.size == 1500
    again.write([CONTENT[1500:]])
    assert again.sha1 == hashlib.sha1(CONTENT).digest()
    again.close()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, CannotContinue),
        (errno.EDQUOT, CannotContinue),
        (errno.EROFS, CannotContinue),
        (errno.EIO, CannotContinue),
        (errno.EMFILE, CannotContinue),
        (errno.EFBIG, LocalWriteError),
        (errno.EACCES, LocalWriteError),
        (errno.ENAMETOOLONG, LocalWriteError),
    ],
)
def test_a_part_that_cannot_be_made(
    out: Destination, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def refuse(self: Folder, name: str) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Folder, "open_write", refuse)
    with pytest.raises(kind):
        opened(out)
    out.close()  # its folder was given back, so nothing stays open
    assert out._open == {}


def test_a_long_read_can_be_stopped(out: Destination, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)

    def stop(size: int) -> None:
        raise Interrupted("dropped")

    with pytest.raises(Interrupted):
        PartFile(out, "", NAME, keep=True, on_bytes=stop)
    again = opened(out)  # the lock is free, the bytes are there
    assert again.size == len(CONTENT)
    again.close()


# files that are read


def test_read_hashes(out: Destination, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(CONTENT)
    with out.folder("") as folder:
        seen, sha1, xxh3 = read_hashes(folder, "a.jpg")
        assert seen.size == len(CONTENT)
        assert sha1 == hashlib.sha1(CONTENT).digest()
        assert xxh3 == xxhash.xxh3_128_digest(CONTENT)
        assert read_hashes(folder, "a.jpg", sha1=False)[1] is None
        with pytest.raises(FileNotFoundError):
            read_hashes(folder, "b.jpg")


def test_a_file_that_changes_while_it_is_read(out: Destination, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(CONTENT)

    def edit(size: int) -> None:
        os.utime(path, ns=(0, 0))

    with out.folder("") as folder, pytest.raises(LocalReadError, match="changed"):
        read_hashes(folder, "a.jpg", on_bytes=edit)


# pieces on their way into it


class SlowPart:
    """Takes a while for every write, fails on the `fails`th, and notices company."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.calls = 0
        self.written: list[bytes] = []
        self.busy = threading.Lock()
        self.started = threading.Event()

    def write(self, chunks: Sequence[bytes]) -> None:
        assert self.busy.acquire(blocking=False), "two threads write into one file"
        self.started.set()
        threading.Event().wait(0.02)
        self.busy.release()
        self.calls += 1
        if self.calls == self.fails:
            raise CannotContinue("the disk is full")
        self.written.append(b"".join(chunks))


async def feed(part: SlowPart, pieces: Sequence[bytes], pool: ThreadPoolExecutor) -> None:
    run = SimpleNamespace(pool=pool, limiter=SimpleNamespace(in_flight=1), bucket=None)
    async with _writing(cast(Any, run), cast(Any, part)) as write:
        for piece in pieces:
            await write(piece)


PIECES = [bytes([number]) * MOST_PIECE for number in range(6)]


@pytest.mark.parametrize("fails", range(1, 7))
def test_nothing_follows_a_piece_that_could_not_be_written(fails: int) -> None:
    """Else room that is made meanwhile would let a gap into the part file."""
    part = SlowPart(fails)
    with ThreadPoolExecutor(4) as pool, pytest.raises(CannotContinue):
        asyncio.run(feed(part, PIECES, pool))
    assert part.written == PIECES[: fails - 1]


def test_all_pieces_in_their_order() -> None:
    part = SlowPart()
    with ThreadPoolExecutor(4) as pool:
        asyncio.run(feed(part, [*PIECES, b"rest"], pool))
    assert b"".join(part.written) == b"".join(PIECES) + b"rest"


def test_a_cancelled_transfer_leaves_a_true_prefix() -> None:
    part = SlowPart()

    async def cancelled(pool: ThreadPoolExecutor) -> None:
        task = asyncio.create_task(feed(part, PIECES, pool))
        await asyncio.to_thread(part.started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert part.busy.acquire(blocking=False), "it ended while a thread was writing"

    with ThreadPoolExecutor(4) as pool:
        asyncio.run(cancelled(pool))
    written = b"".join(part.written)
    assert written
    assert b"".join(PIECES).startswith(written)

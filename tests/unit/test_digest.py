"""The identity of a file's bytes, and the refusal of files that change under us."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from immich_transfer.disk.digest import (
    BUFFER_BYTES,
    SAMPLE_BYTES,
    digest,
    digest_small,
    fingerprint,
    sample,
)
from immich_transfer.errors import ChangedWhileReading, LocalReadError
from immich_transfer.model import Digest, Fingerprint

SIZES = [0, 1, 3 * SAMPLE_BYTES, 3 * SAMPLE_BYTES + 1, BUFFER_BYTES, 2 * BUFFER_BYTES + 7]


def seen(path: Path) -> Fingerprint:
    return fingerprint(os.stat(path))


def content_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def small(path: str, expected: Fingerprint) -> Digest:
    return digest_small(path, expected)[0]


BOTH = pytest.mark.parametrize("hashed", [digest, small])
Hashed = Callable[[str, Fingerprint], Digest]


@BOTH
@pytest.mark.parametrize("size", SIZES)
def test_whole_sha1_and_the_same_sample(tmp_path: Path, hashed: Hashed, size: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content_of(size))
    found = hashed(str(path), seen(path))
    assert found.sha1 == hashlib.sha1(content_of(size)).digest()
    assert found.sample == sample(str(path), size)
    assert len(found.sample) == 16


def test_a_small_file_comes_with_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"photo")
    assert digest_small(str(path), seen(path))[1] == b"photo"


def test_the_sample_sees_head_middle_tail_and_size(tmp_path: Path) -> None:
    size = 10 * SAMPLE_BYTES
    path = tmp_path / "a.jpg"
    plain = bytearray(content_of(size))
    samples = set()
    for offset in (None, 0, size // 2, size - 1):
        changed = bytearray(plain)
        if offset is not None:
            changed[offset] ^= 1
        path.write_bytes(changed)
        samples.add(sample(str(path), size))
    path.write_bytes(plain + b"x")
    samples.add(sample(str(path), size + 1))
    assert len(samples) == 5


def test_progress_adds_up_and_may_stop(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content_of(2 * BUFFER_BYTES + 7))
    heard: list[int] = []
    digest(str(path), seen(path), heard.append)
    assert sum(heard) == 2 * BUFFER_BYTES + 7

    class Stop(Exception):
        pass

    def stop(_: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        digest(str(path), seen(path), stop)


@BOTH
def test_a_file_that_changed_since_the_walk(tmp_path: Path, hashed: Hashed) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"photo")
    was = seen(path)
    for other in (
        Fingerprint(was.size + 1, was.mtime_ns, was.inode),
        Fingerprint(was.size, was.mtime_ns + 1, was.inode),
        Fingerprint(was.size, was.mtime_ns, was.inode + 1),
    ):
        with pytest.raises(ChangedWhileReading, match="changed since"):
            hashed(str(path), other)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is rewritten"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content_of(3 * BUFFER_BYTES))
    was = seen(path)

    def meddle(_: int) -> None:
        if change == "grows":
            with path.open("ab") as file:
                file.write(content_of(BUFFER_BYTES))  # for ever, if it were followed
        elif change == "shrinks":
            os.truncate(path, BUFFER_BYTES)
        else:
            os.utime(path, ns=(1, 1))

    with pytest.raises(ChangedWhileReading, match="while it was hashed"):
        digest(str(path), was, meddle)


@BOTH
def test_a_file_that_is_gone_is_one_line(tmp_path: Path, hashed: Hashed) -> None:
    with pytest.raises(LocalReadError) as caught:
        hashed(str(tmp_path / "gone.jpg"), Fingerprint(1, 1, 1))
    assert caught.value.message == "No such file or directory"


@BOTH
@pytest.mark.skipif(sys.platform == "win32", reason="needs FIFOs")
def test_a_fifo_in_its_place_does_not_hang(tmp_path: Path, hashed: Hashed) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(LocalReadError, match="not a regular file"):
        hashed(str(tmp_path / "a.jpg"), Fingerprint(1, 1, 1))
    with pytest.raises(OSError, match="seek"):
        sample(str(tmp_path / "a.jpg"), 1)


@BOTH
def test_a_folder_in_its_place(tmp_path: Path, hashed: Hashed) -> None:
    with pytest.raises(LocalReadError):
        hashed(str(tmp_path), seen(tmp_path))


@BOTH
def test_an_unreadable_file(tmp_path: Path, hashed: Hashed) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"photo")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(LocalReadError, match="Permission denied"):
        hashed(str(path), seen(path))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"photo")
    before = len(os.listdir("/proc/self/fd"))
    digest(str(path), seen(path))
    sample(str(path), 5)
    with pytest.raises(ChangedWhileReading):
        digest(str(path), Fingerprint(1, 1, 1))
    assert len(os.listdir("/proc/self/fd")) == before


def test_threads_do_not_share_a_buffer(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.jpg" for n in range(4)]
    for n, path in enumerate(paths):
        path.write_bytes(bytes([n]) * (4 * BUFFER_BYTES))
    found: dict[Path, bytes] = {}

    def work(path: Path) -> None:
        found[path] = digest(str(path), seen(path)).sha1

    threads = [threading.Thread(target=work, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {path: hashlib.sha1(path.read_bytes()).digest() for path in paths}

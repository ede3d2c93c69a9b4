"""How many files a mirror may remove, and the folder they go to."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from immich_transfer.disk.place import Destination
from immich_transfer.download.prune import Trash
from immich_transfer.policy.removal import allowed


@pytest.mark.parametrize(
    ("limit", "total", "most"),
    [
        (None, 0, 0),
        (None, 1, 0),
        (None, 2, 1),
        (None, 51, 50),
        (None, 50, 49),
        (None, 500, 50),
        (None, 509, 50),
        (None, 510, 51),
        (None, 600, 60),
        (None, 100_000, 10_000),
        (0, 10, 0),
        (7, 10, 7),
        (100, 10, 100),
        (0.0, 10, 0),
        (0.2, 10, 2),
        (0.29, 100, 29),
        (0.57, 100, 57),
        (0.01, 99, 0),
        (0.99, 10, 9),
        (1.0, 10, 10),
    ],
)
def test_allowed(limit: float | None, total: int, most: int) -> None:
    assert allowed(limit, total) == most


@pytest.mark.parametrize("percent", range(101))
def test_every_percent_is_exact(percent: int) -> None:
    for total in (100, 1_000, 100_000_000):
        assert allowed(percent / 100, total) == total * percent // 100


# the trash


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Destination]:
    root = tmp_path / "out"
    (root / "A/B").mkdir(parents=True)
    found = Destination(str(root))
    yield found
    found.close()


@pytest.fixture(params=["one disk", "another disk"])
def trash(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trash]:
    """On another disk, names can be neither linked nor renamed from one folder to another."""
    if request.param == "another disk":
        for name in ("link", "rename"):
            monkeypatch.setattr(os, name, _refusing(getattr(os, name)))
    found = Trash(str(tmp_path / "trash" / "run"))
    yield found
    found.close()


def _refusing(real: Callable[..., None]) -> Callable[..., None]:
    def across(source: str, target: str, **at: Any) -> None:
        folders = [os.readlink(f"/proc/self/fd/{at[key]}") for key in ("src_dir_fd", "dst_dir_fd")]
        if len({"trash" in folder for folder in folders}) > 1:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target, **at)

    return across


def take(trash: Trash, here: Destination, path: str, content: bytes) -> None:
    folder, _, name = path.rpartition("/")
    place = Path(here.root) / path
    place.write_bytes(content)
    os.utime(place, ns=(1_000, 1_234_567_000))
    with here.folder(folder) as opened:
        trash.take(opened, name, folder)
    assert not place.exists()


def contents(trash: Trash) -> dict[str, bytes]:
    root = Path(trash.path)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_the_path_stays_and_so_does_the_time(trash: Trash, here: Destination) -> None:
    assert not trash.used
    take(trash, here, "A/B/a.jpg", b"bytes")
    assert contents(trash) == {"A/B/a.jpg": b"bytes"}
    assert (Path(trash.path) / "A/B/a.jpg").stat().st_mtime_ns == 1_234_567_000
    assert trash.used


def test_nothing_in_the_trash_is_lost(trash: Trash, here: Destination) -> None:
    long = "x" * 251 + ".jpg"
    for number in range(3):
        take(trash, here, "A/a.jpg", b"%d" % number)
        take(trash, here, f"A/{long}", b"%d" % number)
    found = contents(trash)
    assert {path: found[path] for path in found if len(path) < 20} == {
        "A/a.jpg": b"0",
        "A/a (2).jpg": b"1",
        "A/a (3).jpg": b"2",
    }
    assert sorted(found[path] for path in found if len(path) > 20) == [b"0", b"1", b"2"]


def test_a_large_file(trash: Trash, here: Destination) -> None:
    content = os.urandom(3_000_001)
    take(trash, here, "A/a.mp4", content)
    assert contents(trash) == {"A/a.mp4": content}


def test_a_copy_that_fails_leaves_the_file_where_it_is(
    tmp_path: Path, here: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("link", "rename"):
        monkeypatch.setattr(os, name, _refusing(getattr(os, name)))
    place = Path(here.root) / "A/a.jpg"
    place.write_bytes(b"bytes")
    trash = Trash(str(tmp_path / "trash"))

    def full(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, here.folder("A") as opened:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            trash.take(opened, "a.jpg", "A")
    assert place.read_bytes() == b"bytes"
    assert contents(trash) == {}
    assert not trash.used
    with here.folder("A") as opened:
        trash.take(opened, "a.jpg", "A")
    assert contents(trash) == {"A/a.jpg": b"bytes"}
    trash.close()


def test_a_link_in_the_trash_is_not_followed(trash: Trash, here: Destination) -> None:
    root = Path(trash.path)
    root.mkdir(parents=True)
    outside = root.parent / "outside"
    outside.mkdir()
    (root / "A").symlink_to(outside)
    (Path(here.root) / "A/a.jpg").write_bytes(b"bytes")
    with here.folder("A") as opened, pytest.raises(Exception, match="is a link or a file"):
        trash.take(opened, "a.jpg", "A")
    assert (Path(here.root) / "A/a.jpg").read_bytes() == b"bytes"
    assert list(outside.iterdir()) == []

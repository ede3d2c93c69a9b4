"""The output folder: nothing is read or written outside it, and nothing is overwritten."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from immich_transfer.disk import place
from immich_transfer.disk.place import KEPT_FOLDERS, Destination, Folder, split
from immich_transfer.disk.refusals import NO_LINKS
from immich_transfer.errors import LocalWriteError, UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links")


@pytest.fixture(params=["by descriptor", "by path"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Destination]:
    """Both ways to work: the second is for systems that have no calls relative to a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "BY_DESCRIPTOR", request.param == "by descriptor")
        (tmp_path / "out").mkdir()
        destination = Destination(str(tmp_path / "out"))
        yield destination
        destination.close()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def put(folder: Folder, name: str, content: bytes) -> None:
    with os.fdopen(folder.open_write(name), "wb") as file:
        file.write(content)


# out of bounds


@pytest.mark.parametrize(
    "relative",
    ["..", ".", "a/..", "../out", "a/../b", "a//b", "/a", "a/", "/", "a\0b", "\0", "a/./b"],
)
@pytest.mark.parametrize("make", [True, False])
def test_paths_that_are_none(out: Destination, tmp_path: Path, relative: str, make: bool) -> None:
    (tmp_path / "out" / "a").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(LocalWriteError, match="not a path below"), out.folder(relative, make=make):
        pass
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("make", [True, False])
@pytest.mark.parametrize("target", ["outside", "nowhere", "inside"])
def test_links_are_refused_at_every_level(
    out: Destination, outside: Path, level: int, make: bool, target: str
) -> None:
    names = ["a", "b", "c"]
    root = Path(out.root)
    parent = root.joinpath(*names[:level])
    parent.mkdir(parents=True, exist_ok=True)
    inside = root / "real"
    inside.mkdir()
    goal = {"outside": outside, "nowhere": root / "missing", "inside": inside}[target]
    (parent / names[level]).symlink_to(goal)
    with pytest.raises(LocalWriteError, match="link"), out.folder("a/b/c", make=make):
        pass
    assert list(outside.iterdir()) == []
    assert list(inside.iterdir()) == []


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    destination = Destination(str(tmp_path / "out"))
    with destination.folder("a", make=True) as folder:
        put(folder, "x.jpg", b"photo")
    destination.close()
    assert (tmp_path / "real/a/x.jpg").read_bytes() == b"photo"


def test_a_link_that_is_put_in_place_of_an_open_folder(tmp_path: Path, outside: Path) -> None:
    """What was opened stays what it was, wherever its old path leads by now."""
    (tmp_path / "out").mkdir()
    destination = Destination(str(tmp_path / "out"))
    with destination.folder("a", make=True) as folder:
        (tmp_path / "out/a").rename(tmp_path / "out/moved")
        (tmp_path / "out/a").symlink_to(outside)
        put(folder, "x.jpg", b"photo")
    destination.close()
    assert list(outside.iterdir()) == []
    assert (tmp_path / "out/moved/x.jpg").read_bytes() == b"photo"


def test_a_file_where_a_folder_should_be(out: Destination) -> None:
    (Path(out.root) / "a").write_bytes(b"a file")
    with pytest.raises(LocalWriteError, match="file where a folder"), out.folder("a/b", make=True):
        pass


def test_a_folder_that_is_not_there(out: Destination) -> None:
    with pytest.raises(FileNotFoundError), out.folder("a/b"):
        pass
    assert list(Path(out.root).iterdir()) == []


def test_links_in_a_files_place_are_not_followed(out: Destination, outside: Path) -> None:
    target = outside / "target"
    target.write_bytes(b"safe")
    if not place.BY_DESCRIPTOR:
        pytest.skip("without O_NOFOLLOW the look before decides")
    with out.folder("") as folder:
        (Path(out.root) / "x.jpg").symlink_to(target)
        with pytest.raises(OSError, match="symbolic"):
            folder.open_write("x.jpg")
        with pytest.raises(OSError, match="symbolic"):
            folder.open_read("x.jpg")
        folder.remove("x.jpg")
    assert target.read_bytes() == b"safe"


def test_the_root_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot write"):
        Destination(str(tmp_path / "file" / "out")).make()


# no clobber


@pytest.fixture(params=[None, *sorted(NO_LINKS), "not implemented"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system with hard links, and those that refuse them in every known way."""
    if request.param is None:
        return

    def refuse(*arguments: object, **more: object) -> None:
        if request.param == "not implemented":
            raise NotImplementedError
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("links")
def test_a_rename_overwrites_nothing(out: Destination) -> None:
    root = Path(out.root)
    with out.folder("A", make=True) as folder, out.folder("B", make=True) as other:
        put(folder, "part", b"new")
        put(other, "a.jpg", b"the user's")
        with pytest.raises(FileExistsError):
            folder.move("part", other, "a.jpg")
        assert (root / "A/part").read_bytes() == b"new"
        assert (root / "B/a.jpg").read_bytes() == b"the user's"
        (root / "B/dangling.jpg").symlink_to("nowhere")
        with pytest.raises(FileExistsError):
            folder.move("part", other, "dangling.jpg")
        folder.move("part", other, "b.jpg")
        assert (root / "B/b.jpg").read_bytes() == b"new"
        assert folder.look("part") is None
        with pytest.raises(FileNotFoundError):
            folder.move("part", other, "c.jpg")


@pytest.mark.usefixtures("links")
def test_a_rename_may_replace_when_told(out: Destination) -> None:
    with out.folder("") as folder:
        put(folder, "part", b"new")
        put(folder, "a.jpg", b"old")
        folder.move("part", folder, "a.jpg", replace=True)
    assert {path.name: path.read_bytes() for path in Path(out.root).iterdir()} == {"a.jpg": b"new"}


def test_another_refusal_of_a_link_is_told(
    out: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise OSError(errno.EACCES, "no")

    monkeypatch.setattr(os, "link", refuse)
    with out.folder("") as folder:
        put(folder, "part", b"new")
        with pytest.raises(PermissionError):
            folder.move("part", folder, "a.jpg")
        assert folder.look("part") is not None


def test_look_tells_links_from_files(out: Destination) -> None:
    root = Path(out.root)
    with out.folder("") as folder:
        assert folder.look("a.jpg") is None
        assert folder.look("a.jpg/b") is None
        put(folder, "a.jpg", b"x")
        (root / "l").symlink_to("a.jpg")
        (root / "d").mkdir()
        kinds = {name: folder.look(name) for name in ("a.jpg", "l", "d")}
        assert [s is not None and place.is_file(s) for s in kinds.values()] == [True, False, False]
        assert sorted(folder.names()) == ["a.jpg", "d", "l"]


# folders that are kept open


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_few_folders_stay_open(tmp_path: Path) -> None:
    destination = Destination(str(tmp_path))
    before = descriptors()
    for number in range(3 * KEPT_FOLDERS):
        with destination.folder(f"f{number}", make=True):
            pass
    assert descriptors() - before <= KEPT_FOLDERS
    destination.close()
    assert descriptors() == before


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_folder_in_use_is_not_closed(tmp_path: Path) -> None:
    """Neither when many others come after it, nor when everything ends while a thread is in it."""
    destination = Destination(str(tmp_path))
    before = descriptors()
    with destination.folder("kept", make=True) as kept:
        for number in range(2 * KEPT_FOLDERS):
            with destination.folder(f"f{number}", make=True):
                pass
        put(kept, "one.jpg", b"1")
        destination.forget("kept")
        put(kept, "two.jpg", b"2")
        destination.close()
        assert descriptors() - before == 1
        put(kept, "three.jpg", b"3")
    assert descriptors() == before
    assert len(list((tmp_path / "kept").iterdir())) == 3


def test_forget_lets_a_folder_be_made_anew(out: Destination) -> None:
    with out.folder("a", make=True):
        pass
    out.forget("a")
    os.rmdir(os.path.join(out.root, "a"))
    with out.folder("a", make=True) as folder:
        put(folder, "x.jpg", b"x")
    assert (Path(out.root) / "a/x.jpg").exists()


def test_many_threads_in_many_folders(tmp_path: Path) -> None:
    destination = Destination(str(tmp_path))
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for number in range(150):
                with destination.folder(f"f{(number * 7 + thread) % 90}", make=True) as folder:
                    put(folder, f"{thread}-{number}.jpg", b"x")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    destination.close()
    assert failures == []
    assert len(list(tmp_path.rglob("*.jpg"))) == 6 * 150


@pytest.mark.parametrize(("path", "parts"), [("a.jpg", ("", "a.jpg")), ("A/a.jpg", ("A", "a.jpg"))])
def test_split(path: str, parts: tuple[str, str]) -> None:
    assert split(path) == parts

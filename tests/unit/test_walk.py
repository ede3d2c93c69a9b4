"""The walk on real folders: each file once, each odd thing one line, names literal."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from immich_transfer.config.options import UploadOptions
from immich_transfer.disk.roots import CACHE_TAG
from immich_transfer.disk.walk import WalkBatch, folders, walk
from immich_transfer.errors import UsageError
from immich_transfer.model import LocalFile, Skipped
from immich_transfer.policy.filters import Filters

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links, FIFOs and POSIX names")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"


def build(**options: Any) -> Filters:
    return Filters.build(
        UploadOptions(paths=(), **options), frozenset({".jpg", ".dng"}), frozenset({".mp4"}), ()
    )


PLAIN = build()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `photos` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    return tmp_path


def fill(home: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        path = home / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def gather(batches: Iterable[WalkBatch]) -> WalkBatch:
    everything = WalkBatch()
    for batch in batches:
        everything.files += batch.files
        everything.skipped += batch.skipped
        everything.unreadable += batch.unreadable
        everything.orphan_sidecars += batch.orphan_sidecars
    return everything


def go(*roots: str, filters: Filters = PLAIN, **flags: Any) -> WalkBatch:
    return gather(walk(roots or ("photos",), filters, **flags))


def shown(found: WalkBatch) -> list[str]:
    return [file.shown for file in found.files]


def reasons(found: WalkBatch) -> dict[str, str]:
    assert len({skip.shown for skip in found.skipped}) == len(found.skipped)
    return {skip.shown: skip.reason for skip in found.skipped}


def test_a_file_and_all_that_is_said_of_it(home: Path) -> None:
    fill(home, "2024/Trip/a.jpg", content=b"photo")
    status = (home / "photos/2024/Trip/a.jpg").stat()
    (file,) = go("photos/").files
    assert file.path == str(home / "photos/2024/Trip/a.jpg")
    assert (file.shown, file.folder) == ("photos/2024/Trip/a.jpg", "2024/Trip")
    assert file.root == str(home / "photos")
    told = file.fingerprint
    assert (told.size, told.mtime_ns, told.inode) == (5, status.st_mtime_ns, status.st_ino)
    assert (file.sidecar, file.sidecar_stamp) == (None, None)


@pytest.mark.parametrize(
    ("root", "first"),
    [
        ("photos", "photos/a.jpg"),
        ("photos//", "photos/a.jpg"),
        ("./photos", "./photos/a.jpg"),
        ("photos/a.jpg", "photos/a.jpg"),
        ("photos/sub/../a.jpg", "photos/sub/../a.jpg"),
        ("photos/sub/..", "photos/sub/../a.jpg"),
    ],
)
def test_shown_is_as_typed_and_the_path_is_not(home: Path, root: str, first: str) -> None:
    fill(home, "a.jpg", "sub/b.jpg")
    file = go(root).files[0]
    assert file.shown == first
    assert (file.path, file.folder) == (str(home / "photos/a.jpg"), "")
    assert file.root == str(home / "photos")


def test_the_current_folder_needs_no_prefix(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home, "a.jpg", "sub/b.jpg", ".hidden.jpg")
    monkeypatch.chdir(home / "photos")
    found = go(".")
    assert shown(found) == ["a.jpg", "sub/b.jpg"]
    assert reasons(found) == {".": "hidden or system files: 1 left out"}


def test_another_current_folder(home: Path) -> None:
    fill(home, "sub/a.jpg")
    (file,) = go("sub", cwd=str(home / "photos")).files
    assert (file.path, file.shown) == (str(home / "photos/sub/a.jpg"), "sub/a.jpg")


def test_the_order_is_always_the_same(home: Path) -> None:
    fill(home, "b/z.jpg", "b.jpg", "a/b/y.jpg", "a/x.jpg", "B.jpg")
    assert shown(go()) == [
        "photos/B.jpg",
        "photos/b.jpg",
        "photos/a/x.jpg",
        "photos/a/b/y.jpg",
        "photos/b/z.jpg",
    ]


def test_what_is_filtered_is_named_with_its_size(home: Path) -> None:
    fill(home, "a.txt", "big.jpg", "drafts/c.jpg", "drafts/deep/d.jpg")
    fill(home, "empty.jpg", content=b"")
    found = go(filters=build(exclude=("drafts/", "big*")))
    assert found.files == []
    assert found.skipped == [
        Skipped("photos/drafts", "filtered: --exclude"),
        Skipped("photos/a.txt", "unsupported: .txt"),
        Skipped("photos/big.jpg", "filtered: --exclude", 1),
        Skipped("photos/empty.jpg", "empty"),
    ]


# -- roots


def test_each_file_once_whatever_is_named(home: Path) -> None:
    fill(home, "a.jpg", "sub/b.jpg", "sub/deep/c.jpg")
    for roots in (
        ("photos", "photos"),
        ("photos/sub", "photos", "photos/sub/deep"),
        ("photos/a.jpg", "photos/", "photos/sub/b.jpg", str(home / "photos")),
        (".", "photos/a.jpg"),
    ):
        paths = [file.path for file in go(*roots).files]
        assert sorted(paths) == sorted(
            str(home / "photos" / name) for name in ("a.jpg", "sub/b.jpg", "sub/deep/c.jpg")
        )
    assert shown(go("photos/a.jpg", "./photos/a.jpg")) == ["photos/a.jpg"]


def test_roots_of_the_same_name_stay_apart(home: Path) -> None:
    fill(home, "x/DCIM/a.jpg", "y/DCIM/a.jpg", "x/DCIM2/b.jpg")
    found = go("photos/x/DCIM", "photos/y/DCIM", "photos/x/DCIM2")
    assert shown(found) == ["photos/x/DCIM/a.jpg", "photos/y/DCIM/a.jpg", "photos/x/DCIM2/b.jpg"]


def test_what_is_named_is_meant_even_if_the_outer_walk_leaves_it_out(home: Path) -> None:
    fill(home, "a.jpg", ".private/sub/b.jpg", ".private/c.jpg", ".d.jpg", "._e.jpg")
    found = go("photos", "photos/.private/sub", "photos/.private", "photos/.d.jpg")
    assert sorted(shown(found)) == [
        "photos/.d.jpg",
        "photos/.private/c.jpg",
        "photos/.private/sub/b.jpg",
        "photos/a.jpg",
    ]
    assert reasons(found) == {"photos": "hidden or system files: 1 left out"}
    assert len(go("photos", "photos/.private", hidden=True).files) == 4


def test_a_cache_folder_that_is_named_is_walked(home: Path) -> None:
    fill(home, "cache/a.jpg", "cache/sub/b.jpg")
    (home / "photos/cache" / CACHE_TAG).write_bytes(TAG)
    assert len(go("photos/cache").files) == 2
    assert shown(go("photos", "photos/cache/sub")) == ["photos/cache/sub/b.jpg"]


def test_paths_are_literal(home: Path) -> None:
    fill(home, "[2024] Trip/a.jpg", "2 Trip/b.jpg", "*.jpg", "c.jpg")
    assert shown(go("photos/[2024] Trip")) == ["photos/[2024] Trip/a.jpg"]
    assert shown(go("photos/*.jpg")) == ["photos/*.jpg"]


@pytest.mark.parametrize("root", ["phots", "photos/none.jpg", "photos/a.jpg/", "", "a\0b", "x\ny"])
def test_a_path_that_is_not_there_is_a_usage_error(home: Path, root: str) -> None:
    fill(home, "a.jpg")
    with pytest.raises(UsageError) as caught:
        go("photos", root)
    assert "\n" not in caught.value.message


@POSIX
def test_a_root_that_is_a_link(home: Path) -> None:
    fill(home, "real/a.jpg", "real/b.jpg")
    (home / "link").symlink_to("photos/real")
    found = go("link")
    assert shown(found) == ["link/a.jpg", "link/b.jpg"]
    assert found.files[0].path == str(home / "link/a.jpg")
    assert shown(go("photos", "link")) == ["photos/real/a.jpg", "photos/real/b.jpg"]
    assert shown(go("link/a.jpg", "photos/real/a.jpg")) == ["link/a.jpg"]


@POSIX
def test_dots_after_a_link_mean_what_the_disk_says(home: Path) -> None:
    fill(home, "real/sub/a.jpg", "real/b.jpg")
    (home / "link").symlink_to("photos/real/sub")
    (file,) = go("link/../b.jpg").files
    assert (file.shown, file.path) == ("link/../b.jpg", str(home / "photos/real/b.jpg"))


def test_many_files_named_in_one_folder(home: Path) -> None:
    names = [f"{n:04}.jpg" for n in range(2000)]
    fill(home, *names)
    assert shown(go(*(f"photos/{name}" for name in names))) == [f"photos/{n}" for n in names]


# -- hidden and junk


def test_hidden_and_junk_are_told_once_per_folder(home: Path) -> None:
    fill(home, "a.jpg", ".b.jpg", "._a.jpg", "Thumbs.db", "sub/.c.jpg", "sub/d.jpg")
    fill(home, "@eaDir/t.jpg", ".private/e.jpg", ".IMG.jpg.1234.part")
    found = go()
    assert shown(found) == ["photos/a.jpg", "photos/sub/d.jpg"]
    assert reasons(found) == {
        "photos": "hidden or system files: 4 left out",
        "photos/sub": "hidden or system files: 1 left out",
        "photos/@eaDir": "system folder",
        "photos/.private": "hidden folder",
    }


def test_each_can_be_brought_back(home: Path) -> None:
    fill(home, "a.jpg", ".b.jpg", "._c.jpg", "@eaDir/d.jpg", ".Trash/e.jpg", ".private/f.jpg")
    assert set(shown(go(hidden=True))) == {
        "photos/a.jpg",
        "photos/.b.jpg",
        "photos/.private/f.jpg",
    }
    assert set(shown(go(default_excludes=False))) == {"photos/a.jpg", "photos/@eaDir/d.jpg"}
    assert len(go(hidden=True, default_excludes=False).files) == 6
    assert shown(go(filters=build(include=(".*",)))) == []


def test_tagged_caches_are_left_out(home: Path) -> None:
    fill(home, "cache/a.jpg", "cache/sub/b.jpg", "no cache/c.jpg")
    (home / "photos/cache" / CACHE_TAG).write_bytes(TAG)
    (home / "photos/no cache" / CACHE_TAG).write_bytes(b"no signature")
    found = go()
    assert shown(found) == ["photos/no cache/c.jpg"]
    assert reasons(found)["photos/cache"] == f"cache folder ({CACHE_TAG})"
    assert len(go(default_excludes=False).files) == 3


# -- links and other odd things


@POSIX
def test_links(home: Path) -> None:
    fill(home, "a.jpg", "sub/b.jpg")
    for name, target in {
        "broken.jpg": "nowhere.jpg",
        "self.jpg": "self.jpg",
        "linked.jpg": "a.jpg",
        "loop": ".",
        "sub/up": "..",
        "other.jpg": "sub",
    }.items():
        (home / "photos" / name).symlink_to(target)
    found = go()
    assert shown(found) == ["photos/a.jpg", "photos/linked.jpg", "photos/sub/b.jpg"]
    assert reasons(found) == {
        "photos/broken.jpg": "broken link",
        "photos/self.jpg": "broken link: it leads to itself",
        "photos/loop": "link to a folder",
        "photos/sub/up": "link to a folder",
        "photos/other.jpg": "link to a folder",
    }
    assert found.files[1].fingerprint == found.files[0].fingerprint


@POSIX
def test_followed_links_lead_to_each_real_folder_once(home: Path) -> None:
    fill(home, "z/b.jpg", "a.jpg")
    outside = home / "outside" / "deep"
    outside.mkdir(parents=True)
    (outside / "c.jpg").write_bytes(b"x")
    (outside / "back").symlink_to(home / "photos")
    (outside / "again").symlink_to(outside)
    for name, target in {
        "first": "z",
        "loop": ".",
        "one": "../outside",
        "two": "../outside",
    }.items():
        (home / "photos" / name).symlink_to(target)
    found = go(follow_links=True)
    assert shown(found) == ["photos/a.jpg", "photos/z/b.jpg", "photos/one/deep/c.jpg"]
    assert found.files[2].path == str(home / "photos/one/deep/c.jpg")
    assert found.files[2].folder == "one/deep"
    visited = "link to a folder that is visited anyway"
    assert reasons(found) == {
        "photos/first": visited,
        "photos/loop": visited,
        "photos/two": visited,
        "photos/one/deep/back": visited,
        "photos/one/deep/again": visited,
    }


@POSIX
def test_a_followed_link_above_the_roots_finds_nothing_twice(home: Path) -> None:
    fill(home, "sub/a.jpg", "sub/b.jpg", "c.jpg")
    (home / "photos/sub/up").symlink_to(home)
    found = go("photos/c.jpg", "photos/sub", follow_links=True)
    assert len({file.path for file in found.files}) == len(found.files) == 3


@POSIX
def test_special_files_are_never_opened(home: Path) -> None:
    fill(home, "a.jpg")
    os.mkfifo("photos/fifo.jpg")
    os.mkfifo("photos/a.jpg.xmp")
    (home / "photos/to fifo.jpg").symlink_to("fifo.jpg")
    (home / "photos/null.jpg").symlink_to("/dev/null")
    os.mkfifo(f"photos/{CACHE_TAG}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("photos/s.jpg")
    found = go()
    assert shown(found) == ["photos/a.jpg"]
    assert found.files[0].sidecar is None
    fifo = "not a regular file: a FIFO"
    assert reasons(found) == {
        "photos": "hidden or system files: 1 left out",
        "photos/a.jpg.xmp": fifo,
        "photos/fifo.jpg": fifo,
        "photos/to fifo.jpg": fifo,
        "photos/null.jpg": "not a regular file: a character device",
        "photos/s.jpg": "not a regular file: a socket",
    }
    assert reasons(go("photos/fifo.jpg")) == {"photos/fifo.jpg": fifo}


@POSIX
def test_what_cannot_be_read_is_one_line(home: Path) -> None:
    fill(home, "a.jpg", "locked/b.jpg", "listable/c.jpg")
    (home / "photos/locked").chmod(0)
    (home / "photos/listable").chmod(0o400)
    try:
        if os.access("photos/locked", os.R_OK):
            pytest.skip("this user may read everything")
        found = go()
        named = go("photos/listable/c.jpg", "photos/a.jpg")
    finally:
        (home / "photos/locked").chmod(0o700)
        (home / "photos/listable").chmod(0o700)
    assert shown(found) == ["photos/a.jpg"]
    assert {bad.shown: bad.error for bad in found.unreadable} == {
        "photos/locked": "Permission denied",
        "photos/listable/c.jpg": "Permission denied",
    }
    assert shown(named) == ["photos/a.jpg"]
    assert [bad.shown for bad in named.unreadable] == ["photos/listable/c.jpg"]


@POSIX
def test_a_file_in_a_folder_that_cannot_be_listed(home: Path) -> None:
    fill(home, "dark/a.jpg")
    (home / "photos/dark").chmod(0o100)
    try:
        if os.access("photos/dark", os.R_OK):
            pytest.skip("this user may read everything")
        found = go("photos/dark/a.jpg")
    finally:
        (home / "photos/dark").chmod(0o700)
    assert shown(found) == ["photos/dark/a.jpg"]


def test_what_vanishes_in_mid_walk_is_one_line_and_the_rest_goes_on(home: Path) -> None:
    fill(home, *(f"a/{n:03}.jpg" for n in range(100)), "b/x.jpg", "c/y.jpg")
    batches = walk(["photos"], PLAIN)
    first = next(batches)
    (home / "photos/b/x.jpg").unlink()
    (home / "photos/b").rmdir()
    (home / "photos/a/099.jpg").unlink()
    rest = gather(batches)
    assert len(first.files) + len(rest.files) == 100
    assert rest.files[-1].shown == "photos/c/y.jpg"
    assert {bad.shown: bad.error for bad in rest.unreadable} == {
        "photos/a/099.jpg": "vanished during the walk",
        "photos/b": "vanished during the walk",
    }


# -- names


@LINUX
def test_names_are_bytes_and_survive(home: Path) -> None:
    names = [
        b"caf\xe9.jpg",
        b"\xff\xfe.JPG",
        b"new\nline.jpg",
        b"back\\slash.jpg",
        b"trailing..jpg",
        b"-n.jpg",
        b" .jpg",
        b"x" * 251 + b".jpg",
        "Ko\u0308ln.jpg".encode(),
        "K\u00f6ln.jpg".encode(),
    ]
    folder = os.fsencode(home / "photos") + b"/undefined\xe9"
    os.mkdir(folder)
    for name in names:
        with open(folder + b"/" + name, "wb") as made:
            made.write(b"x")
    found = go()
    assert {os.fsencode(file.name) for file in found.files} == set(names)
    for file in found.files:
        assert os.stat(file.path).st_ino == file.fingerprint.inode
        assert os.fsencode(file.folder) == b"undefined\xe9"
    assert shown(go(os.fsdecode(b"photos/undefined\xe9/caf\xe9.jpg"))) == [
        os.fsdecode(b"photos/undefined\xe9/caf\xe9.jpg")
    ]


# -- sidecars


def sidecars_of(found: WalkBatch) -> dict[str, str | None]:
    return {
        file.name: file.sidecar and os.path.relpath(file.sidecar, file.root) for file in found.files
    }


def test_sidecars_find_their_photo(home: Path) -> None:
    fill(home, "a.jpg", "a.jpg.xmp", "a.xmp", "a.dng", "b.JPG", "B.Xmp", "IMG[1].jpg")
    fill(home, "IMG[1].jpg.XMP", "IMG1.jpg", "lonely.xmp", "notes.xmp", "notes.txt")
    found = go()
    assert sidecars_of(found) == {
        "a.jpg": "a.jpg.xmp",
        "a.dng": "a.xmp",
        "b.JPG": "B.Xmp",
        "IMG[1].jpg": "IMG[1].jpg.XMP",
        "IMG1.jpg": None,
    }
    assert found.orphan_sidecars == ["photos/lonely.xmp", "photos/notes.xmp"]
    assert reasons(found) == {"photos/notes.txt": "unsupported: .txt"}
    (stamped,) = [file for file in found.files if file.name == "a.jpg"]
    status = (home / "photos/a.jpg.xmp").stat()
    assert stamped.sidecar_stamp == f"{status.st_size}:{status.st_mtime_ns}"


def test_sidecars_stay_in_their_folder(home: Path) -> None:
    fill(home, "a.jpg", "sub/a.xmp", "sub/b.jpg")
    (home / "photos/b.xmp").mkdir()
    found = go()
    assert sidecars_of(found) == {"a.jpg": None, "b.jpg": None}
    assert found.orphan_sidecars == ["photos/sub/a.xmp"]


@LINUX
def test_of_two_sidecars_the_one_in_the_same_case_is_taken(home: Path) -> None:
    fill(home, "a.jpg", "A.jpg", "a.jpg.xmp", "A.jpg.xmp", "b.jpg", "B.xmp", "b.XMP")
    assert sidecars_of(go()) == {
        "a.jpg": "a.jpg.xmp",
        "A.jpg": "A.jpg.xmp",
        "b.jpg": "b.XMP",
    }


def test_a_photo_that_is_filtered_keeps_its_sidecar_from_being_an_orphan(home: Path) -> None:
    fill(home, "a.jpg", "a.xmp", "b.mp4", "b.mp4.xmp")
    for filters in (build(type="video"), build(exclude=("a.jpg",)), build(min_size=5)):
        assert go(filters=filters).orphan_sidecars == []
    assert sidecars_of(go(filters=build(exclude=("*.xmp",)))) == {"a.jpg": None, "b.mp4": None}


def test_without_sidecars_they_are_neither_sent_nor_told_of(home: Path) -> None:
    fill(home, "a.jpg", "a.xmp", "lonely.xmp")
    found = go(sidecars=False)
    assert sidecars_of(found) == {"a.jpg": None}
    assert (found.skipped, found.orphan_sidecars) == ([], [])


def test_a_file_that_is_named_brings_its_sidecar(home: Path) -> None:
    fill(home, "a.jpg", "a.jpg.xmp", "lonely.xmp", "b.jpg", "b.xmp")
    found = go("photos/a.jpg")
    assert sidecars_of(found) == {"a.jpg": "a.jpg.xmp"}
    assert found.orphan_sidecars == []
    found = go("photos/b.jpg", "photos/b.xmp", "photos/lonely.xmp")
    assert sidecars_of(found) == {"b.jpg": "b.xmp"}
    assert found.orphan_sidecars == ["photos/lonely.xmp"]


@POSIX
def test_a_broken_sidecar_is_none(home: Path) -> None:
    fill(home, "a.jpg")
    (home / "photos/a.jpg.xmp").symlink_to("nowhere")
    found = go()
    assert sidecars_of(found) == {"a.jpg": None}
    assert reasons(found) == {"photos/a.jpg.xmp": "broken link"}


# -- batches and size


def test_the_first_batches_are_small_and_none_is_larger_than_asked(home: Path) -> None:
    fill(home, *(f"{n:04}.jpg" for n in range(2000)))
    sizes = [len(batch.files) for batch in walk(["photos"], PLAIN, batch=500)]
    assert sum(sizes) == 2000
    assert sizes[0] <= 64
    assert sizes[1] <= 256
    assert max(sizes) <= 500


def test_nothing_is_found_in_nothing(home: Path) -> None:
    assert list(walk(["photos"], PLAIN)) == []
    assert list(walk([], PLAIN)) == []


def test_empty_folders_let_the_caller_breathe(home: Path) -> None:
    for n in range(400):
        (home / f"photos/{n}").mkdir()
    assert len(list(walk(["photos"], PLAIN))) >= 2


def test_a_flat_folder_is_listed_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: one listing and at most one stat a file is linear."""
    fill(home, *(f"{n:05}.jpg" for n in range(20_000)))
    calls: list[str] = []
    listing, asking = os.scandir, os.stat

    def scandir(path: str) -> Any:
        calls.append(path)
        return listing(path)

    def ask(path: Any, **flags: Any) -> os.stat_result:
        calls.append(str(path))
        return asking(path, **flags)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", ask)
    files = 0
    for batch in walk(["photos"], PLAIN):
        assert len(batch.files) <= 1000
        files += len(batch.files)
    assert files == 20_000
    if sys.platform != "win32":
        assert len(calls) < 10


@POSIX
def test_a_crowded_folder_is_walked_like_any_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held as packed names, in pieces: all else is the same, a link or a junk file included."""
    fill(home, *(f"{n * 7919 % 1000:03}.jpg" for n in range(1000)))
    fill(home, "p.dng", "p.dng.xmp", "lost.xmp", ".hidden.jpg", "notes.txt", "b/x.jpg", "a/y.jpg")
    fill(home, "a/.hidden.jpg", "\udcff\u00e9.jpg", "\U0001f600.jpg")
    photos = home / "photos"
    (photos / "link.jpg").symlink_to("000.jpg")
    (photos / "broken.jpg").symlink_to("nothing.jpg")
    (photos / "zlink").symlink_to("a")
    (photos / "empty.jpg").write_bytes(b"")
    os.mkfifo(photos / "fifo.jpg")
    variants: list[dict[str, Any]] = [{}, {"hidden": True}, {"follow_links": True}]
    for flags in variants:
        plain = go(**flags)
        with monkeypatch.context() as crowding:
            crowding.setattr("immich_transfer.disk.tree.PIECE", 64)
            crowding.setattr("immich_transfer.disk.crowd.BLOCK", 10)
            crowded = go(**flags)
            wanted = list(folders(["photos"], PLAIN, **flags))
        assert crowded.files == plain.files
        assert sorted(crowded.skipped, key=str) == sorted(plain.skipped, key=str)
        assert (crowded.orphan_sidecars, crowded.unreadable) == (plain.orphan_sidecars, [])
        assert len(plain.files) >= 1005
        assert sorted({(file.root, file.folder) for file in plain.files}) == sorted(wanted)


def test_a_crowded_cache_folder_is_left_out_wherever_its_tag_stands(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("immich_transfer.disk.tree.PIECE", 8)
    fill(
        home,
        "a.jpg",
        *(f"cache/{n:02}.jpg" for n in range(30)),
        *(f"full/{n}.jpg" for n in range(8)),
    )
    fill(home, f"cache/{CACHE_TAG}", content=TAG)
    found = go()
    assert shown(found) == ["photos/a.jpg", *(f"photos/full/{n}.jpg" for n in range(8))]
    assert reasons(found) == {"photos/cache": f"cache folder ({CACHE_TAG})"}


def test_what_vanishes_from_a_crowd_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("immich_transfer.disk.tree.PIECE", 8)
    fill(home, *(f"{n:03}.jpg" for n in range(100)))
    batches = walk(["photos"], PLAIN, batch=10)
    first = next(batches)
    (home / "photos/099.jpg").unlink()
    rest = gather(batches)
    assert len(first.files) + len(rest.files) == 99
    assert [(bad.shown, bad.error) for bad in rest.unreadable] == [
        ("photos/099.jpg", "vanished during the walk")
    ]


@LINUX
def test_deep_trees_end_where_the_system_ends(home: Path) -> None:
    """Deeper than Python recurses, and deeper than a path may be long."""
    top = os.open(home / "photos", os.O_RDONLY)
    at = top
    for _ in range(1200):
        os.mkdir("deep", dir_fd=at)
        below = os.open("deep", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    fill(home, "z/a.jpg")
    try:
        found = go()
        assert shown(found) == ["photos/z/a.jpg"]
        assert [bad.error for bad in found.unreadable] == ["File name too long"]
    finally:
        remove_deep(home / "photos")


def remove_deep(folder: Path) -> None:
    """What `shutil.rmtree` would recurse too deep for."""
    os.chdir(folder)
    depth = 0
    while os.path.isdir("deep"):
        os.chdir("deep")
        depth += 1
    for _ in range(depth):
        os.chdir("..")
        os.rmdir("deep")
    os.chdir(folder.parent)


# -- folders ahead of the walk


def test_folders_with_wanted_files(home: Path) -> None:
    fill(home, "root.jpg", "2024/Trip/a.jpg", "2024/Trip/b.jpg", "2024/notes/c.txt", "2023/d.mp4")
    fill(home, "@eaDir/e.jpg", ".hidden/f.jpg")
    root = str(home / "photos")

    def listed(*roots: str, filters: Filters = PLAIN) -> list[tuple[str, str]]:
        return list(folders(roots, filters))

    assert listed("photos", "photos/2024") == [(root, ""), (root, "2023"), (root, "2024/Trip")]
    assert listed("photos", filters=build(type="video")) == [(root, "2023")]
    assert listed("photos", filters=build(exclude=("2024/",))) == [(root, ""), (root, "2023")]
    assert listed("photos", filters=build(include=("2024/**",))) == [(root, "2024/Trip")]
    assert listed("photos/2023/d.mp4") == [(f"{root}/2023", "")]


def test_folders_agree_with_the_walk(home: Path) -> None:
    fill(home, "a.jpg", "x/b.jpg", "x/y/c.jpg", ".h/d.jpg", "@eaDir/e.jpg")

    def places(files: Iterator[LocalFile]) -> set[tuple[str, str]]:
        return {(file.root, file.folder) for file in files}

    choices: list[dict[str, Any]] = [
        {},
        {"hidden": True},
        {"default_excludes": False},
        {"follow_links": True},
    ]
    for flags in choices:
        walked = places(iter(go("photos", "photos/.h", **flags).files))
        assert set(folders(["photos", "photos/.h"], PLAIN, **flags)) == walked

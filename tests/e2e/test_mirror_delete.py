"""`mirror --delete`: what leaves the server goes to the trash; not too much, no stranger's file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .mirrored import (
    BOTH,
    delete_album,
    mirror,
    notes,
    on_disk,
    place,
    put_in,
    rename_album,
    take_out,
    trashed,
)
from .support import Bench, Server, sha1


@BOTH
def test_what_left_goes_to_the_trash(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "out.jpg", "trashed.mp4", "deleted.jpg")
    keeps, out, thrown, deleted = ids
    album = server.album("A", *ids)
    mirror(bench)
    before = bench.fetched()
    take_out(server, album, out)
    server.box.trash(thrown)
    server.box.delete(deleted)
    result = mirror(bench, "--delete")
    assert result.outcomes == {"unchanged": 1, "removed": 3}
    assert {line["path"] for line in result.items("removed")} == before.keys() - {"A/a.jpg"}
    assert result.item("out.jpg")["asset_id"] == out
    assert result.item("out.jpg")["sha1"] == before["A/out.jpg"]
    assert bench.fetched() == {"A/a.jpg": server.sums([keeps])[0]}
    assert trashed(bench) == {path: before[path] for path in before.keys() - {"A/a.jpg"}}
    assert f"removed files are in {bench.state}/trash/{result.summary['run']}" in notes(result)
    again = mirror(bench, "--delete")
    assert again.outcomes == {"unchanged": 1}
    assert not notes(again)


def test_without_delete_they_stay_and_it_is_said(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    album, other = server.album("A", *ids), server.album("B", *ids)
    mirror(bench)
    before = bench.fetched()
    take_out(server, album, ids[0])
    delete_album(server, other)
    result = mirror(bench)
    assert result.outcomes == {"unchanged": 2}
    assert "4 files here are not in their albums any more; --delete removes them" in notes(result)
    assert bench.fetched() == before
    assert not (bench.state / "trash").exists()


def test_a_trash_folder_of_ones_own_keeps_what_it_holds(bench: Bench, server: Server) -> None:
    one, two, three = server.seed("a.jpg", "a.jpg", "b.jpg")
    album = server.album("A", one, three)
    mirror(bench)
    old = bench.fetched()["A/a.jpg"]
    own = bench.home / "bin"
    (own / "A").mkdir(parents=True)
    (own / "A" / "a.jpg").write_bytes(b"older")
    (own / "A" / "a (2).jpg").write_bytes(b"old")
    take_out(server, album, one)
    result = mirror(bench, "--delete", "--trash-dir", "bin")
    assert f"removed files are in {own}" in notes(result)
    put_in(server, album, two)
    mirror(bench)
    newer = bench.fetched()["A/a.jpg"]
    take_out(server, album, two)
    mirror(bench, "--delete", "--trash-dir", "bin")
    assert bench.fetched(own) == {
        "A/a.jpg": sha1(b"older"),
        "A/a (2).jpg": sha1(b"old"),
        "A/a (3).jpg": old,
        "A/a (4).jpg": newer,
    }
    assert not (bench.state / "trash").exists()


def test_no_trash_deletes_for_good(bench: Bench, server: Server) -> None:
    one, two = server.seed("a.jpg", "b.jpg")
    album = server.album("A", one, two)
    mirror(bench)
    take_out(server, album, one)
    result = mirror(bench, "--delete", "--trash-dir", "none")
    assert result.outcomes == {"removed": 1, "unchanged": 1}
    assert on_disk(bench) == ["A/b.jpg"]
    assert not (bench.state / "trash").exists()
    assert not (bench.home / "none").exists()


def test_how_to_delete_is_nothing_without_delete(bench: Bench, server: Server) -> None:
    server.album("A", *server.seed("a.jpg"))
    for flag in ("--max-delete=5", "--trash-dir=bin"):
        assert "--delete" in mirror(bench, flag, code=2).error["message"]
    for value in ("-1", "many", "101%", "1.5", "%", ""):
        mirror(bench, "--delete", f"--max-delete={value}", code=2)
    mirror(bench, "--delete", "--trash-dir=", code=2)
    assert server.originals() == 0


def test_what_was_changed_here_stays_and_is_the_users_own(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "edited.jpg", "longer.jpg", "link.jpg", "gone.jpg")
    album = server.album("A", *ids)
    mirror(bench)
    place(bench, "A/edited.jpg", bytes(200))  # of the same size
    place(bench, "A/longer.jpg", "not the same size")
    (bench.out / "A/link.jpg").rename(bench.home / "elsewhere.jpg")
    (bench.out / "A/link.jpg").symlink_to(bench.home / "elsewhere.jpg")
    (bench.out / "A/gone.jpg").unlink()
    take_out(server, album, *ids[1:])
    result = mirror(bench, "--delete")
    assert result.outcomes == {"unchanged": 1, "skipped": 3, "removed": 1}
    for name in ("edited.jpg", "longer.jpg", "link.jpg"):
        assert "was changed here" in result.item(name)["reason"]
    assert result.item("gone.jpg")["note"] == "was not there any more"
    assert (bench.out / "A/edited.jpg").read_bytes() == bytes(200)
    assert (bench.out / "A/link.jpg").is_symlink()
    assert trashed(bench) == {}
    assert mirror(bench, "--delete").outcomes == {"unchanged": 1}, "said once"
    put_in(server, album, ids[1])
    assert mirror(bench).outcomes == {"unchanged": 1, "conflict": 1}
    assert (bench.out / "A/edited (local).jpg").read_bytes() == bytes(200)


def test_the_same_bytes_are_untouched_on_whatever_disk(bench: Bench, server: Server) -> None:
    """A folder that was copied to a new disk has other inodes and, mostly, the same times."""
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    album = server.album("A", *ids)
    mirror(bench)
    bench.out.rename(bench.home / "old disk")
    shutil.copytree(bench.home / "old disk", bench.out)
    os.utime(bench.out / "A/a.jpg", (1, 1))
    before = bench.fetched()
    take_out(server, album, *ids[:2])
    result = mirror(bench, "--delete")
    assert result.outcomes == {"unchanged": 1, "removed": 2}
    assert trashed(bench) == {path: before[path] for path in ("A/a.jpg", "A/b.jpg")}


# the guard


@pytest.mark.parametrize(
    ("here", "leaving", "flags", "refused"),
    [
        (60, 50, (), False),
        (60, 51, (), True),
        (60, 51, ("--max-delete", "51"), False),
        (10, 1, ("--max-delete", "0"), True),
        (10, 2, ("--max-delete", "20%"), False),
        (10, 3, ("--max-delete", "20%"), True),
    ],
)
def test_the_guard(
    bench: Bench, server: Server, here: int, leaving: int, flags: tuple[str, ...], refused: bool
) -> None:
    ids = server.seed(assets=here, size=20)
    album = server.album("A", *ids)
    mirror(bench)
    before = bench.fetched()
    take_out(server, album, *ids[:leaving])
    result = mirror(bench, "--delete", *flags, code=8 if refused else 0)
    if refused:
        assert result.outcomes == {"unchanged": here - leaving}
        assert f"{leaving:,} of {here:,} files" in result.summary["message"]
        assert bench.fetched() == before
        assert trashed(bench) == {}
    else:
        assert result.outcomes == {"unchanged": here - leaving, "removed": leaving}
        assert len(trashed(bench)) == leaving
        assert len(bench.fetched()) == here - leaving


@pytest.mark.parametrize(
    ("server", "how"), [("2.7", "empty"), ("3.0", "empty"), ("3.0", "gone")], indirect=["server"]
)
def test_an_album_that_is_suddenly_empty_or_gone(bench: Bench, server: Server, how: str) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    album, other = server.album("A", *ids[:2]), server.album("B", *ids)
    mirror(bench)
    before = bench.fetched()
    take_out(server, other, ids[2])
    if how == "empty":
        take_out(server, album, *ids[:2])
    else:
        delete_album(server, album)
    for flags in ((), ("--max-delete", "99%")):
        result = mirror(bench, "--delete", *flags, code=8)
        assert f"A is {how}" in result.summary["message"]
        assert result.outcomes == {"unchanged": 2}
        assert bench.fetched() == before, "not one file, of no album"
    result = mirror(bench, "--delete", "--max-delete", "100%")
    assert result.outcomes == {"unchanged": 2, "removed": 3}
    assert on_disk(bench) == ["B/a.jpg", "B/b.jpg"]
    assert len(trashed(bench)) == 3
    assert mirror(bench, "--delete").outcomes == {"unchanged": 2}


def test_every_album_at_once_is_the_same_mistake(bench: Bench, server: Server) -> None:
    albums = [server.album(name, *server.seed(f"{name}.jpg")) for name in "ABC"]
    mirror(bench)
    for album in albums:
        delete_album(server, album)
    result = mirror(bench, "--delete", code=8)
    assert "and 2 more like it" in result.summary["message"]
    assert len(bench.fetched()) == 3


def test_an_album_whose_last_file_was_changed_here_does_not_nag_for_ever(
    bench: Bench, server: Server
) -> None:
    album = server.album("A", *server.seed("a.jpg"))
    server.album("B", *server.seed("b.jpg"))
    mirror(bench)
    place(bench, "A/a.jpg", "mine")
    delete_album(server, album)
    mirror(bench, "--delete", code=8)
    assert mirror(bench, "--delete", "--max-delete", "100%").outcomes["skipped"] == 1
    assert mirror(bench, "--delete").outcomes == {"unchanged": 1}
    assert (bench.out / "A/a.jpg").read_bytes() == b"mine"


def test_albums_of_one_name_are_all_minded(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    one, two = server.new_album("Trip", *ids[:2]), server.new_album("Trip", *ids[2:])
    mirror(bench, "--album", "Trip")
    take_out(server, one, ids[0])
    take_out(server, two, ids[2])
    result = mirror(bench, "--album", "Trip", "--delete")
    assert result.outcomes == {"unchanged": 2, "removed": 2}
    assert sorted(bench.fetched().values()) == sorted(server.sums([ids[1], ids[3]]))
    delete_album(server, two)
    mirror(bench, "--album", "Trip", "--delete", code=8)
    assert len(bench.fetched()) == 2


# never from a list that is not whole


@pytest.mark.parametrize(
    ("server", "fault"),
    [
        ("2.7", "miss,by=2"),
        ("2.7", "400,json"),
        ("3.0", "miss,by=2"),
        ("3.0", "500,json"),
        ("3.0", "403,json"),
        ("3.0", "404,json"),
    ],
    indirect=["server"],
)
def test_an_incomplete_list_removes_nothing(bench: Bench, server: Server, fault: str) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    album = server.album("A", *ids)
    mirror(bench)
    before = bench.fetched()
    take_out(server, album, ids[0])
    server.box.faults(f"albums:*={fault}", f"timeline:*={fault}")
    everything = ("--delete", "--max-delete", "100%")
    result = mirror(bench, *everything, "--wait", "0s", "--retries", "1", code=None)
    assert result.code != 0, result.told()
    assert result.items("removed") == []
    assert bench.fetched() == before
    assert trashed(bench) == {}
    server.clear_faults()
    assert mirror(bench, "--delete").outcomes == {"unchanged": 3, "removed": 1}


@BOTH
def test_an_incomplete_list_of_the_library_removes_nothing(bench: Bench, server: Server) -> None:
    ids = server.seed(assets=40, size=20, equal_dates=10)
    mirror(bench, "--all")
    before = bench.fetched()
    server.box.delete(ids[0])
    server.box.faults("timeline:*=miss,by=3")
    result = mirror(bench, "--all", "--delete", "--max-delete", "100%", code=3)
    assert "the server counts 39 assets but lists 30" in notes(result)
    assert bench.fetched() == before
    server.clear_faults()
    assert mirror(bench, "--all", "--delete").outcomes == {"unchanged": 39, "removed": 1}


def test_a_photo_that_cannot_be_described_removes_nothing(bench: Bench, server: Server) -> None:
    """It is listed, but neither searches nor the server's answer for it alone say what it is."""
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    mirror(bench, "--all")
    before = bench.fetched()
    server.box.delete(ids[0])
    server.box.faults("search:*=miss,by=1", "asset:*=500,json")
    result = mirror(bench, "--all", "--delete", "--retries", "1", code=3)
    assert result.items("removed") == []
    assert bench.fetched() == before


# what is not ours


def test_strangers_and_other_mirrors_are_not_touched(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg", "own.jpg", "left.jpg")
    both, mine_only = ids[:2], ids[3:]
    mine, other = server.album("Mine", *both, *mine_only), server.album("Other", *ids[:3])
    flat = ("--layout", "{filename}")
    mirror(bench, "--album", "Other", *flat)
    assert mirror(bench, "--album", "Mine", *flat).outcomes == {"unchanged": 2, "downloaded": 2}
    place(bench, "mine/holiday.jpg", "a stranger's")
    place(bench, "a (local).jpg", "a stranger's")
    before = bench.fetched()
    take_out(server, mine, both[0], mine_only[0])
    take_out(server, other, both[1])
    assert mirror(bench, "--album", "Mine", *flat, "--delete").outcomes == {
        "unchanged": 2,
        "removed": 1,
    }
    assert list(trashed(bench)) == ["own.jpg"], "a.jpg is there for the other album"
    delete_album(server, mine)
    mirror(bench, "--album", "Mine", *flat, "--delete", "--max-delete", "100%")
    kept = ["a.jpg", "b.jpg", "c.jpg", "a (local).jpg", "mine/holiday.jpg"]
    assert bench.fetched() == {path: before[path] for path in kept}
    result = mirror(bench, "--album", "Other", *flat, "--delete")
    assert result.outcomes == {"unchanged": 2, "removed": 1}, "b.jpg goes with the last"
    assert "b.jpg" not in bench.fetched()


def test_downloads_of_other_people_into_the_folder_stay(bench: Bench, server: Server) -> None:
    one, two = server.seed("a.jpg", "b.jpg")
    album = server.album("A", one, two)
    mirror(bench)
    other = Server(server.box)
    other.album("A", *other.seed("theirs.jpg", "more.jpg"))
    theirs = Bench(bench.home, other.url, other.key)
    mirror(theirs)
    take_out(server, album, one)
    assert mirror(bench, "--delete").outcomes == {"unchanged": 1, "removed": 1}
    assert on_disk(bench) == ["A/b.jpg", "A/more.jpg", "A/theirs.jpg"]
    assert mirror(theirs, "--delete").outcomes == {"unchanged": 2}


def test_an_album_goes_while_its_photo_stays_in_another(bench: Bench, server: Server) -> None:
    both, one = server.seed("both.jpg", "one.jpg")
    album = server.album("A", both)
    server.album("B", both, one)
    mirror(bench)
    delete_album(server, album)
    result = mirror(bench, "--delete", "--max-delete", "100%")
    assert result.outcomes == {"unchanged": 2, "removed": 1}
    wanted = dict(zip(["B/both.jpg", "B/one.jpg"], server.sums([both, one]), strict=True))
    assert bench.fetched() == wanted
    assert trashed(bench) == {"A/both.jpg": wanted["B/both.jpg"]}
    assert mirror(bench, "--delete").outcomes == {"unchanged": 2}


def test_a_file_of_three_albums_leaves_with_the_last(bench: Bench, server: Server) -> None:
    both, one = server.seed("both.jpg", "one.jpg")
    albums = [server.album(title, both, one) for title in "ABC"]
    layout = ("--layout", "{filename}")
    mirror(bench, *layout)
    assert on_disk(bench) == ["both.jpg", "one.jpg"]
    take_out(server, albums[0], both)
    for flags in (("-n",), ()):
        assert mirror(bench, *layout, "--delete", *flags).outcomes == {"unchanged": 5}
    for album in albums[1:]:
        take_out(server, album, both)
    for flags in (("-n",), ()):
        result = mirror(bench, *layout, "--delete", *flags)
        assert result.outcomes == {"unchanged": 3, "removed": 1}
    assert on_disk(bench) == ["one.jpg"]
    assert list(trashed(bench)) == ["both.jpg"]
    assert mirror(bench, *layout, "--delete").outcomes == {"unchanged": 3}


def test_a_live_photo_takes_its_video_along(bench: Bench, server: Server) -> None:
    live, plain = server.seed("IMG_1.heic", "IMG_2.heic", live=1)
    album = server.album("A", live, plain)
    mirror(bench)
    assert on_disk(bench) == ["A/IMG_1.heic", "A/IMG_1.mov", "A/IMG_2.heic"]
    take_out(server, album, live)
    result = mirror(bench, "--delete")
    assert result.outcomes == {"unchanged": 1, "removed": 2}
    assert on_disk(bench) == ["A/IMG_2.heic"]
    assert sorted(trashed(bench)) == ["A/IMG_1.heic", "A/IMG_1.mov"]


def test_a_name_that_becomes_free_is_not_taken_before(bench: Bench, server: Server) -> None:
    """The new photo cannot have the name of the one that leaves in the same run."""
    old, new = server.seed("a.jpg", "a.jpg")
    album = server.album("A", old, *server.seed("b.jpg"))
    mirror(bench)
    take_out(server, album, old)
    put_in(server, album, new)
    result = mirror(bench, "--delete")
    assert result.outcomes == {"downloaded": 1, "removed": 1, "unchanged": 1}
    assert server.sums([new])[0] in bench.fetched().values()
    assert trashed(bench) == {"A/a.jpg": server.sums([old])[0]}
    assert mirror(bench, "--delete").outcomes == {"unchanged": 2}


def test_emptied_folders_go_and_others_stay(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.mp4", "c.jpg", "d.mp4")
    layout = ("--layout", "{album}/{type}/{filename}")
    one = server.album("A", *ids[:2])
    two = server.album("B", *ids[2:])
    mirror(bench, *layout)
    place(bench, "B/video/notes.txt")
    take_out(server, one, ids[1])
    take_out(server, two, ids[3])
    mirror(bench, *layout, "--delete")
    assert on_disk(bench) == ["A/image/a.jpg", "B/image/c.jpg", "B/video/notes.txt"]


def test_renamed_and_removed_in_one_run(bench: Bench, server: Server) -> None:
    one, two = server.seed("a.jpg", "b.jpg")
    album = server.album("Old", one, two)
    mirror(bench)
    rename_album(server, album, "New")
    take_out(server, album, one)
    assert mirror(bench, "--delete").outcomes == {"moved": 1, "removed": 1}
    assert on_disk(bench) == ["New/b.jpg"]
    assert list(trashed(bench)) == ["Old/a.jpg"]


def test_a_dry_run_says_what_would_go_and_leaves_it(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", "c.jpg")
    album = server.album("Old", *ids)
    mirror(bench)
    before = bench.fetched()
    manifest = {p: p.read_bytes() for p in bench.state.rglob("*.sqlite*")}
    rename_album(server, album, "New")
    take_out(server, album, ids[0])
    place(bench, "Old/b.jpg", "changed")
    take_out(server, album, ids[1])
    result = mirror(bench, "--delete", "-n")
    assert result.outcomes == {"moved": 1, "removed": 1, "skipped": 1}
    assert result.item("a.jpg")["outcome"] == "removed"
    assert bench.fetched() == before | {"Old/b.jpg": sha1(b"changed")}
    assert {p: p.read_bytes() for p in bench.state.rglob("*.sqlite*")} == manifest
    assert not (bench.state / "trash").exists()
    take_out(server, album, ids[2])
    assert mirror(bench, "--delete", "-n", code=8).items("removed") == []


def _other_disk(bench: Bench) -> Path | None:
    """A folder on another file system, where there is one."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        return None
    return shared if shared.stat().st_dev != bench.home.stat().st_dev else None


def test_a_trash_folder_on_another_disk(bench: Bench, server: Server) -> None:
    one, two = server.seed("a.jpg", "b.jpg")
    album = server.album("A", one, two)
    mirror(bench)
    disk = _other_disk(bench)
    if disk is None:
        pytest.skip("no second file system here; the unit test covers it")
    own = disk / f"immich-transfer-{os.getpid()}"
    stamp = (bench.out / "A/a.jpg").stat().st_mtime_ns
    try:
        take_out(server, album, one)
        assert mirror(bench, "--delete", "--trash-dir", str(own)).outcomes["removed"] == 1
        assert bench.fetched(own) == {"A/a.jpg": server.sums([one])[0]}
        assert (own / "A/a.jpg").stat().st_mtime_ns == stamp
        assert on_disk(bench) == ["A/b.jpg"]
    finally:
        shutil.rmtree(own, ignore_errors=True)


def test_a_trash_folder_that_cannot_be_written_loses_nothing(bench: Bench, server: Server) -> None:
    one, two = server.seed("a.jpg", "b.jpg")
    album = server.album("A", one, two)
    mirror(bench)
    before = bench.fetched()
    (bench.home / "bin").write_text("a file")
    take_out(server, album, one)
    result = mirror(bench, "--delete", "--trash-dir", "bin", code=3)
    assert result.outcomes == {"failed": 1, "unchanged": 1}
    assert bench.fetched() == before
    assert mirror(bench, "--delete").outcomes == {"removed": 1, "unchanged": 1}

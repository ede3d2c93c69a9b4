"""`check --album NAME -o DIR` and its like: is every asset on disk, bit for bit?"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request

import pytest

from immich_transfer import Selection

from .checked import downloaded, rot, said, tree
from .support import Bench, Result, Server, free_port, sha1

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)
FRESH = ("--state-dir", "fresh")


def check(bench: Bench, *arguments: str, code: int | None = 0) -> Result:
    return bench.run("check", "-o", "out", *arguments, code=code)


def album(bench: Bench, server: Server, *names: str) -> dict[str, str]:
    """Photos by name, in an album that was downloaded."""
    names = names or ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    ids = dict(zip(names, server.seed(*names, album="X"), strict=True))
    downloaded(bench, Selection(albums=("X",)))
    return ids


@BOTH
def test_equal_and_nothing_is_touched(bench: Bench, server: Server) -> None:
    ids = album(bench, server)
    there, here = server.box.state(), tree(bench.out)
    bodies = server.originals()
    result = check(bench, "--album", "X")
    assert result.outcomes == {"equal": 4}
    assert {line["asset_id"] for line in result.items()} == set(ids.values())
    assert {line["path"] for line in result.items()} == {f"X/{name}" for name in ids}
    assert result.summary["command"] == "check"
    assert result.summary["bytes_received"] == 0
    assert result.summary["bytes_hashed"] == 0
    assert "nothing was read now: 800 bytes were read before" in said(result)
    read = check(bench, "--album", "X", "--read")
    assert read.outcomes == {"equal": 4}
    assert read.summary["bytes_hashed"] == 800
    assert "proven by reading: 800 bytes" in said(read)
    assert server.originals() == bodies
    assert server.box.state() == there
    assert tree(bench.out) == here


@BOTH
def test_what_differs_has_its_outcome_and_its_sigil(bench: Bench, server: Server) -> None:
    ids = album(bench, server, "same.jpg", "gone.jpg", "size.jpg", "bytes.jpg", "left.jpg")
    (bench.out / "X/gone.jpg").unlink()
    (bench.out / "X/size.jpg").write_bytes(b"short")
    (bench.out / "X/bytes.jpg").write_bytes(b"y" * 200)
    (bench.out / "X/mine.jpg").write_bytes(b"of somebody else")
    (bench.out / "notes.txt").write_bytes(b"of somebody else")
    (new,) = server.seed("new.jpg", album="X")
    server.box.trash(ids["left.jpg"])
    bodies = server.originals()
    result = check(bench, "--album", "X", "--combined", "list.txt", code=4)
    assert result.outcomes == {
        "equal": 1,
        "missing-local": 2,
        "differs": 2,
        "missing-remote": 1,
    }
    assert sorted((bench.home / "list.txt").read_text().splitlines()) == [
        "* X/bytes.jpg",
        "* X/size.jpg",
        "+ X/left.jpg",
        "- X/gone.jpg",
        "- X/new.jpg",
        "= X/same.jpg",
    ]
    assert result.item("new.jpg")["asset_id"] == new
    assert "the same size, but other bytes" in result.item("bytes.jpg")["note"]
    assert "the same size" not in result.item("size.jpg")["note"]
    assert server.originals() == bodies
    assert (bench.out / "X/size.jpg").read_bytes() == b"short"


def test_rot_is_found_by_reading_only(bench: Bench, server: Server) -> None:
    album(bench, server)
    rot(bench.out / "X/b.jpg")
    trusting = check(bench, "--album", "X")
    assert trusting.outcomes == {"equal": 4}
    assert "--read reads all" in said(trusting)
    result = check(bench, "--album", "X", "--read", code=4)
    assert result.outcomes == {"equal": 3, "differs": 1}
    assert result.item("b.jpg")["outcome"] == "differs"
    assert result.summary["bytes_hashed"] == 800


def test_a_touched_file_is_read_and_vouched_for_again(bench: Bench, server: Server) -> None:
    album(bench, server)
    os.utime(bench.out / "X/b.jpg")
    first = check(bench, "--album", "X")
    assert first.outcomes == {"equal": 4}
    assert first.summary["bytes_hashed"] == 200
    assert check(bench, "--album", "X").summary["bytes_hashed"] == 0


def test_new_bytes_on_the_server_are_a_difference(bench: Bench, server: Server) -> None:
    ids = album(bench, server)
    server.edit(ids["b.jpg"], checksum=sha1(b"other"))
    result = check(bench, "--album", "X", code=4)
    assert result.outcomes == {"equal": 3, "differs": 1}
    assert result.item("b.jpg")["outcome"] == "differs"


def test_the_library_and_searches(bench: Bench, server: Server) -> None:
    best, _, away = server.seed("best.jpg", "other.jpg", "away.jpg")
    server.edit(best, favorite=True)
    server.edit(away, visibility="archive")
    downloaded(bench, Selection(favorites=True))
    assert check(bench, "--favorites").outcomes == {"equal": 1}
    assert check(bench, "--all", code=4).outcomes == {"equal": 1, "missing-local": 2}
    downloaded(bench, Selection(everything=True))
    assert check(bench, "--all").outcomes == {"equal": 3}
    assert check(bench, "--archived").outcomes == {"equal": 1}
    server.edit(best, favorite=False)
    left = check(bench, "--favorites", code=4)
    assert left.outcomes == {"missing-remote": 1}
    assert left.items()[0]["asset_id"] == best


def test_several_albums_and_another_layout(bench: Bench, server: Server) -> None:
    one, both, two = server.seed("one.jpg", "both.jpg", "two.jpg")
    server.album("Trip 1", one, both)
    server.album("Trip 2", two, both)
    downloaded(bench, Selection(albums=("Trip*",)), layout="{album} {id}.{ext}")
    result = check(bench, "--album", "Trip*", "--layout", "{album} {id}.{ext}", *FRESH)
    assert result.outcomes == {"equal": 4}
    assert result.summary["bytes_hashed"] == 800
    assert check(bench, "--album", "Trip*", *FRESH, code=4).outcomes == {"missing-local": 4}


def test_without_a_manifest_everything_is_read(bench: Bench, server: Server) -> None:
    """A check makes no file ours, so it keeps no memory of those it finds: a mirror may remove
    what is ours."""
    album(bench, server)
    (bench.out / "X/b.jpg").write_bytes(b"y" * 200)
    (bench.out / "X/c.jpg").write_bytes(b"short")
    for _ in range(2):
        result = check(bench, "--album", "X", *FRESH, code=4)
        assert result.outcomes == {"equal": 2, "differs": 2}
        assert result.summary["bytes_hashed"] >= 600


def test_files_that_a_check_found_stay_out_of_a_mirrors_reach(bench: Bench, server: Server) -> None:
    ids = album(bench, server)
    check(bench, "--album", "X", *FRESH)
    server.box.trash(*list(ids.values())[:1])
    mirrored = bench.run(
        "mirror", "-o", "out", "--album", "X", "--delete", "--max-delete", "100%", *FRESH
    )
    assert mirrored.outcomes == {"unchanged": 3}
    assert (bench.out / "X/a.jpg").exists()


@BOTH
def test_external_photos_cannot_be_proven(bench: Bench, server: Server) -> None:
    names = ("a.jpg", "outside.jpg", "touched.jpg", "cut.jpg", "lost.jpg")
    ids = dict(zip(names, server.seed(*names, album="X"), strict=True))
    server.edit(*list(ids.values())[1:], library="nas")
    downloaded(bench, Selection(albums=("X",)))
    for flags in ((), FRESH):
        result = check(bench, "--album", "X", *flags)
        assert result.outcomes == {"equal": 1, "unverifiable": 4}
    os.utime(bench.out / "X/touched.jpg")
    (bench.out / "X/cut.jpg").write_bytes(b"short")
    (bench.out / "X/lost.jpg").unlink()
    result = check(bench, "--album", "X", *FRESH, code=4)
    assert result.outcomes == {
        "equal": 1,
        "unverifiable": 2,
        "differs": 1,
        "missing-local": 1,
    }
    known = check(bench, "--album", "X", code=4)
    assert known.outcomes == result.outcomes
    rot(bench.out / "X/outside.jpg")
    assert check(bench, "--album", "X", "--read", code=4).outcomes["differs"] == 2


def test_a_live_photo_is_two_files(bench: Bench, server: Server) -> None:
    server.seed("live.heic", live=1, album="X")
    downloaded(bench, Selection(albums=("X",)))
    assert check(bench, "--album", "X").outcomes == {"equal": 2}
    (bench.out / "X/live.mov").unlink()
    assert check(bench, "--album", "X", code=4).item("live.mov")["outcome"] == "missing-local"


def test_a_renamed_album_is_left_for_the_mirror_to_follow(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="X")
    downloaded(bench, Selection(albums=("X",)), mirror=True)
    (number,) = [a["id"] for a in server.box.state()["albums"] if a["owner"] == server.owner]
    rename(server, number, "Y")
    assert "did you mean" not in check(bench, "--album", "X", code=2).error["message"]
    assert check(bench, "--album", "Y", "--read").outcomes == {"equal": 2}
    assert set(bench.fetched()) == {"X/a.jpg", "X/b.jpg"}
    mirrored = bench.run("mirror", "-o", "out", "--album", "Y")
    assert mirrored.outcomes == {"moved": 2}
    assert set(bench.fetched()) == {"Y/a.jpg", "Y/b.jpg"}


def rename(server: Server, album_id: str, name: str) -> None:
    request = urllib.request.Request(
        f"{server.url}/api/albums/{album_id}",
        data=json.dumps({"albumName": name}).encode(),
        headers={"Content-Type": "application/json", "x-api-key": server.key},
        method="PATCH",
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status == 200


@pytest.mark.parametrize("touched", [False, True], ids=["untouched", "touched"])
def test_a_renamed_photo_is_left_for_the_mirror_to_follow(
    bench: Bench, server: Server, touched: bool
) -> None:
    (photo,) = server.seed("a.jpg", album="X")
    downloaded(bench, Selection(albums=("X",)), mirror=True)
    server.edit(photo, name="b.jpg")
    if touched:
        os.utime(bench.out / "X/a.jpg")
    flags = [] if touched else ["--read"]
    assert check(bench, "--album", "X", *flags).outcomes == {"equal": 1}
    assert bench.run("mirror", "-o", "out", "--album", "X").outcomes == {"moved": 1}
    assert set(bench.fetched()) == {"X/b.jpg"}


def test_a_download_leaves_a_renamed_photo_for_the_mirror_to_follow(
    bench: Bench, server: Server
) -> None:
    (photo,) = server.seed("a.jpg", album="X")
    downloaded(bench, Selection(albums=("X",)), mirror=True)
    server.edit(photo, name="b.jpg")
    os.utime(bench.out / "X/a.jpg")
    downloaded(bench, Selection(albums=("X",)))
    assert bench.run("mirror", "-o", "out", "--album", "X").outcomes == {"moved": 1}


@BOTH
def test_a_list_with_gaps_proves_nothing(bench: Bench, server: Server) -> None:
    album(bench, server)
    rule = "albums" if server.version == "2.7" else "timeline"
    server.box.faults(f"{rule}:*=miss,by=1")
    result = check(bench, "--album", "X", code=None)
    assert result.code in (3, 5), result.told()
    assert result.outcomes.get("missing-remote", 0) == 0, "from a list with gaps nothing is missing"


def test_a_library_list_with_gaps_proves_nothing(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", "c.jpg")
    downloaded(bench, Selection(everything=True))
    server.box.faults("timeline:*=miss,by=1")
    result = check(bench, "--all", code=3)
    assert result.outcomes == {"equal": 2}
    assert "counts" in said(result)


def test_a_server_that_is_away_is_not_a_difference(bench: Bench, server: Server) -> None:
    album(bench, server)
    (bench.out / "X/a.jpg").unlink()
    nobody = {"IMMICH_URL": f"http://127.0.0.1:{free_port()}"}
    flags = ("check", "--album", "X", "-o", "out", "--wait", "0s", "--retries", "1")
    assert bench.run(*flags, code=5, env=nobody).error["exit_code"] == 5
    server.box.faults("timeline:*=502", "search:*=502")
    assert bench.run(*flags, code=5).outcomes == {}


def test_a_wrong_key_is_named(bench: Bench, server: Server) -> None:
    album(bench, server)
    flags = ("check", "--album", "X", "-o", "out")
    bench.run(*flags, code=12, env={"IMMICH_API_KEY": "wrong-key-of-mine"})
    few = {"IMMICH_API_KEY": server.new_key(["asset.read", "asset.download", "user.read"])}
    assert "album.read" in bench.run(*flags, code=12, env=few).error["message"]


def test_what_does_not_exist_is_a_mistake(bench: Bench, server: Server) -> None:
    album(bench, server)
    before = server.requests()
    result = bench.run("check", "--album", "X", "-o", "nowhere", code=2)
    assert "nowhere" in result.error["message"]
    assert server.requests() == before
    assert not (bench.home / "nowhere").exists()
    result = check(bench, "--album", "Y", code=2)
    assert "no album 'Y'" in result.error["message"]


def test_what_is_in_the_way_differs(bench: Bench, server: Server) -> None:
    """Folders and links in a photo's place are no photos; nothing is read through them."""
    album(bench, server)
    outside = bench.home / "outside.jpg"
    shutil.move(bench.out / "X/a.jpg", outside)
    (bench.out / "X/a.jpg").symlink_to(outside)
    (bench.out / "X/b.jpg").unlink()
    (bench.out / "X/b.jpg").mkdir()
    (bench.out / "X/c.jpg").unlink()
    os.mkfifo(bench.out / "X/c.jpg")
    result = check(bench, "--album", "X", "--read", code=4)
    assert result.outcomes == {"equal": 1, "differs": 3}
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        assert "not a regular file" in result.item(name)["note"]


def test_a_folder_that_is_something_else(bench: Bench, server: Server) -> None:
    album(bench, server)
    elsewhere = bench.home / "elsewhere"
    shutil.move(bench.out / "X", elsewhere)
    (bench.out / "X").symlink_to(elsewhere)
    result = check(bench, "--album", "X", code=3)
    assert result.outcomes == {"failed": 4}
    assert "link" in result.item("a.jpg")["error"]
    (bench.out / "X").unlink()
    assert check(bench, "--album", "X", code=4).outcomes == {"missing-local": 4}

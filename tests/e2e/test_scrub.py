"""`check --scrub DIR`: are downloaded files still what was written? And `--repair`."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from immich_transfer import Selection

from .checked import bound, downloaded, rot, tree
from .support import TIMEOUT, Bench, Result, Server, free_port, photo, sha1, until

__all__ = ["bound"]

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)
NAMES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")


def album(bench: Bench, server: Server, *names: str, title: str = "X") -> dict[str, str]:
    """Photos by name, in an album that was downloaded."""
    ids = dict(zip(names or NAMES, server.seed(*(names or NAMES), album=title), strict=True))
    downloaded(bench, Selection(albums=(title,)))
    return ids


def scrub(bench: Bench, folder: str = "out", *arguments: str, code: int | None = 0) -> Result:
    """A scrub that could reach no server."""
    nowhere = {"IMMICH_URL": "", "IMMICH_API_KEY": ""}
    return bench.run("check", "--scrub", folder, *arguments, code=code, env=nowhere)


def repair(bench: Bench, *arguments: str, code: int | None = 0) -> Result:
    return bench.run("check", "--scrub", "out", "--repair", *arguments, code=code)


def parts(bench: Bench) -> list[str]:
    return [path.name for path in bench.out.rglob("*.part")]


def test_intact_files_are_read_once_and_no_server_is_asked(bench: Bench, server: Server) -> None:
    album(bench, server)
    here, before = tree(bench.out), server.requests()
    result = scrub(bench)
    assert result.outcomes == {"equal": 4}
    assert result.summary["bytes_hashed"] == 800
    assert result.summary["requests"] == 0
    assert server.requests() == before
    assert tree(bench.out) == here
    assert {line["path"] for line in result.items()} == {f"X/{name}" for name in NAMES}


def test_rot_edits_and_losses_are_told_apart(bench: Bench, server: Server) -> None:
    ids = album(bench, server)
    rot(bench.out / "X/a.jpg")
    (bench.out / "X/b.jpg").write_bytes(photo("edited", 200))
    (bench.out / "X/c.jpg").unlink()
    os.utime(bench.out / "X/d.jpg")
    (bench.out / "X/mine.jpg").write_bytes(b"of somebody else")
    result = scrub(bench, "out", "--combined", "list.txt", code=4)
    assert result.outcomes == {"equal": 1, "differs": 2, "missing-local": 1}
    assert "damaged" in result.item("a.jpg")["note"]
    assert ids["a.jpg"] in result.item("a.jpg")["note"]
    assert "changed here" in result.item("b.jpg")["note"]
    assert result.item("c.jpg")["asset_id"] == ids["c.jpg"]
    assert sorted((bench.home / "list.txt").read_text().splitlines()) == [
        "* X/a.jpg",
        "* X/b.jpg",
        "- X/c.jpg",
        "= X/d.jpg",
    ]
    text = bench.start("check", "--scrub", "out", json=False).finish()
    assert "add --repair" in text.stdout


def test_a_folder_below_a_mirror(bench: Bench, server: Server) -> None:
    album(bench, server, "a.jpg", title="X")
    album(bench, server, "b.jpg", "c.jpg", title="X 2")
    rot(bench.out / "X/a.jpg")
    assert scrub(bench, "out/X 2").outcomes == {"equal": 2}
    assert scrub(bench, "out/X", code=4).outcomes == {"differs": 1}
    (bench.out / "X 2/deep").mkdir()
    assert "nothing was downloaded" in scrub(bench, "out/X 2/deep", code=2).error["message"]


def test_a_folder_that_was_never_downloaded_to(bench: Bench, server: Server) -> None:
    album(bench, server)
    assert "does not exist" in scrub(bench, "nowhere", code=2).error["message"]
    bench.make(1)
    assert "nothing was downloaded" in scrub(bench, "photos", code=2).error["message"]
    # A check looks at a folder; that does not make it one that was downloaded to.
    bench.run("check", "--album", "X", "-o", "photos", code=4)
    assert "nothing was downloaded" in scrub(bench, "photos", code=2).error["message"]
    unknown = scrub(bench, "out", "--state-dir", "fresh", code=2).error
    assert "--state-dir" in unknown["hint"]


def test_what_is_in_the_way_is_named(bench: Bench, server: Server) -> None:
    album(bench, server)
    outside = bench.home / "outside.jpg"
    shutil.move(bench.out / "X/a.jpg", outside)
    (bench.out / "X/a.jpg").symlink_to(outside)
    (bench.out / "X/b.jpg").unlink()
    (bench.out / "X/b.jpg").mkdir()
    (bench.out / "X/c.jpg").unlink()
    os.mkfifo(bench.out / "X/c.jpg")
    result = scrub(bench, code=3)
    assert result.outcomes == {"equal": 1, "failed": 3}
    shutil.rmtree(bench.out / "X")
    assert scrub(bench, code=4).outcomes == {"missing-local": 4}
    (bench.out / "X").write_bytes(b"")
    assert scrub(bench, code=3).outcomes == {"failed": 4}


@pytest.mark.usefixtures("bound")
def test_what_cannot_be_read_could_not_be_checked(bench: Bench, server: Server) -> None:
    album(bench, server, "a.jpg", title="X")
    album(bench, server, "b.jpg", "c.jpg", title="Y")
    (bench.out / "X").chmod(0)
    (bench.out / "Y/b.jpg").chmod(0)
    result = bench.start("check", "--scrub", "out").finish()
    (bench.out / "X").chmod(0o700)
    assert result.code == 3
    assert result.outcomes == {"equal": 1, "failed": 2}
    for name in ("a.jpg", "b.jpg"):
        assert "Permission denied" in result.item(name)["error"]


def test_ctrl_c_leaves_what_was_not_read_pending(bench: Bench, server: Server) -> None:
    album(bench, server)
    with (bench.out / "X/a.jpg").open("r+b") as large:
        large.truncate(64 << 30)  # all holes
    running = bench.start("check", "--scrub", "out", "--hashers", "4")
    running.until_said('"equal"')
    running.signal(signal.SIGINT)
    running.until_said("again to drop", where="err")
    running.signal(signal.SIGINT)
    running.process.wait(TIMEOUT)
    os.truncate(bench.out / "X/a.jpg", 200)
    result = running.finish()
    assert result.code == 130, result.told()
    assert result.outcomes == {"equal": 3, "pending": 1}
    assert result.item("a.jpg")["outcome"] == "pending"


@BOTH
def test_damaged_and_lost_files_come_again(bench: Bench, server: Server) -> None:
    album(bench, server)
    good = bench.fetched()
    rot(bench.out / "X/a.jpg")
    (bench.out / "X/b.jpg").unlink()
    before = server.originals()
    result = repair(bench)
    assert result.outcomes == {"equal": 2, "downloaded": 2}
    assert bench.fetched() == good
    assert server.originals() == before + 2
    assert parts(bench) == []
    assert scrub(bench).outcomes == {"equal": 4}
    assert bench.run("mirror", "-o", "out", "--album", "X").outcomes == {"unchanged": 4}
    assert repair(bench).outcomes == {"equal": 4}


def test_a_whole_folder_comes_again(bench: Bench, server: Server) -> None:
    album(bench, server)
    good = bench.fetched()
    shutil.rmtree(bench.out / "X")
    assert repair(bench).outcomes == {"downloaded": 4}
    assert bench.fetched() == good


def test_an_edited_file_is_kept_beside_the_new_one(bench: Bench, server: Server) -> None:
    album(bench, server)
    good = bench.fetched()
    (bench.out / "X/a.jpg").write_bytes(b"edited")
    result = repair(bench)
    assert result.outcomes == {"equal": 3, "conflict": 1}
    assert "a (local).jpg" in result.item("a.jpg")["note"]
    assert bench.fetched() == good | {"X/a (local).jpg": sha1(b"edited")}
    assert scrub(bench).outcomes == {"equal": 4}


def test_what_left_the_server_cannot_come_again(bench: Bench, server: Server) -> None:
    ids = album(bench, server)
    rot(bench.out / "X/a.jpg")
    rotten = (bench.out / "X/a.jpg").read_bytes()
    (bench.out / "X/b.jpg").unlink()
    checksum = server.sums([ids["a.jpg"]])[0]
    server.box.delete(ids["a.jpg"])
    server.until_forgotten(checksum)
    result = repair(bench, code=3)
    assert result.outcomes == {"equal": 2, "downloaded": 1, "failed": 1}
    assert "left the server" in result.item("a.jpg")["error"]
    assert (bench.out / "X/a.jpg").read_bytes() == rotten


def test_a_photo_in_two_albums_is_whole_in_both(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    server.album("X", *ids)
    server.album("Y", *ids)
    downloaded(bench, Selection(albums=("*",)))
    good = bench.fetched()
    assert (bench.out / "X/a.jpg").stat().st_ino == (bench.out / "Y/a.jpg").stat().st_ino
    rot(bench.out / "X/a.jpg")
    (bench.out / "Y/b.jpg").unlink()
    assert scrub(bench, code=4).outcomes == {"equal": 1, "differs": 2, "missing-local": 1}
    before = server.originals()
    assert repair(bench).outcomes == {"equal": 1, "downloaded": 3}
    assert bench.fetched() == good
    assert server.originals() <= before + 2
    assert (bench.out / "X/a.jpg").stat().st_ino == (bench.out / "Y/a.jpg").stat().st_ino
    assert scrub(bench).outcomes == {"equal": 4}
    (bench.out / "X/a.jpg").write_bytes(b"edited in place")
    assert repair(bench).outcomes == {"equal": 2, "conflict": 2}
    extra = dict.fromkeys(["X/a (local).jpg", "Y/a (local).jpg"], sha1(b"edited in place"))
    assert bench.fetched() == good | extra


def test_bytes_that_come_wrong_replace_nothing(bench: Bench, server: Server) -> None:
    album(bench, server)
    rot(bench.out / "X/a.jpg")
    rotten = (bench.out / "X/a.jpg").read_bytes()
    server.box.faults("original:*=corrupt")
    result = repair(bench, "--retries", "1", code=None)
    assert result.code in (3, 5), result.told()
    assert result.outcomes == {"equal": 3, "failed": 1}
    assert (bench.out / "X/a.jpg").read_bytes() == rotten
    assert parts(bench) == []


def test_a_server_that_is_away(bench: Bench, server: Server) -> None:
    """Whatever was found bad has an outcome, even where the server left between two questions."""
    album(bench, server)
    good = bench.fetched()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        rot(bench.out / f"X/{name}")
    nobody = {"IMMICH_URL": f"http://127.0.0.1:{free_port()}"}
    flags = ("--wait", "0s", "--retries", "1")
    assert bench.run("check", "--scrub", "out", "--repair", *flags, code=5, env=nobody).error
    server.box.faults("asset:2-=502")
    result = repair(bench, *flags, code=5)
    assert result.outcomes == {"equal": 1, "pending": 3}
    server.box.faults("original:*=502")
    assert repair(bench, *flags, code=5).outcomes == {"equal": 1, "failed": 3}
    server.clear_faults()
    assert repair(bench).outcomes == {"equal": 1, "downloaded": 3}
    assert bench.fetched() == good


def test_another_account_repairs_nothing(bench: Bench, server: Server) -> None:
    album(bench, server)
    other = Server(server.box)
    foreign = {"IMMICH_API_KEY": other.key}
    result = bench.run("check", "--scrub", "out", "--repair", code=2, env=foreign)
    assert "another account" in result.error["message"]
    assert scrub(bench).outcomes == {"equal": 4}


def test_a_kill_in_a_repair_tears_no_file(bench: Bench, server: Server) -> None:
    names = tuple(f"{number}.jpg" for number in range(6))
    server.seed(*names, size=1 << 20, album="X")
    downloaded(bench, Selection(albums=("X",)))
    good = bench.fetched()
    for name in names[:4]:
        rot(bench.out / "X" / name)
    rotten = {path: sums for path, sums in bench.fetched().items() if sums != good[path]}
    before = server.originals()
    running = bench.start("check", "--scrub", "out", "--repair", "--bwlimit", "2M")
    until(lambda: server.originals() > before and bool(parts(bench)), running)
    running.kill()
    left = {p: sums for p, sums in bench.fetched().items() if not p.endswith(".part")}
    assert left.keys() == good.keys()
    assert all(sums in (good[path], rotten.get(path)) for path, sums in left.items())
    result = repair(bench)
    assert set(result.outcomes) == {"equal", "downloaded"}
    assert bench.fetched() == good
    assert scrub(bench).outcomes == {"equal": 6}

"""`check PATH…`: is every local file on the server? Nothing is changed, here or there."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .checked import bound, rot, said, tree, uploaded
from .support import TIMEOUT, Bench, Result, Server, command, free_port, photo, sha1, until

__all__ = ["bound"]

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)


def check(bench: Bench, *arguments: str, code: int | None = 0) -> Result:
    return bench.run("check", "photos", *arguments, code=code)


@BOTH
def test_everything_is_there(bench: Bench, server: Server) -> None:
    contents = [*bench.make(5).values(), *bench.make(2, below="2024", seed="other").values()]
    uploaded(bench)
    there, here = server.box.state(), tree(bench.photos)
    changes, bodies = server.changes(), server.bodies()
    result = check(bench)
    assert result.outcomes == {"equal": 7}
    assert {line["sha1"] for line in result.items()} == {sha1(c) for c in contents}
    assert {line["asset_id"] for line in result.items()} == set(server.known())
    assert result.summary["command"] == "check"
    assert result.summary["bytes_sent"] == 0
    assert result.summary["bytes_hashed"] == 0
    assert (server.changes(), server.bodies()) == (changes, bodies)
    assert server.box.state() == there
    assert tree(bench.photos) == here


@BOTH
def test_what_differs_has_its_outcome_and_its_sigil(bench: Bench, server: Server) -> None:
    bench.write("same.jpg", photo("same"))
    bench.write("trashed.jpg", photo("trashed"))
    uploaded(bench)
    server.trash(sha1(photo("trashed")))
    bench.write("new.jpg", photo("new"))
    bench.write("twin.jpg", photo("new"))
    bench.write(".hidden.jpg", b"x")
    bench.write("notes.txt", b"x")
    bench.write("empty.jpg", b"")
    there = server.box.state()
    result = check(bench, "--combined", "list.txt", code=4)
    assert result.outcomes == {"equal": 1, "trashed": 1, "missing-remote": 2, "skipped": 3}
    assert sorted((bench.home / "list.txt").read_text().splitlines()) == [
        "* photos/trashed.jpg",
        "+ photos/new.jpg",
        "+ photos/twin.jpg",
        "= photos/same.jpg",
    ]
    assert "asset_id" not in result.item("photos/new.jpg")
    assert result.item("photos/trashed.jpg")["asset_id"] in server.known()
    assert server.box.state() == there
    assert server.bodies() == 2


def test_what_was_deleted_there_is_only_here(bench: Bench, server: Server) -> None:
    bench.make(2)
    uploaded(bench)
    gone = sha1(photo((0, 1)))
    server.delete(gone)
    server.until_forgotten(gone)
    result = check(bench, code=4)
    assert result.outcomes == {"equal": 1, "missing-remote": 1}


def test_photos_of_others_do_not_count(bench: Bench, server: Server) -> None:
    bench.make(1)
    other = Server(server.box)
    bench.run("upload", "photos", env={"IMMICH_API_KEY": other.key})
    assert check(bench, code=4).outcomes == {"missing-remote": 1}
    other.delete_everything()


def test_without_a_manifest_everything_is_read_once(bench: Bench, server: Server) -> None:
    contents = bench.make(4)
    uploaded(bench)
    shutil.rmtree(bench.state)
    first = check(bench)
    size = sum(map(len, contents.values()))
    assert first.outcomes == {"equal": 4}
    assert first.summary["bytes_hashed"] == size
    assert f"proven by reading: {size:,} bytes" in said(first)
    second = check(bench)
    assert second.summary["bytes_hashed"] == 0
    assert f"nothing was read now: {size:,} bytes were read before" in said(second)
    bench.write("more.jpg", photo("more", 500))
    third = check(bench, code=4)
    assert third.summary["bytes_hashed"] == 500
    assert "reading now: 500 bytes" in said(third)
    assert f"untouched since, by size, date and inode: {size:,} bytes" in said(third)


def test_rot_is_found_by_reading_only(bench: Bench, server: Server) -> None:
    bench.make(3)
    uploaded(bench)
    rot(bench.photos / "IMG_0001.png")
    trusting = check(bench)
    assert trusting.outcomes == {"equal": 3}
    assert "--read reads all" in said(trusting)
    result = check(bench, "--read", code=4)
    assert result.outcomes == {"equal": 2, "missing-remote": 1}
    assert result.item("IMG_0001.png")["outcome"] == "missing-remote"
    assert result.summary["bytes_hashed"] == 6000
    assert "proven by reading: 6,000 bytes" in said(result)
    # What reading found is remembered: trusting is not fooled a second time.
    assert check(bench, code=4).outcomes == {"equal": 2, "missing-remote": 1}


def test_an_edit_is_found_without_being_asked_to_read(bench: Bench, server: Server) -> None:
    bench.make(3)
    uploaded(bench)
    bench.write("IMG_0001.png", photo("edited"))
    result = check(bench, code=4)
    assert result.outcomes == {"equal": 2, "missing-remote": 1}
    assert result.summary["bytes_hashed"] == 2000


def test_filters_say_which_files_are_meant(bench: Bench, server: Server) -> None:
    bench.write("a.jpg", photo("a", 100))
    bench.write("b.mp4", photo("b", 5000))
    bench.write("raw/c.png", photo("c", 200))
    os.utime(bench.photos / "a.jpg", (1_000_000_000, 1_000_000_000))

    def names(*flags: str) -> set[str]:
        items = check(bench, *flags, code=4).items("missing-remote")
        return {line["path"].removeprefix("photos/") for line in items}

    assert names("--exclude", "raw/", "--type", "image") == {"a.jpg"}
    assert names("--include", "*.png", "--include", "*.mp4") == {"raw/c.png", "b.mp4"}
    assert names("--min-size", "150B", "--max-size", "1K") == {"raw/c.png"}
    assert names("--newer", "2020-01-01", "--exclude", "raw/") == {"b.mp4"}
    assert names("--older", "2020-01-01") == {"a.jpg"}


def test_several_paths_and_single_files(bench: Bench, server: Server) -> None:
    bench.make(2)
    bench.write("../more/x.jpg", photo("x"))
    result = bench.run("check", "photos/IMG_0000.jpg", "--folder", "more", code=4)
    assert {line["path"] for line in result.items()} == {"photos/IMG_0000.jpg", "more/x.jpg"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text(bench: Bench, server: Server) -> None:
    bench.write(b"caf\xe9.jpg", photo("latin"))
    bench.write("new\nline.jpg", photo("line"))
    result = check(bench, "--combined", "list.txt", code=4)
    assert result.outcomes == {"missing-remote": 2}
    (odd,) = [line for line in result.items() if "path_b64" in line]
    assert base64.b64decode(odd["path_b64"]) == b"photos/caf\xe9.jpg"
    listed = (bench.home / "list.txt").read_text("utf-8").splitlines()
    assert sorted(listed) == ["+ photos/caf\ufffd.jpg", "+ photos/new line.jpg"]


@pytest.mark.usefixtures("bound")
def test_what_cannot_be_read_could_not_be_compared(bench: Bench, server: Server) -> None:
    bench.make(2)
    uploaded(bench)
    bench.write("locked.jpg", photo("locked")).chmod(0)
    result = check(bench, "--combined", "list.txt", code=3)
    assert result.outcomes == {"equal": 2, "failed": 1}
    assert "Permission denied" in result.item("locked.jpg")["error"]
    assert "! photos/locked.jpg" in (bench.home / "list.txt").read_text().splitlines()
    bench.write("new.jpg", photo("new"))
    worst = check(bench, code=4)
    assert worst.outcomes == {"equal": 2, "failed": 1, "missing-remote": 1}


def test_a_server_that_is_away_is_not_a_difference(bench: Bench, server: Server) -> None:
    bench.make(2)
    nobody = {"IMMICH_URL": f"http://127.0.0.1:{free_port()}"}
    result = bench.run("check", "photos", "--wait", "0s", code=5, env=nobody)
    assert result.error["exit_code"] == 5
    uploaded(bench)
    bench.write("new.jpg", photo("new"))
    server.box.faults("check:*=502")
    result = check(bench, "--wait", "0s", "--retries", "1", code=5)
    assert result.outcomes == {"pending": 3}


def test_half_an_answer_is_not_a_difference(bench: Bench, server: Server) -> None:
    """What was judged before the server went away keeps its outcome."""
    bench.make(2)
    uploaded(bench)
    gone = sha1(photo((0, 1)))
    server.delete(gone)
    server.until_forgotten(gone)
    with (bench.photos / "large.mp4").open("wb") as large:
        large.truncate(200 << 20)  # it takes longer to hash than others wait to be asked for
    server.box.faults("check:2-=502")
    result = check(bench, "--wait", "0s", "--retries", "1", code=5)
    assert result.outcomes == {"equal": 1, "missing-remote": 1, "pending": 1}


def test_a_wrong_key_is_named(bench: Bench, server: Server) -> None:
    bench.make(1)
    result = bench.run("check", "photos", code=12, env={"IMMICH_API_KEY": "wrong-key-of-mine"})
    assert "wrong-key-of-mine" not in result.told()
    few = {"IMMICH_API_KEY": server.new_key(["user.read"])}
    result = bench.run("check", "photos", code=12, env=few)
    assert "asset.upload" in result.error["message"]


def test_what_does_not_exist_is_a_mistake(bench: Bench, server: Server) -> None:
    bench.make(1)
    before = server.requests()
    assert "photo" in bench.run("check", "photo", code=2).error["message"]
    assert server.requests() == before


def test_the_list_on_standard_output_is_nothing_else(bench: Bench, server: Server) -> None:
    bench.make(2)
    uploaded(bench)
    bench.write("new.jpg", photo("new"))
    result = bench.start("check", "photos", "--combined", "-", json=False).finish()
    assert result.code == 4, result.told()
    assert sorted(result.stdout.splitlines()) == [
        "+ photos/new.jpg",
        "= photos/IMG_0000.jpg",
        "= photos/IMG_0001.png",
    ]
    assert "1 file is only here" in result.stderr


def test_a_reader_that_left_is_no_trouble(bench: Bench, server: Server) -> None:
    bench.make(400, size=20)
    script = '"$@" | head -n 1; exit "${PIPESTATUS[0]}"'
    piped = subprocess.run(
        ["/bin/bash", "-c", script, "-", *command(), "check", "photos", "--combined", "-", "-q"],
        cwd=bench.home,
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(bench.home),
            "IMMICH_URL": bench.url,
            "IMMICH_API_KEY": bench.key,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert piped.returncode == 4, piped.stderr
    assert piped.stdout.startswith("+ photos/")
    assert "roken" not in piped.stderr
    assert "Traceback" not in piped.stderr


def test_a_list_that_cannot_be_written(bench: Bench, server: Server) -> None:
    bench.make(1)
    before = server.requests()
    result = check(bench, "--combined", "nowhere/list.txt", code=2)
    assert "nowhere/list.txt" in result.error["message"]
    assert server.requests() == before
    if Path("/dev/full").exists():
        full = bench.start("check", "photos", "--combined", "/dev/full", json=False).finish()
        assert full.code == 7, full.told()
        assert "/dev/full could not be written" in full.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
def test_a_stop_leaves_what_was_not_judged_pending(
    bench: Bench, server: Server, number: signal.Signals, code: int
) -> None:
    bench.make(3)
    server.box.faults("check:*=stall,seconds=60")
    running = bench.start("check", "photos", "--combined", "list.txt")
    until(lambda: server.requests("check") > 0, running)
    running.signal(number)
    running.until_said("again to drop", where="err")
    running.signal(number)
    result = running.finish()
    assert result.code == code, result.told()
    assert result.outcomes == {"pending": 3}
    assert (bench.home / "list.txt").read_text() == ""
    server.clear_faults()
    assert "nothing to resume" in bench.run("resume").summary["message"]
    assert check(bench, code=4).outcomes == {"missing-remote": 3}


def test_a_check_owes_nothing_and_hinders_nobody(bench: Bench, server: Server) -> None:
    """An upload after it does its work, and what it hashed is hashed once."""
    bench.make(3)
    check(bench, code=4)
    result = bench.upload()
    assert result.outcomes == {"uploaded": 3}
    assert result.summary["bytes_hashed"] == 0
    assert check(bench).outcomes == {"equal": 3}

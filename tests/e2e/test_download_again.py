"""A download again: what is there stays, what changed is not lost, what stopped goes on."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from .support import Bench, Running, Server, photo, sha1, until

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Everything in a folder, down to the times."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@BOTH
def test_a_second_run_fetches_and_reads_nothing(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.mp4", "c.heic", live=1, album="A")
    first = bench.download("--album", "A")
    assert first.outcomes == {"downloaded": 4}
    before = snapshot(bench.out)
    again = bench.run("download", "-o", f"{bench.home}/x/../out/", "--album", "A")
    assert again.outcomes == {"unchanged": 4}
    assert again.summary["verified"] == 4
    assert again.summary["bytes_received"] == 0
    assert again.summary["bytes_hashed"] == 0
    assert again.summary["requests"] <= 12
    assert server.originals() == 4
    assert snapshot(bench.out) == before


def test_the_lines_are_the_contract(bench: Bench, server: Server) -> None:
    (asset_id,) = server.seed("a.jpg", album="A")
    (content,) = server.sums([asset_id])
    before = server.requests()
    result = bench.download("--album", "A")
    begin, item, summary = result.lines
    assert begin == {
        "type": "run",
        "v": 1,
        "run": summary["run"],
        "command": "download",
        "server": begin["server"],
        "user": server.owner,
    }
    assert begin["server"].startswith(server.version)
    assert item == {
        "type": "item",
        "outcome": "downloaded",
        "path": "A/a.jpg",
        "asset_id": asset_id,
        "sha1": content,
        "bytes": 200,
    }
    assert summary["requests"] == server.requests() - before
    assert {**summary, "seconds": 0, "owed": 0} == {
        "type": "summary",
        "v": 1,
        "run": begin["run"],
        "command": "download",
        "exit_code": 0,
        "discovered": 1,
        "outcomes": {"downloaded": 1},
        "verified": 1,
        "bytes_sent": 0,
        "bytes_received": 200,
        "bytes_hashed": 0,
        "requests": summary["requests"],
        "retries": 0,
        "seconds": 0,
        "owed": 0,
    }
    taken = server.known()[asset_id]["modified"]
    assert os.path.getmtime(bench.out / "A/a.jpg") == 946_728_000, taken


def test_a_deleted_file_comes_again_unless_that_is_respected(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="A")
    bench.download("--album", "A")
    (bench.out / "A/a.jpg").unlink()
    left = bench.download("--album", "A", "--deleted", "skip", "--strict", code=3)
    assert left.outcomes == {"skipped": 1, "unchanged": 1}
    assert "deleted" in left.item("a.jpg")["reason"]
    assert not (bench.out / "A/a.jpg").exists()
    shutil.rmtree(bench.out / "A")
    assert bench.download("--album", "A").outcomes == {"downloaded": 2}
    assert server.originals() == 4


@pytest.mark.parametrize("policy", [None, "skip", "overwrite"])
def test_a_file_that_was_changed_here(bench: Bench, server: Server, policy: str | None) -> None:
    (asset_id, _) = server.seed("a.jpg", "b.jpg", album="A")
    (content,) = server.sums([asset_id])
    bench.download("--album", "A")
    place = bench.out / "A/a.jpg"
    flags = ["--album", "A", *(["--on-conflict", policy] if policy else [])]
    for number, mine in enumerate((photo("mine", 200), photo("mine again", 300))):
        place.write_bytes(mine)
        result = bench.download(*flags)
        item = result.item("a.jpg")
        aside = place.with_name(["a (local).jpg", "a (local 2).jpg"][number])
        match policy:
            case None:
                assert item["outcome"] == "conflict"
                assert aside.name in item["note"]
                assert aside.read_bytes() == mine
            case "skip":
                assert item["outcome"] == "skipped"
                assert "differs" in item["reason"]
                assert place.read_bytes() == mine
            case _:
                assert item["outcome"] == "downloaded"
        assert aside.exists() == (policy is None)
        assert result.item("b.jpg")["outcome"] == "unchanged"
    if policy != "skip":
        assert sha1(place.read_bytes()) == content
        assert bench.download(*flags).outcomes == {"unchanged": 2}
        assert server.originals() == 4


def test_a_touched_file_is_read_once_and_kept(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="A")
    bench.download("--album", "A")
    os.utime(bench.out / "A/a.jpg", (1, 1))
    result = bench.download("--album", "A")
    assert result.outcomes == {"unchanged": 2}
    assert result.summary["bytes_hashed"] == 200
    assert bench.download("--album", "A").summary["bytes_hashed"] == 0
    assert server.originals() == 2


def test_files_are_adopted_when_the_manifest_is_gone(bench: Bench, server: Server) -> None:
    ids = server.seed(*(f"{n}.jpg" for n in range(6)), "same.jpg", "same.jpg", live=1, album="A")
    server.edit(ids[5], library="NAS")
    bench.download("--album", "A")
    before = snapshot(bench.out)
    shutil.rmtree(bench.state)
    result = bench.download("--album", "A")
    assert result.outcomes == {"unchanged": 9}
    assert result.summary["bytes_received"] == 0
    assert result.summary["bytes_hashed"] == 9 * 200
    assert snapshot(bench.out) == before
    assert bench.download("--album", "A").summary["bytes_hashed"] == 0
    assert server.originals() == 9


@BOTH
def test_an_asset_in_two_albums_comes_once(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", live=1, album=["A", "B"])
    server.album("C", *ids)
    result = bench.download("--album", "A", "--album", "B")
    assert result.outcomes == {"downloaded": 6}
    assert result.summary["verified"] == 6
    later = bench.download("--album", "C")
    assert later.outcomes == {"downloaded": 3}
    assert later.summary["bytes_received"] == 0
    assert server.originals() == 3
    for name in ("a.jpg", "b.jpg", "a.mov"):
        inodes = {(bench.out / album / name).stat().st_ino for album in "ABC"}
        assert len(inodes) == 1, name
    assert bench.download("--album", "*").summary["bytes_hashed"] == 0


def test_bit_rot_is_found_by_checksum(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", album="A")
    bench.download("--album", "A")
    place = bench.out / "A/a.jpg"
    seen, content = place.stat(), place.read_bytes()
    rotten = bytes([content[0] ^ 1]) + content[1:]
    with place.open("r+b") as file:
        file.write(rotten)
    os.utime(place, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert bench.download("--album", "A").outcomes == {"unchanged": 2}
    found = bench.download("--album", "A", "--checksum")
    assert found.outcomes == {"conflict": 1, "unchanged": 1}
    assert found.summary["bytes_hashed"] == 400
    assert place.read_bytes() == content
    assert place.with_name("a (local).jpg").read_bytes() == rotten


@pytest.mark.parametrize("server", ["2.7"], indirect=True)
def test_a_dry_run_writes_nothing(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", "c.jpg", live=1, album="A")
    first = bench.download("--album", "A", "--dry-run")
    assert first.outcomes == {"downloaded": 4}
    assert first.summary["dry_run"] is True
    assert all(line["dry_run"] for line in first.items())
    assert list(bench.home.iterdir()) == []
    assert server.originals() == 0

    told = {line["path"] for line in first.items()}
    bench.download("--album", "A")
    assert set(bench.fetched()) == told
    (bench.out / "A/a.jpg").unlink()
    (bench.out / "A/b.jpg").write_bytes(b"mine")
    os.utime(bench.out / "A/c.jpg", (1, 1))
    server.album("B", *server.seed("d.jpg"))
    before = snapshot(bench.home)
    result = bench.download("--album", "*", "--dry-run")
    assert result.item("A/a.jpg")["outcome"] == "downloaded"
    assert result.item("A/b.jpg")["outcome"] == "conflict"
    assert result.item("A/c.jpg")["outcome"] == "unchanged"
    assert result.item("B/d.jpg")["outcome"] == "downloaded"
    assert snapshot(bench.home) == before
    assert not (bench.out / "B").exists()


def test_the_limit_of_bandwidth_is_kept(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", size=400_000)
    slow = bench.download("--all", "--bwlimit", "9M:400K")
    assert slow.summary["seconds"] > 1
    assert slow.summary["bytes_received"] == 800_000


@BOTH
def test_exit_codes(bench: Bench, server: Server) -> None:
    server.seed("a.jpg", "b.jpg", "c.jpg")
    server.box.faults("original:name=b.jpg=missing")
    some = bench.download("--all", "--retries=1", code=3)
    assert some.outcomes == {"downloaded": 2, "failed": 1}
    (failed,) = some.items("failed")
    assert "b.jpg" in failed["path"]
    assert failed["error"]
    limit = bench.download("--all", "--retries=1", "--max-errors=1", code=8)
    assert limit.outcomes == {"unchanged": 2, "failed": 1}
    server.box.faults("original:*=401,json")
    refused = bench.download("--all", code=12)
    assert refused.outcomes == {"unchanged": 2, "pending": 1}
    assert "key" in refused.summary["message"]
    server.maintenance(True)
    assert bench.download("--all", "--wait=0s", code=5).error["exit_code"] == 5


def slow_download(bench: Bench, server: Server) -> Running:
    """A download of 12 files that is in the middle: some are here, some are not."""
    server.seed(*(f"{n:02}.jpg" for n in range(12)), album="A")
    server.box.faults("original:*=delay,seconds=0.15")
    running = bench.start("download", "-o", "out", "--album", "A", "--transfers", "2")
    until(lambda: server.originals() >= 3, running)
    return running


@POSIX
def test_one_ctrl_c_finishes_what_is_in_flight(bench: Bench, server: Server) -> None:
    running = slow_download(bench, server)
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130
    assert set(result.outcomes) == {"downloaded", "pending"}
    assert result.outcomes["downloaded"] == server.originals() == len(bench.fetched())
    assert {line["path"] for line in result.items("downloaded")} == set(bench.fetched())

    listed = bench.start("runs", json=False).finish()
    assert result.summary["run"] in listed.stdout
    status = bench.start("status", json=False).finish()
    assert status.code == 0, status.told()
    assert f"Pending: {result.outcomes['pending']}" in status.stdout
    assert all(line["path"] in status.stdout for line in result.items("pending"))

    server.box.faults()
    elsewhere = bench.home / "elsewhere"
    elsewhere.mkdir()
    resumed = bench.run("resume", cwd=elsewhere)
    assert resumed.summary["command"] == "download"
    assert resumed.outcomes == {
        "downloaded": result.outcomes["pending"],
        "unchanged": result.outcomes["downloaded"],
    }
    assert resumed.summary["bytes_hashed"] == 0
    assert server.originals() == 12, "a graceful stop drops no body"
    assert len(bench.fetched()) == 12
    assert list(elsewhere.iterdir()) == []
    assert "nothing" in str(bench.run("resume").told()).lower()


@POSIX
@pytest.mark.parametrize("server", ["2.7"], indirect=True)
def test_two_ctrl_c_drop_what_is_in_flight(bench: Bench, server: Server) -> None:
    size = 3_000_000
    (large,) = server.seed("large.mp4", size=size, album="A")
    (content,) = server.sums([large])
    server.box.faults("original:*=slow,rate=1000000")
    running = bench.start("download", "-o", "out", "--album", "A")
    until(lambda: any(p.stat().st_size for p in bench.out.rglob("*.part")), running)
    running.signal(signal.SIGINT)
    running.until_said("again", where="err")
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130
    assert result.outcomes == {"pending": 1}
    assert not (bench.out / "A/large.mp4").exists()
    (part,) = bench.out.rglob("*.part")
    kept = part.stat().st_size
    assert 0 < kept < size
    server.box.faults()
    resumed = bench.run("resume")
    assert resumed.outcomes == {"downloaded": 1}
    assert resumed.summary["bytes_received"] == size - kept
    assert resumed.summary["bytes_hashed"] == kept
    assert bench.fetched() == {"A/large.mp4": content}


@POSIX
def test_a_killed_run_is_taken_up_again(bench: Bench, server: Server) -> None:
    running = slow_download(bench, server)
    running.kill()
    assert all(path.endswith((".jpg", ".part")) for path in bench.fetched())
    server.box.faults()
    resumed = bench.run("resume")
    assert sum(resumed.outcomes.values()) == 12
    assert resumed.summary["exit_code"] == 0
    assert sorted(bench.fetched().values()) == sorted(server.sums(server.known()))

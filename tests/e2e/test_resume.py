"""Interrupted, taken up again, looked at; and a manifest that is gone, broken or held."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from .support import Bench, Running, Server, photo, sha1, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def slow_upload(bench: Bench, server: Server, *arguments: str, count: int = 12) -> Running:
    """An upload of `count` files that is in the middle: some are there, some are not."""
    bench.make(count, size=60_000)
    before = server.bodies()
    running = bench.start("upload", "photos", "--bwlimit", "250K", "--transfers", "2", *arguments)
    until(lambda: server.bodies() >= before + 2, running)
    return running


def everything(bench: Bench) -> set[str]:
    return {sha1(path.read_bytes()) for path in bench.photos.iterdir()}


def test_one_ctrl_c_finishes_what_is_in_flight(bench: Bench, server: Server) -> None:
    running = slow_upload(bench, server, "--album", "A")
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130
    assert result.outcomes["pending"] > 0
    assert "failed" not in result.outcomes
    assert result.outcomes["uploaded"] == len(server.held()) == server.bodies()

    resumed = bench.run("resume", "--bwlimit", "off")
    assert resumed.summary["command"] == "upload"
    assert resumed.summary["exit_code"] == 0
    assert resumed.summary["discovered"] == 12
    assert server.held() == dict.fromkeys(everything(bench), 1)
    assert server.albums() == {"A": [everything(bench)]}
    assert server.bodies() == 12, "a graceful stop drops no body"
    assert resumed.summary["bytes_hashed"] + result.summary["bytes_hashed"] <= 12 * 60_000


def test_two_ctrl_c_drop_what_is_in_flight(bench: Bench, server: Server) -> None:
    # One body is far larger than what the limit lets through in the time the test takes.
    bench.make(2, size=1000)
    bench.write("large.mp4", photo("large", 4_000_000))
    running = bench.start("upload", "photos", "--bwlimit", "40K", "--album", "A")
    until(lambda: len(server.held()) == 2, running)
    running.signal(signal.SIGINT)
    running.until_said("stopping", where="err")
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130
    assert result.item("large.mp4")["outcome"] == "pending"
    assert bench.run("resume", "--bwlimit", "off").summary["exit_code"] == 0
    assert server.held() == dict.fromkeys(everything(bench), 1)


def test_sigterm_ends_gracefully_with_its_own_code(bench: Bench, server: Server) -> None:
    running = slow_upload(bench, server)
    running.signal(signal.SIGTERM)
    result = running.finish()
    assert result.code == 143
    assert result.outcomes["pending"] > 0
    bench.upload()
    assert server.held() == dict.fromkeys(everything(bench), 1)


def test_nothing_to_resume_is_fine(bench: Bench, server: Server) -> None:
    empty = bench.run("resume")
    assert empty.code == 0
    assert "nothing" in (empty.stdout + empty.stderr).lower()
    bench.make(1)
    bench.upload()
    done = bench.run("resume")
    assert done.code == 0
    assert server.bodies() == 1


def test_resume_takes_the_arguments_and_the_folder_of_the_run(bench: Bench, server: Server) -> None:
    running = slow_upload(bench, server, "--tag", "t/u", "--favorite")
    running.kill()
    elsewhere = bench.home / "elsewhere"
    elsewhere.mkdir()
    resumed = bench.run("resume", "--bwlimit", "off", cwd=elsewhere)
    assert resumed.summary["exit_code"] == 0
    assert server.tags()["t/u"] == everything(bench)
    assert all(server.asset(content).favorite for content in everything(bench))


def test_runs_and_status(bench: Bench, server: Server) -> None:
    bench.make(2)
    bench.upload()
    running = slow_upload(bench, server, count=14)
    running.signal(signal.SIGINT)
    stopped = running.finish()
    listed = bench.start("runs", json=False).finish()
    assert listed.code == 0, listed.told()
    assert stopped.summary["run"] in listed.stdout
    status = bench.start("status", json=False).finish()
    assert status.code == 0, status.told()
    assert "pending" in status.stdout.lower()


def test_a_second_run_at_once_is_refused(bench: Bench, server: Server) -> None:
    running = slow_upload(bench, server)
    second = bench.upload(code=11)
    assert second.error["exit_code"] == 11
    assert str(running.process.pid) in second.error["message"]
    running.signal(signal.SIGINT)
    assert running.finish().code == 130
    assert bench.upload().summary["exit_code"] == 0


def test_a_deleted_manifest_costs_time_only(bench: Bench, server: Server) -> None:
    bench.make(6)
    bench.upload("--album", "A")
    for path in bench.state.iterdir():
        path.unlink()
    bodies = server.bodies()
    result = bench.upload("--album", "A")
    assert result.outcomes == {"duplicate": 6}
    assert result.summary["bytes_hashed"] == 12_000
    assert server.bodies() == bodies
    assert server.albums() == {"A": [everything(bench)]}


def manifest_of(bench: Bench) -> Path:
    (path,) = [
        path
        for path in bench.state.iterdir()
        if path.is_file() and path.read_bytes().startswith(b"SQLite format 3")
    ]
    return path


@pytest.mark.parametrize("how", ["head", "middle", "truncated", "text"])
def test_a_corrupt_manifest_is_moved_aside_and_said_aloud(
    bench: Bench, server: Server, how: str
) -> None:
    bench.make(40)
    bench.upload()
    path = manifest_of(bench)
    content = bytearray(path.read_bytes())
    if how == "head":
        content[:4096] = b"\xff" * 4096
    elif how == "middle":
        content[100:] = os.urandom(len(content) - 100)
    elif how == "truncated":
        del content[len(content) // 2 :]
    else:
        content[:] = b"not a database\n" * 100
    for stale in bench.state.glob(f"{path.name}-*"):
        stale.unlink()
    path.write_bytes(content)
    bodies = server.bodies()
    result = bench.upload()
    assert result.outcomes == {"duplicate": 40}
    assert server.bodies() == bodies
    said = " ".join(result.summary["notes"])
    assert "manifest" in said, said
    assert bytes(content) in [p.read_bytes() for p in bench.state.iterdir() if p.is_file()]
    assert bench.upload().summary["bytes_hashed"] == 0


def test_a_manifest_of_a_newer_version_is_left_alone(bench: Bench, server: Server) -> None:
    bench.make(1)
    bench.upload()
    path = manifest_of(bench)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    result = bench.upload(code=2)
    assert "newer" in result.error["message"]
    assert manifest_of(bench) == path


def test_a_state_folder_that_cannot_be_made_is_a_usage_error(bench: Bench, server: Server) -> None:
    bench.make(1)
    blocked = bench.home / "blocked"
    blocked.write_text("a file")
    result = bench.upload("--state-dir", str(blocked), code=2)
    assert "blocked" in result.error["message"]
    assert server.bodies() == 0


def test_debts_of_a_killed_run_are_paid_without_asking_again(bench: Bench, server: Server) -> None:
    """The plug is pulled after photos went up and before their album was filled."""
    bench.make(6)
    server.stall_albums()
    running = bench.start("upload", "photos", "--album", "A", "--tag", "T")
    until(lambda: len(server.held()) == 6, running)
    until(server.album_waits, running)
    running.kill()
    server.clear_faults()
    assert server.albums().get("A", [set()]) == [set()]

    result = bench.upload()
    assert result.outcomes == {"duplicate": 6}
    assert server.albums() == {"A": [everything(bench)]}
    assert server.tags()["T"] == everything(bench)
    assert result.summary["owed"] == 0


def test_debts_the_server_refused_to_take_wait_for_the_next_run(
    bench: Bench, server: Server
) -> None:
    bench.make(3)
    server.break_albums()
    failed = bench.upload("--album", "A", "--retries", "2", code=3)
    assert failed.outcomes == {"uploaded": 3}
    assert failed.summary["owed"] == 3
    status = bench.start("status", json=False).finish()
    assert status.code == 0
    assert "A" in status.stdout
    server.clear_faults()

    result = bench.upload()
    assert server.albums() == {"A": [everything(bench)]}
    assert result.summary["owed"] == 0
    assert server.bodies() == 3


def test_what_another_unfinished_run_owes_is_not_this_ones_failure(
    bench: Bench, server: Server
) -> None:
    running = slow_upload(bench, server, "--album", "A")
    running.kill()
    bench.write("../other/x.jpg", photo("x"))
    done = bench.run("upload", "other", "--album", "B")
    assert done.outcomes == {"uploaded": 1}
    assert bench.upload("--album", "A").summary["owed"] == 0
    assert server.albums()["A"] == [everything(bench)]


def test_debts_left_by_an_interrupt_are_no_failure(bench: Bench, server: Server) -> None:
    """What a second Ctrl-C drops is pending, albums too: 130, not 3."""
    bench.make(3)
    server.stall_albums()
    running = bench.start("upload", "photos", "--album", "A")
    until(server.album_waits, running)
    running.signal(signal.SIGINT)
    running.until_said("stopping", where="err")
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130, result.told()
    assert result.summary["owed"] == 3
    server.clear_faults()
    assert bench.run("resume").summary["owed"] == 0
    assert server.albums() == {"A": [everything(bench)]}

"""The manifest in trouble: locked, torn, written by others. It is a cache of facts: whatever
happens to it costs time, is said in one line, and changes nothing about the photos.

What one opening makes of each kind of damage stands in `unit/test_manifest_opening.py`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.support import Bench, Running, Server, photo, until
from tests.faults.local import told

DOWN = ("mirror", "-o", "out", "--all", "--layout", "{filename}")


def manifest(bench: Bench) -> Path:
    return bench.state / "manifest.sqlite3"


def has_open(running: Running, path: Path) -> bool:
    """Whether the command came as far as opening this file."""
    base = f"/proc/{running.process.pid}/fd"
    try:
        return any(os.readlink(f"{base}/{name}") == str(path) for name in os.listdir(base))
    except FileNotFoundError:
        return False


def filled(bench: Bench, server: Server) -> None:
    """40 photos up, 40 down, all remembered."""
    bench.make(40, size=500)
    bench.upload()
    bench.run(*DOWN)


# another program has it


def test_another_program_writes_for_a_while(bench: Bench, server: Server) -> None:
    """It is waited for."""
    filled(bench, server)
    bench.make(5, start=50, seed="more")
    writer = sqlite3.connect(manifest(bench), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    running = bench.start("upload", "photos")
    until(lambda: has_open(running, manifest(bench)), running)
    writer.execute("ROLLBACK")
    writer.close()
    result = running.finish()
    assert (result.code, result.outcomes) == (0, {"duplicate": 40, "uploaded": 5}), result.told()


def test_another_program_never_lets_go(bench: Bench, server: Server) -> None:
    """After ten seconds it is said, and nothing was sent."""
    filled(bench, server)
    before = server.bodies()
    writer = sqlite3.connect(manifest(bench), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        result = bench.upload(code=7)
        assert "another program keeps the manifest" in told(result)
        assert "close it, then run again" in told(result)
        assert server.bodies() == before
        assert bench.upload("--dry-run").outcomes == {"duplicate": 40}, "reading needs no lock"
    finally:
        writer.close()
    assert bench.upload().outcomes == {"duplicate": 40}


# torn


def _page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for start in range(4096 * 2, len(content) - 4096, 4096 * 3):
        content[start : start + 4096] = os.urandom(4096)
    path.write_bytes(content)


def _wal(path: Path) -> None:
    path.with_name(f"{path.name}-wal").write_bytes(os.urandom(100_000))


def _shm(path: Path) -> None:
    path.with_name(f"{path.name}-shm").write_bytes(os.urandom(32768))
    path.with_name(f"{path.name}-wal").write_bytes(b"")


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("harm", [_page, _wal, _shm, _zeros])
def test_a_torn_manifest(bench: Bench, server: Server, harm: Callable[[Path], None]) -> None:
    """The first run after it may end with 7 and say so; none is told wrongly, nothing goes up or
    comes down twice, and the second run at the latest is as if nothing had been."""
    filled(bench, server)
    held, here = server.held(), bench.fetched()
    bodies, originals = server.bodies(), server.originals()
    harm(manifest(bench))
    for command in (("upload", "photos"), DOWN):
        result = bench.run(*command, code=None)
        assert result.code in (0, 7), result.told()
        if result.code == 7:
            assert "run again" in told(result), told(result)
            assert "manifest" in told(result)
            result = bench.run(*command)
        assert set(result.outcomes) <= {"duplicate", "unchanged"}
    assert (server.held(), bench.fetched()) == (held, here)
    assert (server.bodies(), server.originals()) == (bodies, originals)
    assert bench.upload().summary["bytes_hashed"] == 0, "it is remembered again"


def test_a_folder_where_its_wal_should_be(bench: Bench, server: Server) -> None:
    """Nothing of ours: it is not removed, and said."""
    filled(bench, server)
    wal = manifest(bench).with_name(f"{manifest(bench).name}-wal")
    wal.mkdir()
    for command in (("upload", "photos"), DOWN):
        result = bench.run(*command, code=7)
        assert "manifest" in told(result)
    wal.rmdir()
    assert bench.upload().outcomes == {"duplicate": 40}


# from the future


def test_a_newer_manifest_is_left_alone(bench: Bench, server: Server) -> None:
    filled(bench, server)
    with sqlite3.connect(manifest(bench)) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = manifest(bench).read_bytes()
    requests = server.requests()
    for command in (("upload", "photos"), DOWN, ("check", "photos"), ("resume",), ("status",)):
        result = bench.run(*command, code=2)
        assert "newer immich-transfer" in told(result)
        assert "--state-dir" in told(result)
    assert server.requests() == requests
    assert manifest(bench).read_bytes() == before


def test_a_clock_that_was_set_back(bench: Bench, server: Server) -> None:
    """What earlier runs wrote down was a year ahead: the last interrupted run is still the last."""
    bench.make(3, below="old")
    bench.make(3, below="new", seed="new", start=5)
    server.break_check(times=10**9)
    quick = ("--retries", "1", "--wait", "0s")
    bench.run("upload", "photos/old", *quick, code=5)
    with sqlite3.connect(manifest(bench)) as connection:
        for column in ("started", "ended"):
            connection.execute(f"UPDATE runs SET {column} = {column} + 31536000")
    connection.close()
    bench.run("upload", "photos/new", *quick, code=5)
    server.clear_faults()
    result = bench.run("resume")
    assert {Path(item["path"]).parent.name for item in result.items()} == {"new"}
    assert bench.run("upload", "photos").summary["verified"] == 6


def test_photos_of_tomorrow_and_of_long_ago(bench: Bench, server: Server) -> None:
    """Dates the clock has not reached, or that no calendar has: they go up and come back."""
    dates = (2**31 + 5, 4_102_444_800, 253_402_300_900, -1, 0)
    for number, seconds in enumerate(dates):
        os.utime(bench.write(f"{number}.jpg", photo(number, 500)), (seconds, seconds))
    assert bench.upload().summary["verified"] == 5
    assert bench.run(*DOWN).outcomes == {"downloaded": 5}
    assert bench.run(*DOWN).outcomes == {"unchanged": 5}
    again = bench.upload()
    assert again.outcomes == {"duplicate": 5}
    assert again.summary["bytes_hashed"] == 0

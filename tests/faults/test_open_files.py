"""Open files: at most one a transfer and one a hasher, and twenty; and a connection a transfer.

The sandbox holds every body back, so that as many are on their way as ever will be; then the
descriptors of the process are counted.
"""

from __future__ import annotations

import os
import signal
import sys

import pytest

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Running, Server, photo, until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")

BESIDE = 20
"""The streams, the event loop, the manifest and its lock, the list of assets, a few folders."""
SPARE_LINES = 3
"""Connections beside those of the transfers: checks, albums, a ping."""
HASHERS = 2
DEFAULT = 8
"""Where the pace starts."""
LARGE = 1_000_000


def open_now(running: Running) -> tuple[int, int]:
    """How many files and how many sockets the process has open."""
    files = sockets = 0
    base = f"/proc/{running.process.pid}/fd"
    for name in os.listdir(base):
        try:
            target = os.readlink(f"{base}/{name}")
        except FileNotFoundError:
            continue
        sockets += target.startswith("socket:")
        files += not target.startswith("socket:")
    return files, sockets


def counted(running: Running, server: Server, route: str, transfers: int) -> None:
    """Wait until every slot is taken, count, and end the run."""
    most_files = most_sockets = 0

    def full() -> bool:
        nonlocal most_files, most_sockets
        files, sockets = open_now(running)
        most_files, most_sockets = max(files, most_files), max(sockets, most_sockets)
        return server.requests(route) >= transfers

    until(full, running)
    full()
    running.signal(signal.SIGINT)
    running.until_said("again to drop", where="err")
    running.signal(signal.SIGINT)
    assert running.finish().code == 130
    assert transfers <= most_files, "the count saw the files of the transfers"
    assert most_files <= transfers + HASHERS + BESIDE
    assert most_sockets <= transfers + SPARE_LINES + 2  # the event loop wakes itself by a pair


@pytest.mark.parametrize("transfers", [None, 16])
def test_while_uploading(bench: Bench, server: Server, transfers: int | None) -> None:
    for number in range(24):
        bench.write(f"f{number % 5}/{number}.mp4", photo(number, LARGE))
    bench.make(200, below="small")
    server.box.faults("upload:*=stall,seconds=600")
    extra = () if transfers is None else ("--transfers", str(transfers))
    running = bench.start("upload", "photos", "--hashers", str(HASHERS), *extra)
    counted(running, server, "upload", transfers or DEFAULT)


@pytest.mark.parametrize("transfers", [None, 16])
def test_while_mirroring_films(bench: Bench, server: Server, transfers: int | None) -> None:
    for number in range(24):
        server.seed(f"{number}.mp4", size=LARGE, album=f"A{number % 3}")
    server.box.faults(f"original:*=hang,at={LARGE // 2}")
    extra = () if transfers is None else ("--transfers", str(transfers))
    command = ("mirror", "-o", "out", "--album", "*", "--hashers", str(HASHERS))
    running = bench.start(*command, *extra)
    counted(running, server, "original", transfers or DEFAULT)


@pytest.mark.parametrize("refused", ["", "disk.unnamed!EOPNOTSUPP"], ids=["unnamed", "parts"])
@pytest.mark.parametrize("transfers", [8, 16])
def test_while_writing_many_small_files(
    bench: Bench, server: Server, transfers: int, refused: str
) -> None:
    """Bodies in memory become files by the group: the limit of the system stands for the count, and
    a group that were too large could not be opened. On a network file system, too."""
    for number in range(4):
        server.seed(assets=60, size=3_000, album=f"A{number}")
    allowed = transfers + HASHERS + BESIDE + transfers + SPARE_LINES + 2
    running = bench.start(
        "mirror",
        *("-o", "out", "--album", "*", "--hashers", str(HASHERS), "--transfers", str(transfers)),
        prefix=["prlimit", f"--nofile={allowed}:{allowed}"],
        env={VARIABLE: refused},
    )
    result = running.finish()
    assert (result.code, result.outcomes) == (0, {"downloaded": 240}), result.told()

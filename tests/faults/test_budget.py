"""The retry budget, counted where it is heard: a server that answers pings and for all else 503.

In the first half minute it hears the first attempts of those who wait at once, the quick retries
that the quota has, and the first attempts of those who follow on files that had all their tries;
every other retry waits the full pause. So it is however many files wait; `test_outage_clock.py`
counts an hour of it on a virtual clock.
"""

from __future__ import annotations

import signal
import time

import pytest

from immich_transfer.policy.retry import CAP_SECONDS, RetryQuota
from tests.e2e.support import Bench, Running, Server, until

TRIES = 3
WAITING = 128
"""Transfers that exist at once."""
QUICK = RetryQuota().tokens // 5
SUCCESSES = 5
"""Checks and lists that succeed meanwhile may each give back a fifth of a quick retry."""
BUDGET = WAITING + QUICK + QUICK // (TRIES - 1) + SUCCESSES


def spent(server: Server, running: Running, route: str) -> float:
    """The seconds until one request more than the budget was heard, then the run is stopped."""
    until(lambda: server.requests(route) >= 1, running)
    first = time.monotonic()
    until(lambda: server.requests(route) > BUDGET, running)
    seconds = time.monotonic() - first
    running.signal(signal.SIGINT)
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code in (5, 130), result.told()
    assert result.outcomes["pending"] > 0
    return seconds


@pytest.mark.parametrize("server", ["2.7"], indirect=True)
def test_upload(bench: Bench, server: Server) -> None:
    bench.make(600, size=100)
    server.box.faults("upload:*=503")
    running = bench.start("upload", "photos", "--retries", str(TRIES))
    assert spent(server, running, "upload") >= CAP_SECONDS - 2
    assert server.held() == {}
    assert server.requests("ping") <= server.requests("upload"), "no more pings than attempts"


def test_mirror(bench: Bench, server: Server) -> None:
    server.seed(assets=600, size=100, album="A")
    server.box.reset_stats()
    server.box.faults("original:*=503")
    running = bench.start("mirror", "-o", "out", "--album", "A", "--retries", str(TRIES))
    assert spent(server, running, "original") >= CAP_SECONDS - 2
    assert not any(path.is_file() for path in bench.out.rglob("*"))


def test_retry_after_is_kept_by_all_together(bench: Bench, server: Server) -> None:
    """One asks in place of all, a second apart; then it is well, and all go on."""
    bench.make(200, size=100)
    server.box.faults("upload:1-14=503,retry-after=1")
    started = time.monotonic()
    result = bench.upload("--transfers", "8", "--retries", "1")
    assert result.outcomes == {"uploaded": 200}
    assert server.requests("upload") == 200 + 14
    assert time.monotonic() - started >= 14 - 8

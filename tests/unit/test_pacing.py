"""The pace on a simulated server: it finds the knee, backs off on trouble, and keeps a limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from immich_transfer.policy.pacing import CEILING, START, Pace, TokenBucket


def drive(pace: Pace, rate_at: Callable[[int], float], seconds: int) -> list[int]:
    """Feed the pace `seconds` of a server that moves rate_at(limit) bytes per second."""
    limits = []
    for tick in range(seconds * 10):
        pace.moved(tick / 10, int(rate_at(pace.limit) / 10), pace.limit, finished=True)
        limits.append(pace.limit)
    return limits


def test_a_long_line_is_filled() -> None:
    pace = Pace()
    drive(pace, lambda limit: min(limit, 40) * 1e6, 60)
    assert pace.limit >= 38


def test_no_more_in_flight_than_brings_something() -> None:
    pace = Pace()
    limits = drive(pace, lambda limit: min(limit, 8) * 1e6, 120)
    assert max(limits) <= 16
    assert limits[-1] <= 10


def test_trouble_halves_once_per_cooling_time() -> None:
    pace = Pace(start=16)
    pace.trouble(100.0)
    assert pace.limit == 8
    pace.trouble(100.5)
    assert pace.limit == 8
    pace.trouble(103.0)
    assert pace.limit == 4
    for second in range(104, 140, 3):
        pace.trouble(float(second))
    assert pace.limit == 1


def test_it_recovers_after_trouble() -> None:
    pace = Pace(start=8)
    pace.trouble(0.0)
    for tick in range(1, 600):
        pace.moved(tick / 10, int(min(pace.limit, 12) * 1e5), pace.limit, finished=True)
    assert pace.limit >= 10


def test_an_idle_pipe_proves_nothing() -> None:
    pace = Pace()
    for tick in range(300):
        pace.moved(tick / 10, 10**6, 2, finished=True)
    assert pace.limit == START


def test_a_fixed_number_stays() -> None:
    pace = Pace(3)
    drive(pace, lambda limit: limit * 1e9, 30)
    pace.trouble(1000.0)
    assert pace.limit == 3


def test_it_grows_to_the_ceiling_and_no_further() -> None:
    pace = Pace()
    drive(pace, lambda limit: limit * 1e6, 400)
    assert CEILING - 4 <= pace.limit <= CEILING


@pytest.mark.parametrize("rate", [10_000, 1_000_000, 100_000_000])
@pytest.mark.parametrize("piece", [1_000, 65_536])
def test_the_bucket_keeps_its_rate(rate: int, piece: int) -> None:
    bucket = TokenBucket(rate)
    now = sent = 0.0
    for _ in range(150_000):
        now += bucket.take(now, piece) + 1e-6
        sent += piece
        if now >= 20:
            break
    assert sent <= rate * now + bucket.burst + 2 * piece
    if now >= 1:
        assert sent >= 0.9 * rate * now - piece


def test_cooling_is_over_after_two_seconds() -> None:
    pace = Pace(start=16)
    pace.trouble(10.0)
    pace.trouble(11.999)
    assert pace.limit == 8
    pace.trouble(12.0)
    assert pace.limit == 4


def test_the_bucket_lends_a_quarter_second_and_waits_for_the_rest() -> None:
    bucket = TokenBucket(1000)
    assert bucket.burst == 250
    assert bucket.take(5.0, 250) == 0.0
    assert bucket.take(5.0, 100) == pytest.approx(0.1)
    assert bucket.take(5.05, 0) == pytest.approx(0.05)
    assert bucket.take(5.25, 0) == 0.0
    assert bucket.take(5.25, 200) == pytest.approx(0.05)
    assert bucket.take(99.0, 250) == 0.0  # idle time is not saved up
    assert bucket.take(99.0, 1000) == pytest.approx(1.0)


@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (7, 1), (8, 2), (4096, 1024)])
def test_a_slow_line_has_a_burst_too(rate: int, burst: int) -> None:
    assert TokenBucket(rate).burst == burst

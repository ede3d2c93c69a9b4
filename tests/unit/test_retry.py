"""The retry policy: pure, so every claim is checked without a clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from immich_transfer.policy.retry import (
    CAP_SECONDS,
    RETRY_AFTER_CAP_SECONDS,
    RetryQuota,
    backoff,
    ping_pause,
    retry_after,
    told_clock,
)

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("999999", RETRY_AFTER_CAP_SECONDS),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("٣", None),
    ],
)
def test_retry_after_as_seconds_or_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize("date", [None, "", "soon"])
def test_without_a_date_our_own_clock_counts(date: str | None) -> None:
    assert told_clock(date, NOW) == NOW


def test_a_date_is_meant_by_the_clock_of_the_server() -> None:
    """An hour ahead of ours, it asks for thirty seconds."""
    clock = told_clock("Tue, 24 Nov 2026 11:00:00 GMT", NOW)
    assert retry_after("Tue, 24 Nov 2026 11:00:30 GMT", clock) == 30.0


def test_backoff_is_full_jitter_under_a_growing_cap() -> None:
    assert backoff(2, 0.0) == 0.0
    caps = [backoff(attempt, 1.0) for attempt in range(2, 12)]
    assert caps == sorted(caps)
    assert caps[0] == 0.5
    assert caps[-1] == CAP_SECONDS


def test_quota_runs_dry_and_successes_refill_it() -> None:
    quota = RetryQuota(capacity=20, cost=5)
    assert [quota.pay() for _ in range(5)] == [True] * 4 + [False]
    for _ in range(5):
        quota.refund()
    assert quota.pay()
    assert not quota.pay()
    for _ in range(100):
        quota.refund()
    assert quota.tokens == 20


def test_pings_grow_apart_and_stay_below_twenty_seconds() -> None:
    pauses = [ping_pause(misses, 0.5) for misses in range(30)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.5
    assert pauses[-1] == 15.0
    assert ping_pause(1000, 1.0) < 20.0


@pytest.mark.parametrize(
    ("attempt", "cap"), [(1, 0.5), (2, 0.5), (3, 1.0), (4, 2.0), (5, 4.0), (7, 16.0), (8, 30.0)]
)
def test_the_cap_doubles_from_half_a_second(attempt: int, cap: float) -> None:
    assert backoff(attempt, 1.0) == cap
    assert backoff(attempt, 0.25) == cap / 4


def test_a_date_without_a_zone_is_in_utc() -> None:
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert retry_after("Tue, 24 Nov 2026 12:00:30 -0000", now) == 30.0


def test_a_server_that_only_fails_hears_a_hundred_quick_retries() -> None:
    quota = RetryQuota()
    assert sum(quota.pay() for _ in range(1000)) == 100
    assert quota.tokens == 0
    for _ in range(10_000):
        quota.refund()
    assert quota.tokens == 500


@pytest.mark.parametrize(
    ("misses", "draw", "pause"),
    [(0, 0.5, 0.5), (0, 0.0, 0.4), (1, 0.5, 0.8), (2, 0.5, 1.28), (7, 0.5, 13.421773), (99, 1, 18)],
)
def test_pings_by_the_number(misses: int, draw: float, pause: float) -> None:
    assert ping_pause(misses, draw) == pytest.approx(pause)

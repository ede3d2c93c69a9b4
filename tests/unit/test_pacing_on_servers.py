"""The pace against servers and lines that are computed, not waited for: it ends near the best.

A closed queue in virtual time: every transfer crosses a line that all share (rate, round trip, a
first time that is slower, as TCP's slow start makes it), then works beside the others and then one
after the other on a server that gets slower when it is pushed.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field

import pytest

from immich_transfer.policy.pacing import START, START_MOST, Pace, start_for

FIRST_WINDOW = 14_600
FIXED = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Place:
    """Seconds, bytes, and files a second."""

    files: int
    size: int = 100_000
    rtt: float = 0.0005
    line: float = 1e9
    rate: float = 1e9
    beside: float = 0.0


@dataclass
class Told:
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    peak: int = 0

    @property
    def p95(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.95)]


def travel(pace: Pace, place: Place, seed: int = 1) -> Told:
    """Send all files, as many at once as the pace says."""
    draw = random.Random(seed)
    told = Told()
    now = line_free = server_free = 0.0
    started = finished = flying = idle = at_server = number = 0
    events: list[tuple[float, int, str, float]] = []

    def later(at: float, what: str, since: float) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (at, number, what, since))

    while finished < place.files:
        while flying < pace.limit and started < place.files:
            started, flying = started + 1, flying + 1
            first = 0.0
            if idle:
                idle -= 1
            else:
                first = place.rtt * (1 + max(0.0, math.log2(place.size / FIRST_WINDOW)))
            line_free = max(now, line_free) + place.size / place.line
            later(max(line_free, now + first) + place.rtt / 2, "arrives", now)
            pace.moved(now, place.size, flying)  # the kernel takes it at once
        told.peak = max(told.peak, flying)
        now, _, what, since = heapq.heappop(events)
        work = draw.uniform(0.7, 1.3)
        if what == "arrives":
            at_server += 1
            later(now + place.beside * work, "its turn", now)
        elif what == "its turn":
            pushed = 1 + 0.025 * max(0, at_server - 12)
            server_free = max(now, server_free) + work * pushed / place.rate
            later(server_free, "done", since)
        elif what == "done":
            at_server -= 1
            told.latencies.append(now - since)
            later(now + place.rtt / 2, "told", since)
        else:
            finished += 1
            pace.moved(now, 0, flying, finished=True)
            flying, idle = flying - 1, idle + 1
    told.seconds = now
    return told


SLOW = Place(2000, rate=70, beside=0.022)
LINES = {
    "100 ms, 100 Mbit/s, 1 MB": Place(500, size=1_000_000, rtt=0.1, line=12.5e6),
    "100 ms, 100 Mbit/s, 100 KB": Place(3000, rtt=0.1, line=12.5e6),
    "300 ms, 20 Mbit/s, 1 MB": Place(100, size=1_000_000, rtt=0.3, line=2.5e6),
    "20 ms, 1000 Mbit/s, 1 MB": Place(3000, size=1_000_000, rtt=0.02, line=125e6),
}


@pytest.mark.parametrize("seed", range(5))
def test_a_slow_server_works_at_its_best_and_is_not_pushed(seed: int) -> None:
    best = min((travel(Pace(fixed), SLOW) for fixed in FIXED), key=lambda told: told.seconds)
    found = travel(Pace(), SLOW, seed)
    assert best.seconds / found.seconds >= 0.95
    assert found.p95 <= 2 * best.p95
    assert found.peak <= 16


@pytest.mark.parametrize("place", LINES.values(), ids=LINES)
def test_a_long_line_is_filled_without_being_told(place: Place) -> None:
    best = min(travel(Pace(fixed), place).seconds for fixed in FIXED)
    found = travel(Pace(start=start_for(place.rtt)), place)
    assert best / found.seconds >= 0.95


def test_a_line_that_needs_very_many_gets_them() -> None:
    place = Place(3000, size=1_000_000, rtt=0.3, line=125e6)
    pace = Pace(start=start_for(place.rtt))
    found = travel(pace, place)
    assert found.peak > 56
    assert travel(Pace(64), place).seconds / found.seconds >= 0.9


def test_few_are_enough_for_a_line_that_few_fill() -> None:
    pace = Pace(start=16)
    travel(pace, Place(8000, size=1_000_000, rtt=0.002, line=125e6))
    assert pace.limit <= 6


@pytest.mark.parametrize(
    ("answered", "start"),
    [(math.inf, START), (0.001, START), (0.02, START), (0.1, 13), (0.305, 28), (60.0, START_MOST)],
)
def test_a_distant_server_begins_with_more(answered: float, start: int) -> None:
    assert start_for(answered) == start


def test_the_systems_limit_holds_for_every_trial() -> None:
    place = Place(2000, size=1_000_000, rtt=0.3, line=125e6)
    assert travel(Pace(start=32, most=10), place).peak <= 10
    assert travel(Pace(most=2), place).peak <= 2

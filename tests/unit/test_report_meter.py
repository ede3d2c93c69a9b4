"""How far, how fast and how long: also where most files take no body, or sizes are not told."""

from __future__ import annotations

import pytest

from immich_transfer.events import (
    BytesMoved,
    Discovered,
    Event,
    Expected,
    SendEnded,
    SendStarted,
    Settled,
    WalkDone,
)
from immich_transfer.model import ItemResult, Outcome
from immich_transfer.report.meter import Meter

MIB = 2**20


class Run:
    """A meter that is read twice a second, as the views do it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.meter = Meter(lambda: self.now)

    def hear(self, *events: Event) -> None:
        for event in events:
            self.meter(event)

    def fetch(self, seconds: float, *, rate: int = MIB, key: int = 1) -> None:
        """Bodies come in at `rate` for so long."""
        for _ in range(int(seconds * 2)):
            self.now += 0.5
            self.hear(BytesMoved(key, rate // 2))
            self.meter.sample()

    def know(self, files: int, each: int = MIB) -> None:
        """So many files are found to be there already."""
        for n in range(files):
            self.hear(Settled(ItemResult(Outcome.UNCHANGED, f"known {n}", size=each)))


def test_what_was_there_already_moves_the_bar_at_once() -> None:
    run = Run()
    run.hear(Discovered(1000, 1000 * MIB), WalkDone())
    run.know(900)
    assert run.meter.share == 0.9
    assert (run.meter.done, run.meter.total) == (900, 1000)


def test_a_burst_of_known_files_does_not_hurry_the_estimate() -> None:
    run = Run()
    run.hear(Discovered(10_000, 10_000 * MIB), WalkDone())
    run.know(9000)
    run.hear(SendStarted(1, "big", 1000 * MIB, 1))
    run.fetch(5)
    assert run.meter.eta() is None
    run.fetch(5)
    # 990 MiB to go at 1 MiB/s, whatever the 9,000 took.
    assert run.meter.eta() == pytest.approx(990, rel=0.1)
    run.fetch(90)
    assert run.meter.eta() == pytest.approx(900, rel=0.02)


def test_a_mixture_goes_on_as_it_went() -> None:
    run = Run()
    run.hear(Discovered(1000, 1000 * MIB), WalkDone(), SendStarted(1, "big", 500 * MIB, 1))
    for _ in range(60):
        run.know(1)
        run.fetch(1)
    # 120 of 1,000 MiB in a minute, half of them known: 880 at 2 MiB/s.
    assert run.meter.eta() == pytest.approx(440, rel=0.05)


def test_known_files_alone_have_an_estimate_too() -> None:
    run = Run()
    run.hear(Discovered(1000, 1000 * MIB), WalkDone())
    for _ in range(10):
        run.know(10)
        run.fetch(1, rate=0)
    assert run.meter.eta() == pytest.approx(90, rel=0.1)


def test_a_body_settles_once() -> None:
    run = Run()
    run.hear(Discovered(2, 200 * MIB), SendStarted(1, "a", 100 * MIB, 1))
    run.fetch(100)
    run.hear(SendEnded(1))
    assert (run.meter.landed, run.meter.done, run.meter.share) == (1, 1, 0.5)
    run.hear(Settled(ItemResult(Outcome.DOWNLOADED, "a", size=100 * MIB)))
    assert (run.meter.landed, run.meter.done, run.meter.share) == (0, 1, 0.5)


def test_a_body_that_comes_again_is_not_counted_twice() -> None:
    run = Run()
    run.hear(Discovered(1, 100 * MIB), SendStarted(1, "a", 100 * MIB, 1))
    run.fetch(100)
    run.hear(SendEnded(1), SendStarted(2, "a", 100 * MIB, 2))
    run.fetch(50, key=2)
    assert run.meter.landed == 0
    assert run.meter.bytes_done == run.meter.bytes_total == 100 * MIB
    assert run.meter.sized


def test_sizes_that_were_not_told_leave_the_files_to_count_by() -> None:
    run = Run()
    run.hear(Discovered(100, 0), WalkDone())
    assert run.meter.share == 0
    for n in range(20):
        run.hear(SendStarted(n, f"{n}", 5 * MIB, 1))
        run.fetch(1, rate=5 * MIB, key=n)
        run.hear(SendEnded(n), Settled(ItemResult(Outcome.DOWNLOADED, f"{n}", size=5 * MIB)))
    assert not run.meter.sized
    assert run.meter.share == 0.2
    assert run.meter.bytes_done == run.meter.bytes_total == 100 * MIB
    assert run.meter.eta() == pytest.approx(80, rel=0.1)


def test_a_count_ahead_without_sizes_is_a_count_of_files() -> None:
    run = Run()
    run.hear(Expected(1000, 0), Discovered(100, 100 * MIB))
    run.know(100)
    assert run.meter.share == 0.1
    run.hear(Discovered(900, 900 * MIB))
    assert run.meter.sized
    assert run.meter.share == 0.1

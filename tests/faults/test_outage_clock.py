"""Outages of minutes and hours on a virtual clock: the policy of waiting, as it is in the client.

A server of numbers stands in for the socket: what is tested is who asks, and when.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from immich_transfer.config.options import Secret, ServerOptions, TransferOptions
from immich_transfer.errors import (
    ConnectionFailed,
    Interrupted,
    ServerUnavailable,
    Throttled,
    Transient,
)
from immich_transfer.events import Back, Event, Waiting
from immich_transfer.immich.client import Http
from immich_transfer.immich.outage import Outage
from immich_transfer.model import Totals
from immich_transfer.policy.retry import CAP_SECONDS, RetryQuota

from .virtual_clock import run

AT_ONCE = 8
"""Transfers that run at once."""
WAITING = 128
"""Transfers that exist at once, as in the flows."""
WORK_SECONDS = 0.5
HOUR = 3600.0


@dataclass
class Far:
    """A server that is away, or says 503, between two instants; remembers who asked when."""

    gone: tuple[float, float]
    answer: Transient | None = None
    """What work gets meanwhile; None: the connection fails, and pings do too."""
    asked: list[tuple[float, str]] = field(default_factory=list)

    def away(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self.gone[0] <= now < self.gone[1]

    def _note(self, what: str) -> None:
        self.asked.append((asyncio.get_running_loop().time(), what))

    async def ping(self) -> str | None:
        self._note("ping")
        return "connection refused" if self.away() and self.answer is None else None

    async def work(self) -> None:
        self._note("work")
        if self.away():
            raise self.answer or ConnectionFailed("connection refused")
        await asyncio.sleep(WORK_SECONDS)
        if self.away():
            raise self.answer or ConnectionFailed("connection lost")

    def between(self, first: float, last: float, what: str) -> list[float]:
        return [at for at, kind in self.asked if first <= at < last and kind == what]


@dataclass
class Night:
    """Many transfers through one client."""

    far: Far
    transfer: TransferOptions
    heard: list[Event] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)
    done: int = 0

    async def pass_by(self, photos: int) -> None:
        server = ServerOptions(url="http://far:2283", api_key=Secret("key"))
        stop = asyncio.Event()
        http = Http(server, self.transfer, listener=self.heard.append, totals=Totals(), stop=stop)
        http.outage = Outage(self.far.ping, self.transfer.wait, stop, self.heard.append)
        line, room = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(WAITING)

        async def attempt(_: int) -> None:
            async with line:
                await http.outage.back()
                if http.outage.gave_up:
                    raise Interrupted("the run is stopping")
                await self.far.work()
            http.quota.refund()
            http.outage.relieve()

        async def one(number: int) -> None:
            async with room:
                if http.outage.gave_up:
                    return
                try:
                    await http.persist(attempt, f"photo {number}")
                    self.done += 1
                except (ServerUnavailable, Interrupted, Transient) as error:
                    self.failed.append(error)

        await asyncio.gather(*(one(number) for number in range(photos)))


def grows(pings: Sequence[float]) -> bool:
    """Pauses that double, but for their jitter of a fifth, up to 15 seconds."""
    pauses = [b - a for a, b in itertools.pairwise(pings)]
    middles = [min(15.0, 0.5 * 1.6**n) for n in range(len(pauses))]
    return all(0.79 * m <= p <= 1.21 * m for m, p in zip(middles, pauses, strict=True))


@pytest.mark.parametrize("seconds", [10, 600, 2 * HOUR])
def test_an_outage_costs_nobody_an_attempt(seconds: float) -> None:
    """One attempt each is all they have, and all arrive; meanwhile one of them pings."""
    start = 60.2
    far = Far((start, start + seconds))
    night = Night(far, TransferOptions(state_dir="unused", wait=3 * HOUR, retries=1))
    run(night.pass_by(2000))
    assert (night.done, night.failed) == (2000, [])
    trying = far.between(start, start + seconds, "work")
    assert len(trying) <= AT_ONCE, "those in flight met it, and nobody else tried"
    pings = far.between(start, start + seconds, "ping")
    assert grows(pings)
    assert len(pings) <= 12 + seconds / 12
    back = min(far.between(start + seconds, 1e9, "ping"))
    assert back - (start + seconds) <= 18, "one pause at most after it came back"
    again = min(far.between(start + seconds, 1e9, "work"))
    assert again == back, "at once"
    assert [type(event) for event in night.heard if isinstance(event, Back)] == [Back]
    assert len([event for event in night.heard if isinstance(event, Waiting)]) == len(pings)


def test_an_outage_longer_than_the_patience_ends_the_run_once() -> None:
    far = Far((60.2, 60.2 + 2 * HOUR))
    night = Night(far, TransferOptions(state_dir="unused", wait=1800.0, retries=1))
    run(night.pass_by(2000))
    assert night.done > 900
    assert all(isinstance(error, ServerUnavailable | Interrupted) for error in night.failed)
    assert max(at for at, _ in far.asked) <= 60.2 + 1800 + 1
    assert len(far.between(60.2, 1e9, "work")) <= AT_ONCE


@pytest.mark.parametrize("photos", [50, 5000, 20_000])
def test_a_server_that_only_says_503_hears_little_however_many_wait(photos: int) -> None:
    """It answers pings and nothing else. Of every photo comes its first attempt, as photos before
    it are given up; of retries come the quick ones that the quota has, once, and then one for
    each waiting transfer and half a minute."""
    far = Far((0.0, 1e9), answer=Throttled("503 service unavailable"))
    night = Night(far, TransferOptions(state_dir="unused", wait=1800.0, retries=3))
    hour: list[tuple[float, str]] = []

    async def some() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HOUR):
                await night.pass_by(photos)
        hour.extend(far.asked)

    run(some())
    assert night.done == 0
    quick = RetryQuota().tokens // 5
    minutes = max(at for at, _ in hour) / CAP_SECONDS
    asked = len([kind for _, kind in hour if kind == "work"])
    assert asked <= WAITING + 2 * quick + 2 * WAITING * minutes
    assert asked <= 3 * photos
    first = [at for at, kind in hour if kind == "work" and at < CAP_SECONDS]
    assert len(first) <= WAITING + 2 * quick
    assert len(hour) <= 2 * asked, "no more pings than attempts"


@pytest.mark.parametrize("photos", [50, 2000])
@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_retry_after_is_kept_by_all_together(photos: int, seconds: float) -> None:
    """One after the other asks, as far apart as the server wants it; it is well after an hour."""
    far = Far((0.0, 1500.0), answer=Throttled("503", retry_after=seconds))
    night = Night(far, TransferOptions(state_dir="unused", wait=2 * HOUR, retries=1))
    run(night.pass_by(photos))
    assert (night.done, night.failed) == (photos, [])
    asked = far.between(0.0, 1500.0, "work")
    assert len(asked) <= AT_ONCE + 1500 / seconds
    later = asked[AT_ONCE:]
    assert all(b - a >= seconds - 1e-6 for a, b in itertools.pairwise(later))
    assert far.between(0.0, 1e9, "ping") == []
    well = min(far.between(1500.0, 1e9, "work"))
    assert well <= 1500 + seconds
    assert len(far.between(well, well + 2, "work")) >= AT_ONCE, "then all go on at once"

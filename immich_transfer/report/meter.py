"""The running counts that every progress view reads: files, bytes, rates, what is in flight.

Fed with every event on the event loop, read a few times a second, possibly from another thread.
`BytesMoved` arrives thousands of times a second, so an event only adds numbers; all arithmetic
happens on reading.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Any

from ..events import (
    Back,
    BytesMoved,
    Discovered,
    Event,
    Expected,
    Hashed,
    Retrying,
    RunStarted,
    SendEnded,
    SendStarted,
    Settled,
    Stopping,
    Waiting,
    WalkDone,
)
from ..model import Outcome
from .rates import RATE_WINDOW, Point, Rates


class Flight:
    """One body on its way."""

    __slots__ = ("attempt", "ended", "key", "moved", "shown", "size")

    def __init__(self, event: SendStarted) -> None:
        self.key = event.key
        self.shown = event.shown
        self.size = event.size
        self.attempt = event.attempt
        self.moved = 0
        self.ended: float | None = None


class Meter:
    """Counts of one run. `now` is read from `clock`, in seconds of a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.run: RunStarted | None = None
        self.counts: dict[Outcome, int] = {}
        self._files = 0
        self.walk_done = False
        self.retries = 0
        self.moved = 0
        self.hashed = 0
        self.flights: dict[int, Flight] = {}
        self.away: tuple[str, float] | None = None
        """The reason and the moment of giving up, while the server is away."""
        self.stopping: str | None = None
        self._found = 0
        self._found_bytes = 0
        self._ahead: tuple[int, int] = (0, 0)
        """Files and bytes that a count ahead of the walk has seen."""
        self._settled_bytes = 0
        self._bytes_done = 0
        self._landed: dict[str, int] = {}
        """Bodies that moved whole and wait for the last word: they are done for the eye."""
        self._landed_bytes = 0
        self._retry_at: list[float] = []
        self._idle_bytes = 0
        self._rates = Rates(clock)
        self._hear: dict[type[Event], Callable[[Any], None]] = {
            RunStarted: self._run_started,
            Discovered: self._discovered,
            Expected: self._expected,
            WalkDone: self._walk_done,
            Hashed: self._hashed,
            SendStarted: self._send_started,
            BytesMoved: self._bytes_moved,
            SendEnded: self._send_ended,
            Retrying: self._retrying,
            Waiting: self._waiting,
            Back: self._back,
            Settled: self._settled,
            Stopping: self._stopping,
        }

    def __call__(self, event: Event) -> None:
        hear = self._hear.get(type(event))
        if hear is not None:
            hear(event)

    # Reading.

    @property
    def done(self) -> int:
        """Files with an outcome, and those whose body moved whole."""
        return self._files + len(self._landed)

    @property
    def landed(self) -> int:
        """Files whose body moved whole and that have no outcome yet."""
        return len(self._landed)

    @property
    def total(self) -> int:
        return max(self._found, self._ahead[0], self.done)

    @property
    def bytes_total(self) -> int:
        return max(self._found_bytes, self._ahead[1], self.bytes_done)

    @property
    def bytes_done(self) -> int:
        """Bytes of settled files and of those in flight; never runs backwards (a retry does)."""
        self._bytes_done = max(self._bytes_done, self._bytes_in_hand())
        return self._bytes_done

    def _bytes_in_hand(self) -> int:
        flying = sum(min(f.moved, f.size) for f in list(self.flights.values()))
        return self._settled_bytes + self._landed_bytes + flying

    @property
    def sized(self) -> bool:
        """The sizes were told when the files were found; a server's list may leave them out."""
        if self._ahead[0] > self._found and not self._ahead[1]:
            return False
        return self.bytes_done <= max(self._found_bytes, self._ahead[1])

    @property
    def share(self) -> float:
        """How much is done, from 0.0 to 1.0: by bytes, or by files where sizes are not known."""
        total = self.bytes_total
        if total and self.sized:
            return self.bytes_done / total
        return self.done / max(self.total, 1)

    def failed(self) -> int:
        return self.counts.get(Outcome.FAILED, 0)

    def waiting(self) -> int:
        """Attempts that wait for their delay to pass."""
        now = self._clock()
        return sum(1 for at in list(self._retry_at) if at > now)

    def until_giving_up(self) -> float:
        return max(0.0, self.away[1] - self._clock()) if self.away else 0.0

    def sample(self) -> None:
        """Keep a point for the rates; call it about as often as they are shown."""
        now = self._clock()
        if self._rates.due(now):
            self._rates.add(self._point(now))

    def _point(self, now: float) -> Point:
        return Point(now, self.done, self.bytes_done, self._idle_bytes, self.moved, self.hashed)

    def rate(self) -> float:
        """Body bytes per second over the wire, lately."""
        span, before = self._rates.since(RATE_WINDOW)
        return (self.moved - before.moved) / span

    def hash_rate(self) -> float:
        """Bytes per second read for hashing, lately."""
        span, before = self._rates.since(RATE_WINDOW)
        return (self.hashed - before.hashed) / span

    def eta(self) -> float | None:
        """Seconds to go, None when nothing can be said."""
        if self.away:
            return None
        left = self.bytes_total - self.bytes_done if self.sized else None
        return self._rates.remaining(self._point(self._clock()), self.total - self.done, left)

    # Hearing.

    def _run_started(self, event: RunStarted) -> None:
        self.run = event

    def _discovered(self, event: Discovered) -> None:
        self._found += event.files
        self._found_bytes += event.bytes

    def _expected(self, event: Expected) -> None:
        self._ahead = (event.files, event.bytes)

    def _walk_done(self, _: WalkDone) -> None:
        self.walk_done = True

    def _hashed(self, event: Hashed) -> None:
        self.hashed += event.bytes

    def _send_started(self, event: SendStarted) -> None:
        # It moved whole once, and the word that was waited for never came.
        self._landed_bytes -= self._landed.pop(event.shown, 0)
        self.flights[event.key] = Flight(event)

    def _bytes_moved(self, event: BytesMoved) -> None:
        self.moved += event.bytes
        flight = self.flights.get(event.key)
        if flight is not None:
            flight.moved += event.bytes

    def _send_ended(self, event: SendEnded) -> None:
        flight = self.flights.pop(event.key, None)
        if flight is not None:
            flight.ended = self._clock()
            if flight.moved >= flight.size > 0 and flight.shown not in self._landed:
                self._landed[flight.shown] = flight.size
                self._landed_bytes += flight.size

    def _retrying(self, event: Retrying) -> None:
        self.retries += 1
        now = self._clock()
        while self._retry_at and self._retry_at[0] <= now:
            heapq.heappop(self._retry_at)
        heapq.heappush(self._retry_at, now + event.delay)

    def _waiting(self, event: Waiting) -> None:
        self.away = (event.reason, self._clock() + event.until_giving_up)

    def _back(self, _: Back) -> None:
        self.away = None

    def _settled(self, event: Settled) -> None:
        item = event.item
        landed = self._landed.pop(item.path, None)
        self._landed_bytes -= landed or 0
        self.counts[item.outcome] = self.counts.get(item.outcome, 0) + 1
        if item.outcome is not Outcome.PENDING:
            self._files += 1
            self._settled_bytes += item.size
            if landed is None:
                self._idle_bytes += item.size

    def _stopping(self, event: Stopping) -> None:
        self.stopping = event.reason

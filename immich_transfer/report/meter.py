"""The running counts that every progress view reads: files, bytes, rates, what is in flight.

Fed with every event on the event loop, read a few times a second, possibly from another thread.
`BytesMoved` arrives thousands of times a second, so an event only adds numbers; all arithmetic
happens on reading.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
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

RATE_WINDOW = 8.0
"""Seconds: long enough to be calm, short enough to see a line that slows down."""
ETA_WINDOW = 40.0
"""Seconds: an estimate that jumps is worse than a late one."""
SAMPLE_EVERY = 0.5
"""Seconds between two samples kept for the rates."""


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
        """Bodies that went out whole and wait for the server's word: they are done for the eye."""
        self._landed_bytes = 0
        self._retry_at: list[float] = []
        self._samples: deque[tuple[float, int, int, int]] = deque([(clock(), 0, 0, 0)])
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
        """Files with an outcome, and those that only wait for the server's word."""
        return self._files + len(self._landed)

    @property
    def landed(self) -> int:
        """Files that went out whole and are not verified yet."""
        return len(self._landed)

    @property
    def total(self) -> int:
        return max(self._found, self._ahead[0], self.done)

    @property
    def bytes_total(self) -> int:
        return max(self._found_bytes, self._ahead[1], self._settled_bytes)

    @property
    def bytes_done(self) -> int:
        """Bytes of settled files and of those in flight; never runs backwards (a retry does)."""
        flying = sum(min(f.moved, f.size) for f in list(self.flights.values()))
        self._bytes_done = min(
            self.bytes_total,
            max(self._bytes_done, self._settled_bytes + self._landed_bytes + flying),
        )
        return self._bytes_done

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
        if now - self._samples[-1][0] >= SAMPLE_EVERY:
            self._samples.append((now, self.moved, self.hashed, self.bytes_done))
            # One sample older than the window stays, so that the window is always covered.
            while len(self._samples) > 2 and now - self._samples[1][0] > ETA_WINDOW:
                self._samples.popleft()

    def _since(self, window: float) -> tuple[float, int, int, int]:
        now = self._clock()
        oldest = self._samples[-1]
        for sample in reversed(self._samples):
            oldest = sample
            if now - sample[0] >= window:
                break
        return (max(now - oldest[0], SAMPLE_EVERY), *oldest[1:])

    def rate(self) -> float:
        """Bytes per second over the wire, lately."""
        span, moved, _, _ = self._since(RATE_WINDOW)
        return (self.moved - moved) / span

    def hash_rate(self) -> float:
        """Bytes per second read for hashing, lately."""
        span, _, hashed, _ = self._since(RATE_WINDOW)
        return (self.hashed - hashed) / span

    def eta(self) -> float | None:
        """Seconds to go, None when nothing can be said."""
        span, _, _, before = self._since(ETA_WINDOW)
        progress = self.bytes_done - before
        left = self.bytes_total - self.bytes_done
        if progress <= 0 or left <= 0 or self.away or span < 2 * SAMPLE_EVERY:
            return None
        return left * span / progress

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
        self._landed_bytes -= self._landed.pop(item.path, 0)
        self.counts[item.outcome] = self.counts.get(item.outcome, 0) + 1
        if item.outcome is not Outcome.PENDING:
            self._files += 1
            self._settled_bytes += item.size

    def _stopping(self, event: Stopping) -> None:
        self.stopping = event.reason

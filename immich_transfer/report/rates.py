"""How fast things go: points in time, and what changed since one of them.

Points are taken a few times a second by whoever shows the rates, not by the events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

RATE_WINDOW = 8.0
"""Seconds: long enough to be calm, short enough to see a line that slows down."""
ETA_WINDOW = 40.0
"""Seconds: an estimate that jumps is worse than a late one."""
SAMPLE_EVERY = 0.5
"""Seconds between two points."""


class Point(NamedTuple):
    """The counts at one moment."""

    at: float
    files: int = 0
    """Files that are done."""
    bytes: int = 0
    """Bytes that are done."""
    idle: int = 0
    """Those of them that took no body: known before, or found to be there."""
    moved: int = 0
    """Body bytes on the wire, those of failed attempts too."""
    hashed: int = 0


class Rates:
    """The points of the last `ETA_WINDOW` seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._points: deque[Point] = deque([Point(clock())])

    def due(self, now: float) -> bool:
        return now - self._points[-1].at >= SAMPLE_EVERY

    def add(self, point: Point) -> None:
        self._points.append(point)
        # One point older than the window stays, so that the window is always covered.
        while len(self._points) > 2 and point.at - self._points[1].at > ETA_WINDOW:
            self._points.popleft()

    def since(self, window: float) -> tuple[float, Point]:
        """The seconds since a point about `window` seconds ago, and that point."""
        now = self._clock()
        oldest = self._points[-1]
        for point in reversed(self._points):
            oldest = point
            if now - point.at >= window:
                break
        return self._span(oldest, now), oldest

    def remaining(self, now: Point, files: int, size: int | None) -> float | None:
        """Seconds until `files` and `size` bytes more are done; by files where `size` is None.

        Files that take no body go by in bursts, thousands a second. When none came lately and
        bodies move, what is left is bodies: then only the time since the burst says how fast.
        A burst just now, at the start, says nothing yet.
        """
        span, before = self.since(ETA_WINDOW)
        mixed = now.idle > before.idle and now.moved > before.moved
        calm = next((point for point in self._points if point.idle == now.idle), None)
        if calm is not None and calm.at > before.at and now.moved > calm.moved:
            calm_span = self._span(calm, now.at)
            if calm_span >= RATE_WINDOW:
                span, before, mixed = calm_span, calm, False
        if mixed and span < RATE_WINDOW:
            return None
        progress = now.files - before.files if size is None else now.bytes - before.bytes
        left = files if size is None else size
        if progress <= 0 or left <= 0 or span < 2 * SAMPLE_EVERY:
            return None
        return left * span / progress

    @staticmethod
    def _span(point: Point, now: float) -> float:
        return max(now - point.at, SAMPLE_EVERY)

"""How many bodies may be in flight: a pure calculator fed with what happened.

Additive increase, multiplicative decrease on two signals. Trouble (429, 503, resets, timeouts)
halves the limit at once, at most once per `COOL_SECONDS`. Goodput decides growth: the limit rises
by one step per window only while the pipe is full and the last step brought a gain; when a step
brought none it is taken back and the limit rests before the next probe. A real server gains
nothing beyond 8-16 small files in flight (recorded on 2.7.5 and 3.0.3), a long line gains up to
its bandwidth-delay product.
"""

from __future__ import annotations

START = 8
"""Recorded on real servers: best rate at 8, half of it at 2; so start where most end."""
FLOOR = 1
CEILING = 64
WINDOW_SECONDS = 1.0
"""Goodput over less than a second is noise."""
WINDOW_ITEMS = 8
"""A window holds at least this many finished transfers or a byte rate that means something."""
WINDOW_BYTES = 4 << 20
GAIN = 1.05
"""A step must bring 5 % or it is not worth the server's attention."""
COOL_SECONDS = 2.0
REST_WINDOWS = 5
"""Windows to rest after a step that brought nothing, doubled each time up to REST_MAX."""
REST_MAX = 60


class Pace:
    """The limit on transfers in flight. Times are seconds of one monotonic clock."""

    def __init__(
        self, fixed: int | None = None, *, start: int = START, most: int | None = None
    ) -> None:
        """`most` binds even a fixed limit: the system cannot have more open."""
        self._most = min(CEILING, most) if most is not None else CEILING
        if fixed is not None and most is not None:
            fixed = min(fixed, most)
        self._fixed = fixed
        self.limit = fixed if fixed is not None else min(start, self._most)
        self._window_start: float | None = None
        self._bytes = 0
        self._items = 0
        self._full = False
        self._cooled = -1e9
        self._before: tuple[int, float] | None = None
        """Limit and goodput before the step under trial."""
        self._rest = 0
        self._rest_next = REST_WINDOWS

    def moved(self, now: float, size: int, in_flight: int, *, finished: bool = False) -> None:
        """`size` bytes went out, with `in_flight` transfers under way; maybe one finished."""
        if self._fixed is not None:
            return
        if self._window_start is None:
            self._window_start = now
        self._bytes += size
        self._items += finished
        if in_flight >= self.limit:
            self._full = True
        elapsed = now - self._window_start
        if elapsed >= WINDOW_SECONDS and (
            self._items >= WINDOW_ITEMS or self._bytes >= WINDOW_BYTES or elapsed >= 10
        ):
            self._judge(now, elapsed)

    def trouble(self, now: float) -> None:
        """The server pushed back or a connection broke: halve, at most once per cooling time."""
        if self._fixed is not None or now - self._cooled < COOL_SECONDS:
            return
        self._cooled = now
        self.limit = max(FLOOR, self.limit // 2)
        self._before = None
        self._rest = 2
        self._reset(now)

    def _judge(self, now: float, elapsed: float) -> None:
        # Small files are bound by the server's work per file, large ones by bytes: one figure
        # that grows with either serves both (a file counts as 64 KiB of work).
        goodput = (self._bytes + 65536 * self._items) / elapsed
        if self._before is not None:
            limit, rate = self._before
            self._before = None
            if goodput < rate * GAIN:
                self.limit = limit
                self._rest = self._rest_next
                self._rest_next = min(REST_MAX, self._rest_next * 2)
            else:
                self._rest_next = REST_WINDOWS
        elif self._rest > 0:
            self._rest -= 1
        elif self._full and self.limit < self._most:
            self._before = (self.limit, goodput)
            self.limit = min(self._most, self.limit + max(1, self.limit // 4))
        self._reset(now)

    def _reset(self, now: float) -> None:
        self._window_start = now
        self._bytes = 0
        self._items = 0
        self._full = False


class TokenBucket:
    """A bandwidth limit: says how long to wait before `size` more bytes may go.

    `rate` is bytes per second. A quarter second of burst keeps the line busy between wake-ups.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.burst = max(rate // 4, 1)
        self._level = float(self.burst)
        self._at: float | None = None

    def take(self, now: float, size: int) -> float:
        """Spend `size` bytes and return the seconds to wait before sending them."""
        if self._at is not None:
            self._level = min(float(self.burst), self._level + (now - self._at) * self.rate)
        self._at = now
        self._level -= size
        return max(0.0, -self._level / self.rate)

"""How many bodies may be in flight: a pure calculator fed with what happened.

It compares goodput at one limit with goodput at another. At first the limit is doubled as long as
doubling pays, then half a step is tried, then fewer as long as that costs nothing. From then on it
tries, after a rest, a little more and a little less in turn: more is kept when it brings a gain,
less when it costs nothing, and each trial that changes nothing makes the next rest longer. How far
up it pays is read from the gain itself: transfers that do not wait for each other bring as much
gain as there are more of them. Trouble (429, 503, resets, timeouts) halves the limit at once, at
most once per `COOL_SECONDS`.

A real server gains nothing beyond 8-16 small files in flight (recorded on 2.7.5 and 3.0.3), a long
line gains up to its bandwidth-delay product.
"""

from __future__ import annotations

import math
from enum import Enum, auto

START = 8
"""Recorded on real servers: best rate at 8, half of it at 2; so start where most end."""
START_MOST = 32
NEAR_SECONDS = 0.02
"""An answer within this comes from a server next door."""
WORK_SECONDS = 0.014
"""Between two small files of a busy server (70 a second, recorded): while a request is on the line
for so long, the server could do one more."""
FLOOR = 1
LEAST = 4
"""No trial goes below: the best rate of a server and of a line is above 4 or near it, and to find
the way back up costs a fast line more than a few transfers cost a slow one."""
CEILING = 64
WINDOW_SECONDS = 1.0
"""Goodput over less than a second is noise."""
WINDOW_ITEMS = 8
WINDOW_BYTES = 4 << 20
"""A window holds so many finished transfers, or a byte rate that means something."""
WINDOW_MOST = 10.0
SETTLE_MOST = 5.0
"""After a change the new transfers open their connections and fill the kernel's buffers: nothing is
measured until they have finished once, or for so long."""
GAIN = 1.03
"""More must bring 3 % or it is not worth the server's attention ..."""
DOUBT = 0.4
"""... and more than chance does: by so much over the root of the number of files measured."""
TRIAL_SECONDS = 2.0
TRIAL_ITEMS = 150
"""A trial but for the doubling goes on for so many files, or for twice its seconds."""
LOSS = 0.99
"""Fewer may cost no more than what cannot be measured."""
PAYS = 0.4
"""A step that brought this share of what it could have brought is followed by the next at once."""
MARGIN = 1.1
COOL_SECONDS = 2.0
REST_SECONDS = 5.0
"""At rest after a trial that changed nothing, doubled each time up to REST_MOST. The whole rest is
what the next trial is compared with, up to BASE_MOST of it."""
REST_MOST = 60.0
BASE_MOST = 10.0
FULL = 0.7
"""Share of reports that must find every slot in use: a pipe that is not full proves nothing."""


def start_for(answer_seconds: float) -> int:
    """The limit to begin with when the quickest answer so far took so long.

    What is on the line is not at the server: that many more keep it as busy as one next door.
    """
    if not math.isfinite(answer_seconds):
        return START
    return min(START_MOST, START + int(max(0.0, answer_seconds - NEAR_SECONDS) / WORK_SECONDS))


class Search(Enum):
    """What the next trial is."""

    DOUBLE = auto()
    """Twice as many: the search at the start."""
    HALF = auto()
    """Half as many more, since twice was too many."""
    FEWER = auto()
    """Fewer, at the start: no rest between."""
    REST = auto()
    """A little more or a little less, after a rest."""


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
        self._begun: float | None = None
        """When the first bytes moved."""
        self._cold: float | None = None
        """Seconds from there to the first transfer that finished."""
        self._cooled = -1e9
        self._trial: tuple[int, float] | None = None
        """Limit and goodput before the step under trial."""
        self._search = Search.DOUBLE
        self._up = True
        """Which way the next trial goes after a rest."""
        self._rest = 0.0
        self._rest_next = REST_SECONDS
        self._change(0.0)

    def moved(self, now: float, size: int, in_flight: int, *, finished: bool = False) -> None:
        """`size` bytes went out, with `in_flight` transfers under way; maybe one finished."""
        if self._fixed is not None:
            return
        if self._begun is None:
            self._begun = self._since = now
        self._bytes += size
        self._reports += 1
        if in_flight >= self.limit:
            self._full += 1
        if finished:
            self._items += 1
            if self._cold is None:
                self._cold = now - self._begun
        elapsed = now - self._since
        if self._settling:
            self._settle(now, elapsed)
        elif elapsed >= self._window and self._enough(elapsed):
            self._judge(now, elapsed)

    def trouble(self, now: float) -> None:
        """The server pushed back or a connection broke: halve, at most once per cooling time."""
        if self._fixed is not None or now - self._cooled < COOL_SECONDS:
            return
        self._cooled = now
        self.limit = max(FLOOR, self.limit // 2)
        self._trial = None
        self._search = Search.REST
        self._up = True
        self._rest = 2 * WINDOW_SECONDS
        self._change(now)

    @property
    def _window(self) -> float:
        """Seconds to measure: the whole of a rest, and as long a trial as noise asks for."""
        if self._trial is None and self._search is Search.REST:
            return max(TRIAL_SECONDS, min(self._rest, BASE_MOST))
        return WINDOW_SECONDS if self._search is Search.DOUBLE else TRIAL_SECONDS

    def _enough(self, elapsed: float) -> bool:
        """True when what was measured means something."""
        if self._search is not Search.DOUBLE and elapsed < 2 * TRIAL_SECONDS:
            return self._items >= TRIAL_ITEMS
        return (
            self._items >= max(WINDOW_ITEMS, self.limit)
            or self._bytes >= WINDOW_BYTES * self._window
            or elapsed >= WINDOW_MOST
        )

    def _settle(self, now: float, elapsed: float) -> None:
        cold = min(SETTLE_MOST, self._cold if self._cold is not None else SETTLE_MOST)
        if elapsed >= SETTLE_MOST or (elapsed >= cold and self._items >= self.limit):
            self._settling = False
            self._measure(now)

    def _judge(self, now: float, elapsed: float) -> None:
        # Small files are bound by the server's work per file, large ones by bytes: one figure
        # that grows with either serves both (a file counts as 64 KiB of work).
        goodput = (self._bytes + 65536 * self._items) / elapsed
        full = self._full >= FULL * self._reports
        if self._trial is None:
            self._rest -= elapsed
            if full and self._rest <= 0:
                self._try(now, goodput)
            else:
                self._measure(now)
            return
        before, base = self._trial
        self._trial = None
        if not full:
            self._go_to(now, before)
        elif self.limit > before:
            self._judge_more(now, before, base, goodput)
        elif goodput >= base * LOSS:
            self._rest_next = REST_SECONDS
            self._try(now, base)
        else:
            self._nothing(now, before, base)

    def _judge_more(self, now: float, before: int, base: float, goodput: float) -> None:
        gain, step = goodput / base, self.limit / before
        if gain < max(GAIN, 1 + DOUBT / math.sqrt(max(1, self._items))):
            self._nothing(now, before, base)
            return
        self._rest_next = REST_SECONDS
        if gain - 1 >= PAYS * (step - 1):
            self._try(now, goodput)
            return
        self._search = Search.REST
        self._rest = REST_SECONDS
        self._go_to(now, min(self.limit, math.ceil(before * gain * MARGIN)))

    def _nothing(self, now: float, before: int, base: float) -> None:
        """The trial changed nothing, or for the worse: back, and next time something else."""
        self.limit = before
        match self._search:
            case Search.DOUBLE:
                self._search = Search.HALF
                self._go_to(now, before)  # what half a step is compared with is measured well
            case Search.HALF:
                self._search, self._up = Search.FEWER, False
                self._try(now, base)
            case _:
                self._search = Search.REST
                self._up = not self._up
                self._rest = self._rest_next
                self._rest_next = min(REST_MOST, self._rest_next * 2)
                self._go_to(now, before)

    def _try(self, now: float, base: float) -> None:
        """Another limit; what it brings is compared with `base`, the goodput of this one."""
        before = self.limit
        if not self._up:
            wanted = max(min(LEAST, before), before * 3 // 4)
        elif self._search is Search.DOUBLE or before < START:
            wanted = before * 2
        elif self._search is Search.HALF:
            wanted = before * 3 // 2
        else:
            wanted = before + max(2, before // 4)
        wanted = min(wanted, self._most)
        if wanted == before:
            self._nothing(now, before, base)
        else:
            self._trial = (before, base)
            self._go_to(now, wanted)

    def _go_to(self, now: float, limit: int) -> None:
        self.limit = limit
        self._change(now)

    def _change(self, now: float) -> None:
        self._settling = True
        self._measure(now)

    def _measure(self, now: float) -> None:
        self._since = now
        self._bytes = 0
        self._items = 0
        self._reports = 0
        self._full = 0


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

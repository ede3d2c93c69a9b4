"""Progress where no terminal is: a line now and then, no escapes, fit for a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO, TextIO

from ..events import (
    Back,
    BytesMoved,
    Discovered,
    Event,
    Finished,
    Hashed,
    RunStarted,
    SendEnded,
    SendStarted,
    Settled,
    Waiting,
)
from ..model import Outcome
from .commands import said_of
from .lines import Told, one_line
from .meter import Meter
from .stream import Out
from .wording import clean, clock, count, number, remaining, size, size_pair

EVERY_SECONDS = 30.0
_FREQUENT = frozenset({BytesMoved, Hashed, Discovered, SendStarted, SendEnded})
"""Events that never make a line, and come by the thousand."""


class PlainReport:
    """A listener that writes lines to `stream`; it has no timer: events and `tick` drive it."""

    def __init__(
        self,
        stream: TextIO | BinaryIO,
        *,
        quiet: bool = False,
        verbosity: int = 0,
        periodic: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = Out(stream)
        self._told = Told(quiet=quiet, verbosity=verbosity)
        self._quiet = quiet
        self._verbose = verbosity > 0 and not quiet
        self._periodic = periodic and not quiet
        self._clock = clock
        self._meter = Meter(clock)
        self._said_at = clock()
        self._finished = False
        self._away = False

    def __call__(self, event: Event) -> None:
        self._meter(event)
        kind = type(event)
        # Files that ended well are silent unless asked for, and there may be a million of them.
        silent = kind in _FREQUENT or (
            not self._verbose
            and isinstance(event, Settled)
            and event.item.outcome is not Outcome.FAILED
        )
        if not silent:
            self._say(event)
        if self._periodic:
            self.tick(self._clock())

    def _say(self, event: Event) -> None:
        lines = [line.plain() for line in self._told(event)]
        if not self._quiet:
            match event:
                case RunStarted():
                    self._said_at = self._clock()
                    lines.append(started_line(event))
                # The server may be asked every few seconds: one outage is said once.
                case Waiting() if not self._away:
                    self._away = True
                    lines.append(away_line(self._meter))
                case Back():
                    self._away = False
                case Finished():
                    self._finished = True
                case _:
                    pass
        if lines:
            self._out.text("\n".join(lines) + "\n")

    def tick(self, now: float) -> None:
        """Say where we are when it is time to."""
        if not self._periodic or self._finished or now - self._said_at < EVERY_SECONDS:
            return
        self._said_at = now
        if self._meter.away:
            self._out.text(away_line(self._meter) + "\n")
        elif self._meter.run is not None:
            self._out.text(progress_line(self._meter) + "\n")


def started_line(event: RunStarted) -> str:
    as_whom = f" as {clean(event.user_name)}" if event.user_name else ""
    dry = " (dry run: nothing is changed)" if event.dry_run else ""
    resumed = " resumed" if event.resumed else ""
    where = f"Immich {clean(event.server)}{as_whom}, " if event.server else ""
    return f"{event.command}{resumed}: {where}run {event.run}{dry}"


def away_line(meter: Meter, *, short: bool = False) -> str:
    """'server away: Connection refused; trying again, giving up in 29:30'."""
    reason = one_line(meter.away[0] if meter.away else "").rstrip(".")
    left = clock(meter.until_giving_up())
    if short:
        return f"server away, giving up in {left}: {reason}"
    return f"server away: {reason}; trying again, giving up in {left}"


def progress_line(meter: Meter) -> str:
    """'1,234 of 3,000+ files, 12.3 of 30.1+ GiB, 12.4 MiB/s, 12 min left; 1,100 uploaded, …'."""
    meter.sample()
    said = said_of(meter.run.command if meter.run is not None else "")
    dry_run = meter.run is not None and meter.run.dry_run
    counters = [
        f"{number(meter.counts[outcome])} {said.label(outcome, dry_run=dry_run)}"
        for outcome in Outcome
        if meter.counts.get(outcome)
    ]
    if meter.landed:
        counters.append(f"{number(meter.landed)} {said.landed}")
    if meter.retries:
        counters.append(count(meter.retries, "retry", "retries"))
    return ", ".join(standing(meter)) + ("; " + ", ".join(counters) if counters else "")


def standing(meter: Meter) -> list[str]:
    """How far we are and how fast: '1 of 3+ files', '5.0 of 7.0+ MiB', '1.2 MiB/s', '0:09 left'."""
    said = said_of(meter.run.command if meter.run is not None else "")
    plus = "" if meter.walk_done else "+"
    parts = [f"{number(meter.done)} of {number(meter.total)}{plus} files"]
    if meter.sized:
        parts.append(size_pair(meter.bytes_done, meter.bytes_total, final=meter.walk_done))
    else:
        parts.append(size(meter.bytes_done))
    pace = said.pace(meter.rate(), meter.hash_rate())
    if pace is not None:
        parts.append(pace)
    eta = meter.eta()
    if eta is not None:
        parts.append(f"{remaining(eta)}{plus} left")
    return parts

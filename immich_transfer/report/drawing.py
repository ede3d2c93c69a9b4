"""The parts of the live display: bars, rows of files in flight, lines of counters."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

from rich.cells import cell_len
from rich.text import Text

from .meter import Flight
from .wording import clean, elide, size

LINGER_SECONDS = 1.0
"""How long a finished file keeps its row when no other takes it."""

# Terminals disagree on the width of joined emoji; taken apart they are equally wide everywhere.
_JOINERS = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


class Rows:
    """Which transfer stands in which row. Written by the event loop, read by the drawing thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: list[Flight | None] = []

    def add(self, flight: Flight) -> None:
        with self._lock:
            for at, other in enumerate(self._slots):
                if other is None or other.ended is not None:
                    self._slots[at] = flight
                    return
            self._slots.append(flight)

    def visible(self, room: int) -> tuple[list[Flight | None], int]:
        """The rows to show and how many transfers have none."""
        now = self._clock()
        with self._lock:
            slots = self._slots
            for at, flight in enumerate(slots):
                ended = flight.ended if flight is not None else None
                if ended is not None and now - ended > LINGER_SECONDS:
                    slots[at] = None
            # Whoever is under way below the fold takes a free row above it.
            below = [at for at in range(room, len(slots)) if _flying(slots[at])]
            for at in range(min(room, len(slots))):
                if below and not _flying(slots[at]):
                    other = below.pop(0)
                    slots[at], slots[other] = slots[other], None
            while slots and slots[-1] is None:
                slots.pop()
            hidden = sum(_flying(flight) for flight in slots[room:])
            return slots[:room], hidden


def _flying(flight: Flight | None) -> bool:
    return flight is not None and flight.ended is None


def flow(parts: list[Text], width: int) -> Iterator[Text]:
    """Join `parts` with dots into as few lines as fit."""
    line = Text()
    for part in parts:
        if line and line.cell_len + 3 + part.cell_len > width:
            yield line
            line = Text()
        if line:
            line.append(" · ", "dim")
        line.append_text(part)
    yield line


def bar(share: float, width: int, *, paused: bool = False, style: str = "cyan") -> Text:
    """A thin bar: '━━━━━╸──────'; half a column is the finest step."""
    halves = int(max(0.0, min(1.0, share)) * width * 2)
    full, half = divmod(halves, 2)
    text = Text("━" * full + "╸" * half, "yellow" if paused else style)
    return text.append("─" * (width - full - half), "bright_black")


def flight_row(flight: Flight, width: int) -> Text:
    """'  2023/beach…1234.jpg   ━━━━━━╸─────  52 %   4.1 MiB'."""
    over = flight.ended is not None
    share = min(1.0, flight.moved / flight.size) if flight.size else 1.0
    tail = f" {int(share * 100):3d} % {size(flight.size):>10}"
    bar_width = 0 if width < 50 else 12 if width < 100 else 24
    again = f" (attempt {flight.attempt})" if flight.attempt > 1 else ""
    name_width = width - 2 - len(again) - len(tail) - (bar_width + 1 if bar_width else 0)
    if name_width < 24:
        name_width, again = name_width + len(again), ""
    name = elide(_JOINERS.sub("", clean(flight.shown)), max(4, name_width), cell_len)
    text = Text("  ")
    text.append(name, "dim" if over else "")
    text.append(again, "yellow")
    text.append(" " * max(0, name_width - cell_len(name)))
    if bar_width:
        text.append(" ").append_text(
            bar(share, bar_width, style="bright_black" if over else "blue")
        )
    return text.append(tail, "dim")

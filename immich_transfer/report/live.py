"""The live display on a terminal: one calm block that is redrawn a few times a second.

Events only change counters (`Meter`) and append lines; a thread redraws. So the display costs the
same at ten events a second and at ten thousand, and goes on counting down while nothing happens.
Rows do not jump: a transfer keeps its row, and a row that is done stays until another takes it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from ..events import BytesMoved, Event, Notice, RunStarted, SendStarted, Waiting
from ..model import Outcome
from .commands import said_of
from .drawing import Rows, bar, flight_row, flow
from .lines import Line, Told
from .meter import Meter
from .plain import away_line, standing, started_line
from .said import TONES
from .wording import count, elide, number

REDRAWS_PER_SECOND = 5
MAX_WIDTH = 140
"""Columns: wider than this the eye loses the row."""
MAX_ROWS = 8
"""Files in flight shown; fewer on a short terminal."""
_STYLES = {"failed": "red", "warn": "yellow", "info": "green", "dim": "dim"}
_TONE_STYLES = {"good": "green", "warn": "yellow", "bad": "bold red"}


class LiveReport:
    """A listener and context manager: `with LiveReport(console) as report: …`.

    `redraws` is how often a second the thread redraws; 0 makes no thread, and `tick` does it.
    """

    def __init__(
        self,
        console: Console,
        *,
        verbosity: int = 0,
        redraws: float = REDRAWS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._clock = clock
        self._meter = Meter(clock)
        self._told = Told(verbosity=verbosity)
        self._lines: deque[Line] = deque()
        self._rows = Rows(clock)
        self._live = Live(
            self,
            console=console,
            auto_refresh=False,
            transient=True,
            # Standard output belongs to the results.
            redirect_stdout=False,
        )
        self._interval = 1 / redraws if redraws else None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawing = threading.Lock()
        self._broken = False
        self._drawn: list[int] = []
        self._drawn_width = console.width

    def __enter__(self) -> LiveReport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        with self._drawing:
            self._guarded(self._close)

    def __call__(self, event: Event) -> None:
        self._meter(event)
        if type(event) is BytesMoved:
            return
        match event:
            case SendStarted(key=key):
                self._rows.add(self._meter.flights[key])
            case RunStarted() | Waiting() | Notice():
                self._start()
            case _:
                pass
        lines = self._told(event)
        if lines:
            self._lines.extend(lines)

    def tick(self) -> None:
        """Print the lines told since, then redraw."""
        with self._drawing:
            self._guarded(self._redraw)

    # Drawing. rich raises SystemExit when the terminal is gone; a transfer must outlive that.

    def _guarded(self, draw: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            draw()
        except (OSError, ValueError, SystemExit):
            self._broken = True

    def _start(self) -> None:
        # Not before there is something to look at: a usage error should not flash a display.
        if self._live.is_started:
            return
        with self._drawing:
            self._guarded(lambda: self._live.start(refresh=False))
        if self._interval is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="report", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            self.tick()

    def _redraw(self) -> None:
        self._repair()
        self._print_lines()
        if self._live.is_started:
            self._meter.sample()
            self._live.refresh()

    def _close(self) -> None:
        self._repair()
        self._print_lines()
        self._live.stop()

    def _print_lines(self) -> None:
        if not self._lines:
            return
        text = Text(end="")
        while self._lines:
            line = self._lines.popleft()
            style = _STYLES[line.style]
            if line.lead:
                text.append(line.lead + "  ", style)
            text.append(line.text + "\n", "" if line.lead and line.style != "dim" else style)
        self._console.print(text, end="", soft_wrap=False)

    def _repair(self) -> None:
        """Clear what a narrower terminal folded: rich only knows the lines it wrote."""
        width = self._console.width
        if width < self._drawn_width and self._live.is_started:
            extra = sum(max(0, -(-cells // width) - 1) for cells in self._drawn)
            up = [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)] * extra
            self._console.control(
                Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up)
            )
        self._drawn_width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # One column stays free: a full last column makes some terminals fold the line.
        width = max(10, min(options.max_width - 1, MAX_WIDTH))
        lines = list(self._block(width, console.height))
        for line in lines:
            line.no_wrap = True
            line.truncate(width, overflow="ellipsis")
        self._drawn = [line.cell_len for line in lines]
        yield from lines

    def _block(self, width: int, height: int) -> Iterator[Text]:
        meter = self._meter
        head = [self._title(width)]
        if meter.run is not None:
            head += self._overall(width)
        tail: list[Text] = []
        if meter.away is not None:
            said = away_line(meter)
            if cell_len(said) > width:
                # The countdown comes first where the reason has to be cut.
                said = away_line(meter, short=True)
            tail.append(Text(said, "yellow"))
        elif meter.stopping is not None:
            tail.append(
                Text("stopping: what is in flight finishes; Ctrl-C again cuts it", "yellow")
            )
        if meter.run is not None:
            # A low terminal shows fewer counters before it shows no outage.
            head += list(self._counters(width))[: max(0, height - 1 - len(head) - len(tail))]
        head = [*head, *tail][: max(1, height - 1)]
        yield from head
        room = min(MAX_ROWS, height - len(head) - 3)
        if room < 1:
            return
        rows, more = self._rows.visible(room)
        if rows:
            yield Text("")
        for flight in rows:
            yield flight_row(flight, width) if flight is not None else Text("")
        if more:
            yield Text(f"  +{more} more", "dim")

    def _title(self, width: int) -> Text:
        run = self._meter.run
        if run is None:
            return Text("connecting to the server", "dim")
        said = started_line(run)
        if cell_len(said) > width:
            said = said.replace(f", run {run.run}", "")
        return Text(elide(said, width, cell_len), "dim")

    def _overall(self, width: int) -> Iterator[Text]:
        meter = self._meter
        percent = f"{int(meter.share * 100):3d} %"
        yield Text.assemble(
            bar(meter.share, width - len(percent) - 1, paused=meter.away is not None),
            " ",
            (percent, "bold"),
        )
        yield from flow([Text(part) for part in standing(meter)], width)

    def _counters(self, width: int) -> Iterator[Text]:
        meter = self._meter
        run = meter.run
        said = said_of(run.command if run is not None else "")
        shown: list[Text] = []
        for outcome in Outcome:
            n = meter.counts.get(outcome, 0)
            if n or outcome is said.main:
                words = said.label(outcome, dry_run=run is not None and run.dry_run)
                style = _TONE_STYLES.get(TONES.get(outcome, ""), "") if n else "dim"
                shown.append(Text(f"{number(n)} {words}", style))
        if meter.landed:
            shown.append(Text(f"{number(meter.landed)} {said.landed}", "dim"))
        if meter.retries:
            waiting = meter.waiting()
            more = f" ({number(waiting)} waiting)" if waiting else ""
            shown.append(Text(count(meter.retries, "retry", "retries") + more, "yellow"))
        yield from flow(shown, width)

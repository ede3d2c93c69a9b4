"""Which reports a run gets: by the flags and by what stands at the end of each stream.

stdout                       stderr
--json: JsonLines            a terminal: LiveReport, else PlainReport
else:   the summary          -q: failures only
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from ..events import BytesMoved, Event
from .jsonl import JsonLines
from .lines import one_line
from .plain import PlainReport
from .stream import Out
from .summary import render_summary
from .tally import Tally

if TYPE_CHECKING:
    from .live import LiveReport

SUMMARY_WIDTH = 100
"""Columns at most: it is prose."""
DEFAULT_WIDTH = 80
"""Columns where no terminal tells."""


class Report:
    """A listener for one run, and a context manager: what is live ends before the summary."""

    def __init__(
        self,
        *,
        view: PlainReport | LiveReport,
        json: JsonLines | None,
        stdout: TextIO,
        stderr: TextIO,
        color: bool,
    ) -> None:
        self._view = view
        self._json = json
        self._stdout = Out(stdout)
        self._stderr = Out(stderr)
        self._color = color
        self._hear: tuple[Callable[[Event], None], ...] = (view,) if json is None else (view, json)
        self.tally = Tally()

    @property
    def broken(self) -> bool:
        """The reader of stdout went away."""
        return self._stdout.broken or (self._json is not None and self._json.broken)

    def __enter__(self) -> Report:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(self._view, PlainReport):
            self._view.__exit__(kind, error, trace)
        if self._json is not None:
            self._json.flush()
        elif self.tally.summary is not None:
            width = min(_columns(), SUMMARY_WIDTH)
            self._stdout.text(
                render_summary(self.tally.summary, self.tally, width=width, color=self._color)
            )

    def __call__(self, event: Event) -> None:
        for hear in self._hear:
            hear(event)
        if type(event) is not BytesMoved:
            self.tally(event)

    def tick(self) -> None:
        """Say what is due while no event comes; call it about once a second."""
        now = time.monotonic()
        if isinstance(self._view, PlainReport):
            self._view.tick(now)
        if self._json is not None:
            self._json.tick(now)

    def error(self, message: str, exit_code: int, hint: str | None = None) -> None:
        """A run that could not begin or be summed up: one line, and one of JSON with `--json`."""
        if self._json is not None:
            self._json.error_line(message, exit_code, hint)
        said = f"error: {one_line(message)}\n"
        if hint:
            said += f"hint: {one_line(hint)}\n"
        self._stderr.text(said)


def choose(
    *,
    json: bool,
    progress: bool | None,
    quiet: bool,
    verbosity: int,
    stdout: TextIO,
    stderr: TextIO,
    no_color: bool = False,
) -> Report:
    """The reports for these flags and streams. `progress` None: what suits the stream."""
    no_color = no_color or bool(os.environ.get("NO_COLOR"))
    lines = JsonLines(stdout, progress=progress is True) if json else None
    smart = os.environ.get("TERM", "") not in ("dumb", "unknown")
    view: PlainReport | LiveReport
    # JSON lines and a display that moves the cursor cannot share one terminal.
    shared = json and _terminal(stdout)
    if _terminal(stderr) and smart and not shared and not quiet and progress is not False:
        view = _live(stderr, verbosity=verbosity, no_color=no_color)
    else:
        periodic = progress is not False and not json
        view = PlainReport(stderr, quiet=quiet, verbosity=verbosity, periodic=periodic)
    color = _terminal(stdout) and smart and not no_color
    return Report(view=view, json=lines, stdout=stdout, stderr=stderr, color=color)


def _columns() -> int:
    # What shutil.get_terminal_size does, without its imports.
    with contextlib.suppress(ValueError):
        return int(os.environ.get("COLUMNS", "")) or DEFAULT_WIDTH
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(1).columns or DEFAULT_WIDTH
    return DEFAULT_WIDTH


def _terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False


def _live(stderr: TextIO, *, verbosity: int, no_color: bool) -> PlainReport | LiveReport:
    if "utf" not in (getattr(stderr, "encoding", None) or "utf-8").lower():
        # Bars and ellipses have no letters there.
        return PlainReport(stderr, verbosity=verbosity)
    # Here, not above: rich costs more to import than everything else in this folder.
    from rich.console import Console

    from .live import LiveReport

    # Without an explicit None, rich would not read NO_COLOR for itself.
    console = Console(
        file=stderr,
        force_terminal=True,
        no_color=no_color or None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    return LiveReport(console, verbosity=verbosity)

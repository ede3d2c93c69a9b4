"""The rounds of a watch, a line each: for a log that is read when something is wrong."""

from __future__ import annotations

from typing import TextIO

from ..errors import Exit
from ..events import Back, Event, Finished, Settled, Stopping, Waiting
from ..model import Outcome, Summary
from .commands import said_of
from .jsonl import JsonLines
from .lines import Told, one_line
from .stream import Out
from .wording import clean, count, duration, number, size

_SILENT = (Outcome.DUPLICATE, Outcome.SKIPPED)
"""Outcomes that every look at everything repeats: no JSON line without -v."""


class RoundLines:
    """A listener for all rounds of a watch: lines on `stderr`, and JSON lines on `stdout`."""

    def __init__(
        self, *, stdout: TextIO, stderr: TextIO, json: bool, quiet: bool, verbosity: int
    ) -> None:
        self._out = Out(stderr)
        self._json = JsonLines(stdout, progress=False) if json else None
        self._told = Told(quiet=quiet, verbosity=verbosity)
        self._quiet = quiet
        self._verbose = verbosity > 0
        self._away = False

    def __call__(self, event: Event) -> None:
        if self._json is not None and not self._repeated(event):
            self._json(event)
        lines = [line.plain() for line in self._told(event)] if not self._mere(event) else []
        match event:
            case Finished(summary=summary):
                self._away = self._away and summary.exit_code == Exit.UNAVAILABLE
                if not self._quiet and (self._verbose or summary.discovered or _odd(summary)):
                    lines.append(round_line(summary))
            case Waiting(reason=reason) if not self._away and not self._quiet:
                # The server may be asked every few seconds: one outage is said once.
                self._away = True
                lines.append(f"server away: {one_line(reason).rstrip('.')}; waiting for it")
            case Back():
                self._away = False
            case _:
                pass
        if lines:
            self._out.text("\n".join(lines) + "\n")

    def tick(self, now: float) -> None:
        """Write what is due while nothing happens; call it about once a second."""
        if self._json is not None:
            self._json.tick(now)

    def flush(self) -> None:
        if self._json is not None:
            self._json.flush()

    def say(self, text: str) -> None:
        """A line for people."""
        if not self._quiet:
            self._out.text(f"{clean(text)}\n")

    def _repeated(self, event: Event) -> bool:
        return not self._verbose and isinstance(event, Settled) and event.item.outcome in _SILENT

    def _mere(self, event: Event) -> bool:
        """True for what a line of the round says, too."""
        return isinstance(event, Stopping) and event.signal is None


def round_line(summary: Summary) -> str:
    """'2 uploaded, 1 already there, 3.4 MiB sent in 1.2 s'."""
    said = said_of("upload")
    counts = [
        f"{number(summary.outcomes[outcome])} {said.label(outcome, dry_run=summary.dry_run)}"
        for outcome in Outcome
        if summary.outcomes.get(outcome)
    ]
    parts = counts or ["nothing to do"]
    if summary.owed:
        parts.append(count(summary.owed, "entry of an album or tag owed", "entries owed"))
    text = f"{', '.join(parts)}, {size(summary.bytes_sent)} sent in {duration(summary.seconds)}"
    if _odd(summary):
        why = one_line(summary.message or "some files failed")
        text += f"; ended with {summary.exit_code}: {why}"
    return text


def _odd(summary: Summary) -> bool:
    return summary.exit_code != Exit.OK

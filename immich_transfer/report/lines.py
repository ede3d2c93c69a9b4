"""The lines that are told as things happen, the same on a terminal and off it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..events import Back, Event, Notice, Retrying, RunStarted, Settled, Stopping
from ..model import ItemResult, Outcome
from .commands import said_of
from .wording import clean, duration, size

HINTS_KEPT = 50
"""A hint is said once, not with every one of ten thousand files."""

_CARRIED = (Outcome.UPLOADED, Outcome.DOWNLOADED, Outcome.CONFLICT)
"""Outcomes that took a body over the wire: its size is told."""


class Line(NamedTuple):
    style: str
    """'failed', 'warn', 'info' or 'dim': what a colour may be made of."""
    lead: str
    text: str

    def plain(self) -> str:
        return f"{self.lead}  {self.text}" if self.lead else self.text


def one_line(text: str) -> str:
    return clean(" ".join(text.split()))


class Told:
    """Decides what is worth a line. Quiet: failures only; -v: every item; -vv: retries too."""

    def __init__(self, *, quiet: bool = False, verbosity: int = 0) -> None:
        self._quiet = quiet
        self._verbosity = 0 if quiet else verbosity
        self._dry_run = False
        self._said = said_of("")
        self._hints: set[str] = set()

    def __call__(self, event: Event) -> Sequence[Line]:
        match event:
            case Settled(item=item):
                if item.outcome is Outcome.FAILED:
                    return self._failed(item)
                return [self._item(item)] if self._verbosity >= 1 else ()
            case RunStarted():
                self._dry_run = event.dry_run
                self._said = said_of(event.command)
            case Notice(text=text) if not self._quiet:
                return [Line("warn", "note", one_line(text))]
            case Back(seconds=seconds) if not self._quiet:
                return [Line("info", "", f"the server is back after {duration(seconds)}")]
            case Stopping(reason=reason) if not self._quiet:
                said = f"{one_line(reason)}: nothing new starts, what is in flight finishes"
                return [Line("warn", "stopping", said)]
            case Retrying() if self._verbosity >= 2:
                said = f"{clean(event.what)} in {duration(event.delay)} — {one_line(event.reason)}"
                return [Line("dim", "retrying", said)]
            case _:
                pass
        return ()

    def _failed(self, item: ItemResult) -> list[Line]:
        why = one_line(item.error or "no reason given")
        lines = [Line("failed", "failed", f"{clean(item.path)} — {why}")]
        if item.hint and item.hint not in self._hints and len(self._hints) < HINTS_KEPT:
            self._hints.add(item.hint)
            lines.append(Line("dim", "", f"        hint: {one_line(item.hint)}"))
        return lines

    def _item(self, item: ItemResult) -> Line:
        told = [clean(item.path)]
        if item.outcome in _CARRIED:
            told.append(f"({size(item.size)})")
        told += [f"— {one_line(why)}" for why in (item.reason, item.note) if why]
        lead = self._said.label(item.outcome, dry_run=self._dry_run)
        width = self._said.label_width(dry_run=self._dry_run)
        return Line("dim", f"{lead:<{width}}", " ".join(told))

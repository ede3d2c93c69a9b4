"""What the summary needs to know of the items, in bounded memory however many there are."""

from __future__ import annotations

from ..events import Event, Finished, RunStarted, Settled
from ..model import ItemResult, Outcome, Summary

FAILED_KEPT = 1000
"""Failed items kept whole; `status` lists them all."""
KINDS_KEPT = 50
"""Different reasons (and notes) counted by name; the rest is counted together."""
OTHER = "other reasons"


def _bump(counts: dict[str, int], kind: str) -> None:
    if kind not in counts and len(counts) >= KINDS_KEPT:
        kind = OTHER
    counts[kind] = counts.get(kind, 0) + 1


class Tally:
    """A listener that gathers failed items, reasons, notes and bytes by outcome."""

    def __init__(self) -> None:
        self.run: RunStarted | None = None
        self.failed: list[ItemResult] = []
        self.failed_count = 0
        self.reasons: dict[str, int] = {}
        """Why files were skipped."""
        self.notes: dict[str, int] = {}
        """What was said of files that are fine."""
        self.bytes: dict[str, int] = {}
        """Sizes of the files by outcome."""
        self.summary: Summary | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Settled(item=item):
                self._settled(item)
            case RunStarted():
                self.run = event
            case Finished(summary=summary):
                self.summary = summary
            case _:
                pass

    def _settled(self, item: ItemResult) -> None:
        outcome = item.outcome
        self.bytes[outcome.value] = self.bytes.get(outcome.value, 0) + item.size
        if outcome is Outcome.FAILED:
            self.failed_count += 1
            if len(self.failed) < FAILED_KEPT:
                self.failed.append(item)
        elif outcome is Outcome.SKIPPED:
            _bump(self.reasons, item.reason or "no reason given")
        if item.note:
            _bump(self.notes, item.note)

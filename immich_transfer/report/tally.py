"""What the summary needs to know of the items, in bounded memory however many there are."""

from __future__ import annotations

from ..events import Event, Finished, RunStarted, Settled
from ..model import ItemResult, Outcome, Summary

FAILED_KEPT = 1000
"""Failed items kept whole; `status` lists them all."""
KINDS_KEPT = 50
"""Different reasons (and notes) counted by name; the rest is counted together."""
OTHER = "other reasons"
NAMED_KEPT = 10
"""Items kept of each outcome whose files somebody may have to look at one by one."""
NAMED = frozenset(
    {
        Outcome.CONFLICT,
        Outcome.REMOVED,
        Outcome.DIFFERS,
        Outcome.TRASHED,
        Outcome.MISSING_LOCAL,
        Outcome.MISSING_REMOTE,
    }
)
_OWN_NOTES = (NAMED | {Outcome.MOVED}) - {Outcome.TRASHED}
"""Outcomes whose notes speak of the one file (a name, a size): no kinds to be counted."""


def _bump(counts: dict[str, int], kind: str) -> None:
    if kind not in counts and len(counts) >= KINDS_KEPT:
        kind = OTHER
    counts[kind] = counts.get(kind, 0) + 1


class Tally:
    """A listener that gathers the items worth naming, reasons, notes and bytes by outcome."""

    def __init__(self) -> None:
        self.run: RunStarted | None = None
        self.failed: list[ItemResult] = []
        self.failed_count = 0
        self.reasons: dict[str, int] = {}
        """Why files were skipped."""
        self.named: dict[Outcome, list[ItemResult]] = {}
        """The first few files of each outcome in `NAMED`."""
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
        self.bytes[outcome] = self.bytes.get(outcome, 0) + item.size
        if outcome is Outcome.FAILED:
            self.failed_count += 1
            if len(self.failed) < FAILED_KEPT:
                self.failed.append(item)
        elif outcome is Outcome.SKIPPED:
            _bump(self.reasons, item.reason or "no reason given")
        elif outcome in NAMED:
            named = self.named.setdefault(outcome, [])
            if len(named) < NAMED_KEPT:
                named.append(item)
        if item.note and outcome not in _OWN_NOTES:
            _bump(self.notes, item.note)

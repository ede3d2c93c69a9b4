"""What every command says in the same words, and what each says in its own.

`Said` is the common part; a command's own module (`said_upload`, `said_download`, `said_check`)
fills in its labels, its advice and how a good end is told. No view asks which command it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import Exit
from ..model import Outcome, Summary
from .wording import count, number, rate, sentence, size

RESUME = "immich-transfer resume"
NAMED_SHOWN = 10
"""Items of one list that the summary names; the rest is counted."""

GOOD, WARN, BAD = "good", "warn", "bad"
TONES: Mapping[str, str] = {
    Outcome.UPLOADED: GOOD,
    Outcome.DOWNLOADED: GOOD,
    Outcome.EQUAL: GOOD,
    Outcome.REMOVED: WARN,
    Outcome.CONFLICT: WARN,
    Outcome.UNVERIFIABLE: WARN,
    Outcome.MISSING_REMOTE: WARN,
    Outcome.MISSING_LOCAL: WARN,
    Outcome.TRASHED: WARN,
    Outcome.DELETED_REMOTELY: WARN,
    Outcome.PENDING: WARN,
    Outcome.DIFFERS: BAD,
    Outcome.FAILED: BAD,
}
"""How an outcome is felt: what a colour may be made of."""

_LABELS: Mapping[str, str] = {
    Outcome.TRASHED: "in the trash",
    Outcome.DELETED_REMOTELY: "deleted there",
    Outcome.PENDING: "not done yet",
}


class Listing(NamedTuple):
    """Items that the summary names one by one, because somebody may have to look at them."""

    outcomes: tuple[Outcome, ...]
    """Most serious first."""
    one: str
    many: str
    """The heading after the number: 'file differs', 'files differ'."""
    rest: str
    """How to have all of them named."""
    tone: str = WARN
    sigils: Mapping[str, str] = {}


class Said:
    """The words of one command."""

    main = Outcome.UPLOADED
    """Its counter is shown from the start, also at nought."""
    there: tuple[Outcome, ...] = ()
    """Outcomes of files that are where they should be, with the right bytes."""
    proves = True
    """`verified` says how many of `there` the server's own checksums bear out."""
    place = "on the server"
    receives = False
    """Bodies come in; they go out otherwise."""
    resumes = True
    """`resume` goes on where it stopped; otherwise the command begins anew."""
    calm = "nothing is lost"
    landed = "being verified"
    """Bodies that moved whole and have no outcome yet."""
    failing = ("failed", "fail")
    """What files did that could not be judged, and what they would do."""
    labels: Mapping[str, str] = {}
    labels_dry: Mapping[str, str] = {}
    advices: Mapping[str, str] = {}
    advices_dry: Mapping[str, str] = {}

    # Parts of a line.

    def label(self, outcome: str, *, dry_run: bool = False) -> str:
        """The outcome in a person's words."""
        if dry_run and outcome in self.labels_dry:
            return self.labels_dry[outcome]
        return self.labels.get(outcome) or _LABELS.get(outcome, outcome)

    def label_width(self, *, dry_run: bool) -> int:
        """Columns that any label of this command fits in."""
        return max([13, *map(len, self.labels_dry.values() if dry_run else ())])

    def advice(self, outcome: str, *, dry_run: bool = False) -> str | None:
        """What stands beside an outcome's number instead of its bytes."""
        if dry_run and outcome in self.advices_dry:
            return self.advices_dry[outcome]
        return self.advices.get(outcome)

    def pace(self, moving: float, hashing: float) -> str | None:
        """The speed, and of what; None where no speed means anything."""
        if hashing > 0 and moving == 0:
            return f"reading {rate(hashing)}"
        return f"receiving {rate(moving)}" if self.receives else rate(moving)

    def moved(self, summary: Summary) -> list[str]:
        """The bodies that went over the wire; a speed stands with the way this command is about."""
        parts = []
        for verb, amount, own_way in (
            ("sent", summary.bytes_sent, not self.receives),
            ("received", summary.bytes_received, self.receives),
        ):
            if amount:
                speed = f" at {rate(amount / max(summary.seconds, 0.001))}" if own_way else ""
                parts.append(f"{verb} {size(amount)}{speed}")
        return parts

    def listings(self, *, dry_run: bool) -> tuple[Listing, ...]:
        return ()

    # The last word.

    def last_word(self, summary: Summary) -> str:
        """One or two sentences: how it stands and what to do next."""
        because = sentence(summary.message) + " " if summary.message else ""
        if summary.dry_run and summary.exit_code in (Exit.OK, Exit.ITEMS_FAILED):
            would = self.dry(summary)
            if would is not None:
                return would
        match summary.exit_code:
            case Exit.OK:
                return because + self.good(summary)
            case Exit.ITEMS_FAILED:
                return because + self._some_failed(summary)
            case Exit.DIFFERENCES:
                return because + self.differences(summary)
            case Exit.UNAVAILABLE:
                return (
                    f"{because or 'The server is not available. '}{self.calm.capitalize()}; "
                    + self.onward("when the server is back")
                )
            case Exit.CANNOT_CONTINUE:
                return (because or "The run cannot go on. ") + self.onward("When that is solved")
            case Exit.LIMIT:
                return (because or "A limit was reached. ") + self.limit(summary)
            case Exit.KEY:
                refused = "The API key was refused. "
                return (because or refused) + self.onward("With a key that may")
            case Exit.INTERRUPTED | Exit.TERMINATED:
                pending = counted(summary, Outcome.PENDING)
                left = f" {count(pending, 'file')} to go." if pending else ""
                return f"Interrupted; {self.calm}.{left} {self.onward('To go on from here')}"
            case _:
                return (because or "The run failed. ") + self.onward("To try again from here")

    def onward(self, when: str) -> str:
        """What to type next."""
        return f"{when}: {RESUME}" if self.resumes else f"{when}, run the same command again."

    def _some_failed(self, summary: Summary) -> str:
        failed = counted(summary, Outcome.FAILED)
        if failed:
            return (
                f"{count(failed, 'file')} {self.failing[0]}{self.rest(summary)}. "
                "Run the same command again when that is solved"
                + (f", or: {RESUME}" if self.resumes else ".")
            )
        if summary.owed:
            entries = count(summary.owed, "album or tag entry", "album or tag entries")
            return f"{entries} still owed. Run the same command again, or: {RESUME}"
        out = count(left_out(summary), "file")
        return f"{out} left out, which --strict counts as a failure."

    def rest(self, summary: Summary) -> str:
        """How everything stands that did not fail."""
        return f"; everything else is {self.place}" if counted(summary, *self.there) else ""

    def limit(self, summary: Summary) -> str:
        return self.onward("To go on from here")

    def differences(self, summary: Summary) -> str:
        return "The two sides differ."

    def dry(self, summary: Summary) -> str | None:
        """What would happen; None for a command that changes nothing anyway."""
        return None

    def good(self, summary: Summary) -> str:
        """The end that was hoped for."""
        return "Everything is done."

    def _trouble(self, summary: Summary) -> str:
        failed = counted(summary, Outcome.FAILED)
        return f" {count(failed, 'file')} would {self.failing[1]}." if failed else ""

    def _standing(self, summary: Summary, asides: list[str]) -> str:
        """'All 300 files are on the server, verified.'; `asides` say why they are not all."""
        n = counted(summary, *self.there)
        if asides:
            who = f"{count(n, 'file')} {is_are(n)}"
        else:
            who = "The file is" if n == 1 else f"All {number(n)} files are"
        if summary.verified >= n:
            proof = ", verified"
        elif summary.verified:
            proof = f", {number(summary.verified)} of them verified"
        else:
            proof = ", not verified"
        aside = f"; {' and '.join(asides)}, as said above" if asides else ""
        return f"{who} {self.place}{proof}{aside}."


def counted(summary: Summary, *outcomes: Outcome) -> int:
    """Files that ended in any of `outcomes`."""
    return sum(summary.outcomes.get(outcome.value, 0) for outcome in outcomes)


def left_out(summary: Summary) -> int:
    return counted(summary, Outcome.TRASHED, Outcome.DELETED_REMOTELY, Outcome.SKIPPED)


def is_are(n: int) -> str:
    return "is" if n == 1 else "are"


def were(n: int, what: str) -> str:
    """'1 file was left out', '3 files were removed'."""
    return f"{count(n, 'file')} {'was' if n == 1 else 'were'} {what}"

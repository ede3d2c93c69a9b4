"""The words of `check` and of its `--scrub`: both compare, and change nothing unless told to."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Outcome, Summary
from .said import BAD, NAMED_SHOWN, Listing, Said, counted, is_are, left_out, were
from .wording import count, number, rate

SIGILS: Mapping[str, str] = {
    Outcome.EQUAL: "=",
    Outcome.UNVERIFIABLE: "=",
    Outcome.MISSING_REMOTE: "+",
    Outcome.MISSING_LOCAL: "-",
    Outcome.DIFFERS: "*",
    Outcome.TRASHED: "*",
    Outcome.FAILED: "!",
}
"""Those of `--combined`, which are rclone's."""


class Check(Said):
    """Is the same on both sides?"""

    main = Outcome.EQUAL
    there = (Outcome.EQUAL, Outcome.UNVERIFIABLE)
    proves = False
    resumes = False
    calm = "nothing was changed"
    failing = ("could not be compared", "fail")
    labels: Mapping[str, str] = {
        Outcome.EQUAL: "the same",
        Outcome.UNVERIFIABLE: "not provable",
        Outcome.MISSING_REMOTE: "only here",
        Outcome.MISSING_LOCAL: "only there",
        Outcome.DIFFERS: "different",
    }
    advices: Mapping[str, str] = {
        Outcome.UNVERIFIABLE: "the server has no checksum of their bytes (external libraries)",
        Outcome.MISSING_REMOTE: "no counterpart there; upload sends what the server lacks",
        Outcome.MISSING_LOCAL: "no counterpart here; download fetches what this disk lacks",
        Outcome.DIFFERS: "the bytes are not the same; both sides were left as they are",
        Outcome.TRASHED: "the server has them, but in its trash",
    }
    different: tuple[Outcome, ...] = (
        Outcome.DIFFERS,
        Outcome.TRASHED,
        Outcome.MISSING_LOCAL,
        Outcome.MISSING_REMOTE,
    )
    """Most serious first."""
    listed = ("file differs", "files differ")

    def pace(self, moving: float, hashing: float) -> str | None:
        if moving > 0:
            return f"receiving {rate(moving)}"
        return f"reading {rate(hashing)}" if hashing > 0 else None

    def listings(self, *, dry_run: bool) -> tuple[Listing, ...]:
        rest = "--combined FILE or --json names every one"
        return (Listing(self.different, *self.listed, rest, BAD, SIGILS),)

    def rest(self, summary: Summary) -> str:
        if not counted(summary, Outcome.EQUAL) or counted(summary, Outcome.UNVERIFIABLE):
            return ""
        return "; everything else is the same on both sides"

    def differences(self, summary: Summary) -> str:
        kinds = [(self.label(each), counted(summary, each)) for each in self.different]
        kinds = [(what, n) for what, n in kinds if n]
        total = sum(n for _, n in kinds)
        if not total:
            return super().differences(summary)
        if len(kinds) == 1:
            said = f"{count(total, 'file')} {is_are(total)} {kinds[0][0]}"
        else:
            parts = ", ".join(f"{number(n)} {what}" for what, n in kinds)
            said = f"{count(total, *self.listed)}: {parts}"
        if total > NAMED_SHOWN:
            where = f"the first {NAMED_SHOWN}"
        else:
            where = "it" if total == 1 else "them"
        said += f"; the lines above name {where}."
        failed, pending = counted(summary, Outcome.FAILED), counted(summary, Outcome.PENDING)
        if failed:
            said += f" {count(failed, 'file')} {self.failing[0]}."
        if pending:
            said += f" {count(pending, 'file')} to go."
        return said + self.mending(summary)

    def mending(self, summary: Summary) -> str:
        """What would put the differences right, where one command does."""
        return ""

    def good(self, summary: Summary) -> str:
        if not summary.discovered:
            return "No files were found: nothing to compare."
        same, unproven = counted(summary, Outcome.EQUAL), counted(summary, Outcome.UNVERIFIABLE)
        out = left_out(summary)
        if not same and not unproven:
            if out:
                return f"Nothing was compared: {were(out, 'left out')}, as said above."
            return super().good(summary)
        said = []
        if same:
            said.append(f"{self._which(same, unproven + out)} {self.sameness(summary)}")
        if unproven:
            said.append(f"{count(unproven, 'file')} {is_are(unproven)} on both sides, not provable")
        if out:
            said.append(were(out, "left out"))
        return "; ".join(said) + (", as said above." if unproven or out else ".")

    def sameness(self, summary: Summary) -> str:
        """What equal files are."""
        return "the same here and on the server, bit for bit"

    @staticmethod
    def _which(n: int, others: int) -> str:
        if others:
            return f"{count(n, 'file')} {is_are(n)}"
        return "The file is" if n == 1 else f"All {number(n)} files are"


class Scrub(Check):
    """Are the bytes on this disk still those that were written?"""

    there = (Outcome.EQUAL, Outcome.DOWNLOADED)
    receives = True
    calm = "nothing is lost"
    failing = ("could not be checked", "fail")
    landed = "being stored"
    labels: Mapping[str, str] = {
        Outcome.EQUAL: "intact",
        Outcome.DOWNLOADED: "fetched again",
        Outcome.DIFFERS: "damaged",
        Outcome.MISSING_LOCAL: "gone",
    }
    labels_dry: Mapping[str, str] = {Outcome.DOWNLOADED: "would fetch again"}
    advices: Mapping[str, str] = {
        Outcome.DIFFERS: "not the bytes that were written: decayed, or edited since",
        Outcome.MISSING_LOCAL: "written once, and not there any more",
    }
    different = (Outcome.DIFFERS, Outcome.MISSING_LOCAL)
    listed = ("file is not as it was written", "files are not as they were written")

    def rest(self, summary: Summary) -> str:
        return "; everything else is intact" if counted(summary, *self.there) else ""

    def mending(self, summary: Summary) -> str:
        if counted(summary, Outcome.DOWNLOADED):
            return ""  # that is what was tried
        return " To fetch from the server what is damaged or gone, add --repair."

    def dry(self, summary: Summary) -> str | None:
        would = counted(summary, Outcome.DOWNLOADED)
        if not would:
            return None
        said = f"Dry run: would fetch {count(would, 'file')} again; nothing was received."
        return said + self._trouble(summary)

    def good(self, summary: Summary) -> str:
        again, out = counted(summary, Outcome.DOWNLOADED), left_out(summary)
        whole = counted(summary, *self.there)
        if not whole:
            return super().good(summary)
        said = f"{self._which(whole, out)} intact, bit for bit as written"
        if again:
            said += f"; {were(again, 'fetched again')}"
        if out:
            said += f"; {were(out, 'left out')}, as said above"
        return f"{said}."

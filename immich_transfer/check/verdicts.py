"""What all checks have in common: their exit code, and how the bytes were proven."""

from __future__ import annotations

from immich_transfer.errors import Exit
from immich_transfer.model import Outcome
from immich_transfer.pipeline.conduct import Ending
from immich_transfer.pipeline.run import Books, Run

DIFFERENT = (
    Outcome.MISSING_REMOTE,
    Outcome.MISSING_LOCAL,
    Outcome.DIFFERS,
    Outcome.TRASHED,
)
JUDGED = (Outcome.EQUAL, Outcome.UNVERIFIABLE, *DIFFERENT)


class Proof:
    """Bytes that were compared, by how we know what they are."""

    def __init__(self) -> None:
        self.read = 0
        """Read now."""
        self.known = 0
        """Read in an earlier run, and untouched since by size, date and inode."""

    def note(self) -> str | None:
        """One sentence for the summary."""
        if not self.read and not self.known:
            return None
        if not self.known:
            return f"proven by reading: {self.read:,} bytes"
        if not self.read:
            return (
                f"nothing was read now: {self.known:,} bytes were read before and are untouched"
                " since, by size, date and inode (--read reads all)"
            )
        return (
            f"proven by reading now: {self.read:,} bytes; read before and untouched since, by"
            f" size, date and inode: {self.known:,} bytes (--read reads all)"
        )


def ending(run: Run, books: Books, proof: Proof) -> Ending:
    """Close the books of a check."""
    codes = run.closing_codes(books, JUDGED)
    if any(run.totals.outcomes.get(outcome) for outcome in DIFFERENT):
        codes.append(Exit.DIFFERENCES)
    said = proof.note()
    if said is not None:
        run.note(said)
    return Ending(codes, books.problems)

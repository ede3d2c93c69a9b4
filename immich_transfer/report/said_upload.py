"""The words of `upload`."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Outcome, Summary
from .said import Said, counted, left_out, were
from .wording import count


class Upload(Said):
    """What is on this disk goes to the server."""

    there = (Outcome.UPLOADED, Outcome.DUPLICATE)
    labels: Mapping[str, str] = {Outcome.DUPLICATE: "already there"}
    labels_dry: Mapping[str, str] = {Outcome.UPLOADED: "would upload"}
    advices: Mapping[str, str] = {
        Outcome.TRASHED: "left there; --trashed restore or --trashed reupload changes that",
        Outcome.DELETED_REMOTELY: "left deleted; --deleted reupload sends them again",
    }

    def dry(self, summary: Summary) -> str:
        would = counted(summary, Outcome.UPLOADED)
        if would:
            said = f"Dry run: would upload {count(would, 'file')}; nothing was sent."
        else:
            said = "Dry run: nothing would be uploaded."
        return said + self._trouble(summary)

    def good(self, summary: Summary) -> str:
        out = left_out(summary)
        if not summary.discovered:
            return "No files were found: nothing to do."
        if counted(summary, *self.there):
            return self._standing(summary, [were(out, "left out")] if out else [])
        if out:
            return f"Nothing was sent: {were(out, 'left out')}, as said above."
        return super().good(summary)

"""The words of `download` and `mirror`."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Outcome, Summary
from .said import Listing, Said, counted, is_are, left_out, were
from .wording import count, number

_ALL_NAMED = "-v or --json names every one"

_WOULD = (
    (Outcome.DOWNLOADED, "download"),
    (Outcome.MOVED, "move"),
    (Outcome.CONFLICT, "keep both versions of"),
    (Outcome.REMOVED, "remove"),
)


class Download(Said):
    """What is on the server comes to this disk; nothing leaves it."""

    main = Outcome.DOWNLOADED
    there = (Outcome.DOWNLOADED, Outcome.UNCHANGED, Outcome.MOVED, Outcome.CONFLICT)
    place = "on this disk"
    receives = True
    landed = "being stored"
    labels: Mapping[str, str] = {Outcome.UNCHANGED: "already here", Outcome.CONFLICT: "kept both"}
    labels_dry: Mapping[str, str] = {
        Outcome.DOWNLOADED: "would download",
        Outcome.MOVED: "would move",
        Outcome.REMOVED: "would remove",
        Outcome.CONFLICT: "would keep both",
    }
    advices: Mapping[str, str] = {
        Outcome.MOVED: "renamed here, as on the server",
        Outcome.REMOVED: "no longer part of it on the server; kept in the trash folder",
        Outcome.CONFLICT: "the local file differed; it is kept beside as “name (local).ext”",
    }
    advices_dry: Mapping[str, str] = {
        Outcome.MOVED: "as on the server",
        Outcome.REMOVED: "no longer part of it on the server; would go to the trash folder",
        Outcome.CONFLICT: "the local file differs; it would stay beside as “name (local).ext”",
    }

    def listings(self, *, dry_run: bool) -> tuple[Listing, ...]:
        how = "would be" if dry_run else None
        beside = "kept beside the server's"
        return (
            Listing(
                (Outcome.CONFLICT,),
                f"local file {how or 'was'} {beside}",
                f"local files {how or 'were'} {beside}",
                _ALL_NAMED,
            ),
            Listing(
                (Outcome.REMOVED,),
                f"file {how or 'was'} removed",
                f"files {how or 'were'} removed",
                _ALL_NAMED,
            ),
        )

    def dry(self, summary: Summary) -> str:
        would: list[str] = []
        for outcome, verb in _WOULD:
            n = counted(summary, outcome)
            if n:
                would.append(f"{verb} {number(n) if would else count(n, 'file')}")
        if not would:
            return "Dry run: nothing would be received." + self._trouble(summary)
        *some, last = would
        said = f"{', '.join(some)} and {last}" if some else last
        return f"Dry run: would {said}; nothing was received.{self._trouble(summary)}"

    def good(self, summary: Summary) -> str:
        out, removed = left_out(summary), counted(summary, Outcome.REMOVED)
        asides = [were(out, "left out")] if out else []
        if removed:
            asides.append(were(removed, "removed"))
        if not summary.discovered:
            return "No assets were found: nothing to do."
        if counted(summary, *self.there):
            return self._standing(summary, asides)
        if asides:
            return f"Nothing was received: {' and '.join(asides)}, as said above."
        return super().good(summary)


class Mirror(Download):
    """A download that also follows what was renamed, moved or removed on the server."""

    def limit(self, summary: Summary) -> str:
        if counted(summary, Outcome.REMOVED):
            return super().limit(summary)
        if counted(summary, Outcome.FAILED, Outcome.PENDING):
            return f"Nothing was removed. {super().limit(summary)}"
        # The guard on removals spoke: going on would only hear it again.
        here = counted(summary, *self.there)
        rest = f"; {count(here, 'file')} {is_are(here)} {self.place}" if here else ""
        return f"Nothing was removed{rest}."

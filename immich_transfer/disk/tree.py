"""Go through folders, one listing at a time: the part of the walk that chooses where to go.

Depth first without recursion, names sorted, so every walk of the same tree is the same. Links to
folders wait until all real places were visited: a folder is then shown by its real place.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from operator import attrgetter

import msgspec

from immich_transfer.failpoints import ARMED, refusal
from immich_transfer.model import LocalFile, Skipped, Unreadable
from immich_transfer.policy.filters import Filters

from .crowd import Crowd
from .roots import CACHE_TAG, Entry, Place, Plan, Reach, fault, join

PIECE = 30_000
"""Entries held at once; a folder with as many or more is a crowd."""
_by_name = attrgetter("name")
_by_path = attrgetter("path")


class WalkBatch(msgspec.Struct):
    """What was found since the last batch, in the order of the walk."""

    files: list[LocalFile] = []
    skipped: list[Skipped] = []
    unreadable: list[Unreadable] = []
    orphan_sidecars: list[str] = []
    """Sidecars without their photo, as a person would type them."""


class Tree:
    """The folders below the starts of a plan; what is left out on the way goes to `found`."""

    __slots__ = ("_filters", "_follow", "_links", "_plan", "_reach", "_stack", "_visited", "found")

    def __init__(self, plan: Plan, filters: Filters, reach: Reach, *, follow_links: bool) -> None:
        self.found = WalkBatch(unreadable=list(plan.unreadable))
        self._plan = plan
        self._filters = filters
        self._reach = reach
        self._follow = follow_links
        self._stack: list[Place] = []
        self._links: deque[Place] = deque()
        self._visited: set[str] = set()
        """Real folders, only kept when links are followed: nothing else leads in a circle."""

    def listings(self) -> Iterator[tuple[Place, Iterable[Entry], bool]]:
        """Each folder with what is no folder in it; True when only named files are meant."""
        for start in self._plan.starts:
            if start.named is not None:
                yield start.place, list(start.named), True
                continue
            yield from self._below(start.place)
        while self._links:
            place = self._links.popleft()
            if place.real in self._visited:
                self._skip(place.label, "link to a folder that is visited anyway")
            else:
                yield from self._below(place)

    def _below(self, start: Place) -> Iterator[tuple[Place, Iterable[Entry], bool]]:
        self._stack.append(start)
        while self._stack:
            place = self._stack.pop()
            if self._follow:
                if place.real in self._visited:
                    continue
                self._visited.add(place.real)
            pieces = self._pieces(place)
            entries = next(pieces)
            if (
                place is not start
                # In a crowd the tag may come later.
                and (len(entries) == PIECE or any(entry.name == CACHE_TAG for entry in entries))
                and self._reach.leaves_cache(place.path)
            ):
                self._skip(place.label, f"cache folder ({CACHE_TAG})")
                continue
            yield place, self._sort_out(place, entries, pieces), False

    def _pieces(self, place: Place) -> Iterator[list[os.DirEntry[str]]]:
        """The listing in sorted pieces; at least one, perhaps empty."""
        entries: list[os.DirEntry[str]] = []
        try:
            if ARMED:
                refusal("disk.list")
            with os.scandir(place.path) as listing:
                for entry in listing:
                    if len(entries) == PIECE:
                        entries.sort(key=_by_name)
                        yield entries
                        entries = []
                    entries.append(entry)
        except OSError as error:  # what was listed before the trouble is kept
            self.found.unreadable.append(Unreadable(place.label, fault(error)))
        entries.sort(key=_by_name)
        yield entries

    def _sort_out(
        self,
        place: Place,
        entries: list[os.DirEntry[str]],
        more: Iterator[list[os.DirEntry[str]]],
    ) -> Iterable[Entry]:
        """Put the folders on the stack; return the rest that is not left out by its name."""
        folders: list[Place] = []
        rest, left_out = self._sorted_out(place, entries, folders)
        crowd: Crowd | None = None
        if len(entries) == PIECE:
            crowd = Crowd(place.path)
            crowd.add([entry.name for entry in rest])
            for piece in more:
                some, count = self._sorted_out(place, piece, folders)
                crowd.add([entry.name for entry in some])
                left_out += count
            folders.sort(key=_by_path)
        if left_out:
            self._skip(place.label, f"hidden or system files: {left_out:,} left out")
        self._stack += reversed(folders)
        return rest if crowd is None else crowd

    def _sorted_out(
        self, place: Place, entries: list[os.DirEntry[str]], folders: list[Place]
    ) -> tuple[list[Entry], int]:
        """Of one piece: what is neither folder nor left out, and how many were left out."""
        rest: list[Entry] = []
        left_out = 0
        leaves_file = self._reach.leaves_file
        named = self._plan.real_files
        for entry in entries:
            name = entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    self._folder(place, name, folders)
                elif named and join(place.real, name) in named:
                    continue
                elif leaves_file(name):
                    left_out += 1
                elif not entry.is_symlink() or self._link_to_file(place, entry):
                    rest.append(entry)
            except OSError as error:
                self.found.unreadable.append(Unreadable(place.shown + name, fault(error)))
        return rest, left_out

    def _folder(self, place: Place, name: str, folders: list[Place]) -> None:
        below = place.below(name)
        if below.real in self._plan.real_folders:
            return  # named itself: it has a start of its own
        reason = self._reach.leaves_folder(name) or self._filters.prunes(below.folder)
        if reason is None:
            folders.append(below)
        else:
            self._skip(below.label, reason)

    def _link_to_file(self, place: Place, entry: os.DirEntry[str]) -> bool:
        """True when the link leads to something that is no folder."""
        name = entry.name
        shown = place.shown + name
        try:
            mode = entry.stat().st_mode
        except FileNotFoundError:
            self._skip(shown, "broken link")
            return False
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            self._skip(shown, "broken link: it leads to itself")
            return False
        if not stat.S_ISDIR(mode):
            return True
        path = place.path + name
        folder = f"{place.folder}/{name}" if place.folder else name
        reason = self._reach.leaves_folder(name) or self._filters.prunes(folder)
        if reason is not None:
            self._skip(shown, reason)
        elif self._follow:
            self._links.append(place.below(name, os.path.realpath(path)))
        else:
            self._skip(shown, "link to a folder")
        return False

    def _skip(self, shown: str, reason: str) -> None:
        self.found.skipped.append(Skipped(shown, reason))

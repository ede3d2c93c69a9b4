"""What one round looks at: everything that is at rest, or only the files that are finished.

Both are the ordinary walk of an upload, so filters, albums and sidecars mean the same. A round for
a few files enters only the folders that lead to them, and `stat`s nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from immich_transfer.disk.roots import Reach
from immich_transfer.disk.walk import WalkBatch, walk
from immich_transfer.policy.filters import Filters

from .settle import Stamp, at_rest

_OTHER = "not meant by this round"


class Meant:
    """Which notifications are worth a look: by name alone, before the disk is asked."""

    def __init__(self, roots: Sequence[str], *, hidden: bool, default_excludes: bool) -> None:
        self._roots = tuple(roots)
        self._reach = Reach(hidden, default_excludes)
        self.filters: Filters | None = None
        """Known once the server told which kinds of files it takes."""

    def folder(self, path: str) -> bool:
        """True for a folder that a walk would enter."""
        relative = self._below(path)
        return relative is not None and all(map(self._enters, relative.split(os.sep)))

    def file(self, path: str) -> bool:
        """True for a file that an upload may want."""
        folder, name = os.path.split(path)
        if not name or not self.folder(folder) or self._reach.leaves_file(name):
            return False
        return self.filters is None or self.filters.by_name(name) is None

    def _enters(self, name: str) -> bool:
        return not name or self._reach.leaves_folder(name) is None

    def _below(self, path: str) -> str | None:
        """The path below its root; '' for the root itself. The longest root counts: it was named,
        so it is meant whatever it is in."""
        best: str | None = None
        for root in self._roots:
            if path == root:
                return ""
            inside = root if root.endswith(os.sep) else root + os.sep
            if path.startswith(inside):
                relative = path[len(inside) :]
                best = relative if best is None or len(relative) < len(best) else best
        return best


class Round:
    """The walk of one round, to be given to `run_upload`."""

    def __init__(
        self,
        meant: Meant,
        *,
        only: frozenset[str] | None,
        waiting: frozenset[str],
        settle: float,
        now_ns: int,
    ) -> None:
        self._meant = meant
        self._only = only
        self._waiting = waiting
        self._settle = settle
        self._now_ns = now_ns
        self.young: dict[str, Stamp] = {}
        """Files that were left out because they may still be written."""

    def walk(self, roots: Sequence[str], filters: Filters, **how: Any) -> Iterator[WalkBatch]:
        """As `disk.walk.walk`; in worker threads, perhaps in two at once."""
        self._meant.filters = filters
        if self._only is not None:
            yield from self._few(roots, filters, self._only, how)
            return
        for batch in walk(roots, filters, **how):
            batch.files = [file for file in batch.files if self._at_rest(file)]
            yield batch

    def _at_rest(self, file: Any) -> bool:
        if file.path in self._waiting:
            return False
        stamp = Stamp(file.fingerprint.size, file.fingerprint.mtime_ns)
        if at_rest(stamp.mtime_ns, self._now_ns, self._settle):
            return True
        self.young[file.path] = stamp
        return False

    def _few(
        self, roots: Sequence[str], filters: Filters, only: frozenset[str], how: dict[str, Any]
    ) -> Iterator[WalkBatch]:
        for batch in walk(roots, Chosen(filters, roots, only), **how):
            batch.files = [file for file in batch.files if file.path in only]
            # What else was met on the way is told of by the rounds that look at everything.
            batch.skipped = []
            batch.orphan_sidecars = []
            batch.unreadable = [u for u in batch.unreadable if os.path.abspath(u.shown) in only]
            yield batch


class Chosen(Filters):
    """Filters that leave out everything but some files, and every folder not leading to one."""

    __slots__ = ("_folders", "_names")

    def __init__(self, filters: Filters, roots: Sequence[str], only: Collection[str]) -> None:
        for slot in Filters.__slots__:
            setattr(self, slot, getattr(filters, slot))
        self._names = {os.path.basename(path) for path in only}
        self._folders: set[str] = set()
        for root in map(os.path.abspath, roots):
            inside = root if root.endswith(os.sep) else root + os.sep
            for path in only:
                if path.startswith(inside):
                    self._add(os.path.dirname(path)[len(inside) :].replace(os.sep, "/"))

    def _add(self, folder: str) -> None:
        """A folder below some root, and all on the way to it."""
        while folder and folder not in self._folders:
            self._folders.add(folder)
            folder = folder.rpartition("/")[0]

    def by_name(self, name: str) -> str | None:
        return super().by_name(name) if name in self._names else _OTHER

    def prunes(self, folder: str) -> str | None:
        return super().prunes(folder) if folder in self._folders else _OTHER

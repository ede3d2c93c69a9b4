"""Walk files and folders and say of each thing found what it is.

    roots ─► Tree: one folder's listing at a time, sorted ─► walk: kind, stat, sidecar ─► WalkBatch

Synchronous and lazy: the caller pulls batches in a worker thread, the first ones small so that the
rest of the pipeline starts at once. Memory holds one folder's listing (of a crowded one only the
names, packed), the folders still to visit and the batch. Nothing is opened but folders, and the tag
file of caches.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from immich_transfer.model import Fingerprint, LocalFile, Skipped, Unreadable
from immich_transfer.policy.filters import Filters

from .roots import Entry, Place, Reach, fault, plan_roots
from .sidecar import Sidecars, sidecar_stamp
from .tree import Tree, WalkBatch

__all__ = ["WalkBatch", "folders", "walk"]

FIRST_BATCHES = (64, 256)
"""Nothing can be hashed or sent before the first batch arrives."""
SIDECAR_EXTENSIONS = frozenset({".xmp"})
_WINDOWS = os.name == "nt"


def walk(
    roots: Sequence[str],
    filters: Filters,
    *,
    sidecars: bool = True,
    hidden: bool = False,
    default_excludes: bool = True,
    follow_links: bool = False,
    sidecar_extensions: frozenset[str] = SIDECAR_EXTENSIONS,
    batch: int = 1000,
    cwd: str | None = None,
) -> Iterator[WalkBatch]:
    """All files at and below `roots`, each exactly once, and all that was left out.

    A batch holds about `batch` entries; one may be empty where there are only folders. The first
    pull raises UsageError for a root that does not exist.
    """
    reach = Reach(hidden, default_excludes)
    tree = Tree(plan_roots(roots, reach, cwd), filters, reach, follow_links=follow_links)
    endings = tuple(sidecar_extensions)
    sizes = iter(FIRST_BATCHES)
    room = min(next(sizes), batch)
    by_name, by_content = filters.by_name, filters.by_content
    for place, entries, named in tree.listings():
        path, shown, root, folder = place.path, place.shown, place.root, place.folder
        below = folder + "/" if folder else ""
        companions = _sidecars(place, entries, named, filters, endings) if sidecars else None
        found = tree.found
        room -= 1
        for entry in entries:
            room -= 1
            if room <= 0:
                yield found
                found = tree.found = WalkBatch()
                room = min(next(sizes, batch), batch)
            name = entry.name
            try:
                if not entry.is_file():
                    found.skipped.append(Skipped(shown + name, _kind(entry)))
                    continue
                reason = by_name(name)
                sidecar = stamp = None
                if companions is not None and (reason is None or filters.supported(name)):
                    sidecar = companions.of(name)
                if reason is not None:
                    if not name.lower().endswith(endings):  # those are told of as orphans
                        found.skipped.append(Skipped(shown + name, reason))
                    continue
                # The listing of Windows knows no inode, but an open file does: they must agree.
                status = os.stat(path + name) if _WINDOWS else entry.stat()
            except OSError as error:
                found.unreadable.append(Unreadable(shown + name, fault(error)))
                continue
            size, mtime_ns = status.st_size, status.st_mtime_ns
            reason = by_content(below + name, size, mtime_ns)
            if reason is not None:
                found.skipped.append(Skipped(shown + name, reason, size))
                continue
            if sidecar is not None:
                sidecar = path + sidecar
                stamp = sidecar_stamp(sidecar)
                if stamp is None:
                    sidecar = None
            found.files.append(
                LocalFile(
                    path + name,
                    shown + name,
                    folder,
                    root,
                    Fingerprint(size, mtime_ns, status.st_ino),
                    sidecar,
                    stamp,
                )
            )
        if companions is not None:
            given = {entry.name for entry in entries}
            found.orphan_sidecars += [
                shown + name for name in companions.orphans() if name in given
            ]
        if room <= 0:
            yield found
            tree.found = WalkBatch()
            room = min(next(sizes, batch), batch)
    if tree.found != WalkBatch():
        yield tree.found


def folders(
    roots: Sequence[str],
    filters: Filters,
    *,
    hidden: bool = False,
    default_excludes: bool = True,
    follow_links: bool = False,
    cwd: str | None = None,
) -> Iterator[tuple[str, str]]:
    """Root and folder (as in `LocalFile`) of all folders with a wanted file, without any `stat`."""
    reach = Reach(hidden, default_excludes)
    tree = Tree(plan_roots(roots, reach, cwd), filters, reach, follow_links=follow_links)
    for place, entries, _ in tree.listings():
        tree.found = WalkBatch()  # the walk tells what is left out
        below = place.folder + "/" if place.folder else ""
        for entry in entries:
            name = entry.name
            if filters.by_name(name) is None and filters.by_pattern(below + name) is None:
                yield place.root, place.folder
                break


def _sidecars(
    place: Place, entries: Iterable[Entry], named: bool, filters: Filters, endings: tuple[str, ...]
) -> Sidecars | None:
    """The sidecars of a folder; None when there are none, as nearly everywhere."""
    names = [entry.name for entry in entries if entry.name.lower().endswith(endings)]
    if named:
        with suppress(OSError):  # a file may be readable in a folder that cannot be listed
            names += [name for name in os.listdir(place.path) if name.lower().endswith(endings)]
    if not names:
        return None
    below = place.folder + "/" if place.folder else ""
    usable = [
        name
        for name in sorted(set(names))
        if os.path.isfile(place.path + name) and filters.excluded(below + name) is None
    ]
    return Sidecars(usable) if usable else None


def _kind(entry: Entry) -> str:
    mode = entry.stat().st_mode
    for test, kind in (
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISCHR, "a character device"),
    ):
        if test(mode):
            return f"not a regular file: {kind}"
    return "not a regular file"

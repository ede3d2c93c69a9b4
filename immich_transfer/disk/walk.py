"""Walking the user's folders: every file once, with its fate, in an order that does not change.

Synchronous and lazy, for a worker thread. One folder's listing and one batch are held at a time,
so memory does not grow with the library. Nothing is opened; a file costs one `stat`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

import msgspec

from immich_transfer.errors import UsageError
from immich_transfer.model import Fingerprint, LocalFile, Skipped, Unreadable
from immich_transfer.policy.filters import Filters, junk_file, junk_folder
from immich_transfer.policy.filters import hidden as is_hidden

from .sidecar import Sidecars

FIRST_BATCHES = (64, 256)
"""The first batches are small, so that hashing and sending start at once."""
BATCH = 1000


class WalkBatch(msgspec.Struct, gc=False):
    """What one stretch of the walk found."""

    files: list[LocalFile] = []
    skipped: list[Skipped] = []
    unreadable: list[Unreadable] = []
    orphan_sidecars: list[str] = []

    def __len__(self) -> int:
        return len(self.files) + len(self.skipped) + len(self.unreadable)


class Root(msgspec.Struct, frozen=True):
    """One path as given: what to walk, and how to show what is below it."""

    path: str
    shown: str
    is_folder: bool


def roots_of(paths: Sequence[str]) -> list[Root]:
    """The given paths, without those that lie inside another or were given twice.

    Raises UsageError for a path that does not exist.
    """
    found: dict[str, Root] = {}
    for given in paths:
        path = os.path.abspath(given)
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        except OSError as error:
            raise UsageError(
                f"{printable(given)}: {(error.strerror or 'cannot be read').lower()}"
            ) from None
        found.setdefault(os.path.realpath(path), Root(path, given.rstrip("/") or "/", is_folder))
    return [root for real, root in found.items() if not _inside_another(real, found)]


def _inside_another(real: str, roots: dict[str, Root]) -> bool:
    parent = os.path.dirname(real)
    while True:
        root = roots.get(parent)
        if root is not None and root.is_folder and parent != real:
            return True
        if parent == os.path.dirname(parent):
            return False
        parent = os.path.dirname(parent)


def walk(
    roots: Sequence[str],
    filters: Filters,
    *,
    sidecars: bool = True,
    hidden: bool = False,
    default_excludes: bool = True,
    follow_links: bool = False,
    sidecar_extensions: frozenset[str] = frozenset({".xmp"}),
) -> Iterator[WalkBatch]:
    """Batches of everything below `roots`, until all of it was seen. Raises UsageError."""
    return Walker(
        filters,
        sidecars=sidecars,
        hidden=hidden,
        default_excludes=default_excludes,
        follow_links=follow_links,
        sidecar_extensions=sidecar_extensions,
    ).walk(roots_of(roots))


def folders(
    roots: Sequence[str],
    filters: Filters,
    *,
    hidden: bool = False,
    default_excludes: bool = True,
    follow_links: bool = False,
) -> Iterator[tuple[str, str]]:
    """(root, folder below it) of every folder that holds a file the server may take.

    Names only, no stat: for deciding album names ahead of the walk.
    """
    walker = Walker(
        filters, hidden=hidden, default_excludes=default_excludes, follow_links=follow_links
    )
    for root in roots_of(roots):
        if not root.is_folder:
            yield os.path.dirname(root.path), ""
            continue
        for folder, listing in walker.folders(root, WalkBatch()):
            if any(filters.is_media(entry.name) for entry in listing):
                yield root.path, folder


class Walker:
    """The rules of one walk, and the real folders it has been in (only when links are followed)."""

    def __init__(
        self,
        filters: Filters,
        *,
        sidecars: bool = True,
        hidden: bool = False,
        default_excludes: bool = True,
        follow_links: bool = False,
        sidecar_extensions: frozenset[str] = frozenset({".xmp"}),
    ) -> None:
        self._filters = filters
        self._sidecars = sidecars
        self._hidden = hidden
        self._default_excludes = default_excludes
        self._follow_links = follow_links
        self._sidecar_extensions = tuple(sidecar_extensions)
        self._been: set[tuple[int, int]] = set()
        self._batch = WalkBatch()
        """Where what is left out is put; renewed with every batch."""

    def walk(self, roots: Sequence[Root]) -> Iterator[WalkBatch]:
        batch = WalkBatch()
        sizes = iter(FIRST_BATCHES)
        size = next(sizes)
        for root in roots:
            if not root.is_folder:
                self._lone_file(root, batch)
            for folder, listing in self.folders(root, batch) if root.is_folder else ():
                # A flat folder may hold 50,000 files: it is taken in stretches, too.
                stretch = self._sidecars_of(listing) if self._sidecars else None
                for start in range(0, len(listing), BATCH):
                    self._files(root, folder, listing[start : start + BATCH], stretch, batch)
                    if len(batch) >= size:
                        yield batch
                        batch = self._batch = WalkBatch()
                        size = next(sizes, BATCH)
                if stretch is not None:
                    shown = _joined(root.shown, folder)
                    batch.orphan_sidecars += [f"{shown}/{name}" for name in stretch.orphans()]
        yield batch

    def folders(self, root: Root, batch: WalkBatch) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
        """Each folder below the root with its non-folder entries, sorted by name.

        What is left out or cannot be read goes to `batch`, or to the one that came after it.
        """
        self._batch = batch
        stack = [""]
        while stack:
            folder = stack.pop()
            path = f"{root.path}/{folder}" if folder else root.path
            shown = _joined(root.shown, folder)
            if self._follow_links and self._been_here(path):
                self._note(Skipped(shown, "already seen through another path"))
                continue
            try:
                with os.scandir(path) as entries:
                    listing = sorted(entries, key=_name)
            except OSError as error:
                self._unreadable(shown, error)
                continue
            if self._default_excludes and folder and any(e.name == "CACHEDIR.TAG" for e in listing):
                self._note(Skipped(shown, "a cache folder (CACHEDIR.TAG)"))
                continue
            files: list[os.DirEntry[str]] = []
            inner: list[str] = []
            left_out = 0
            for entry in listing:
                name = entry.name
                try:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if not is_folder and entry.is_symlink() and entry.is_dir():
                        if not self._follow_links:
                            self._note(Skipped(f"{shown}/{name}", "a link to a folder"))
                            continue
                        is_folder = True
                except OSError as error:
                    self._unreadable(f"{shown}/{name}", error)
                    continue
                if self._left_out(name, is_folder):
                    if is_folder:
                        self._note(Skipped(f"{shown}/{name}", "a hidden or system folder"))
                    else:
                        left_out += 1
                elif is_folder:
                    inner.append(f"{folder}/{name}" if folder else name)
                else:
                    files.append(entry)
            if left_out:
                what = "file" if left_out == 1 else "files"
                self._note(Skipped(shown, f"{left_out} hidden or system {what}"))
            stack.extend(reversed(inner))
            yield folder, files

    def _note(self, skipped: Skipped) -> None:
        self._batch.skipped.append(skipped)

    def _unreadable(self, shown: str, error: OSError) -> None:
        self._batch.unreadable.append(Unreadable(shown, _reason(error)))

    def _left_out(self, name: str, is_folder: bool) -> bool:
        if self._default_excludes and (junk_folder(name) if is_folder else junk_file(name)):
            return True
        return not self._hidden and is_hidden(name)

    def _been_here(self, path: str) -> bool:
        """True when this real folder was walked already; else it counts as walked now."""
        try:
            status = os.stat(path)
        except OSError:
            return False
        key = (status.st_dev, status.st_ino)
        if key in self._been:
            return True
        self._been.add(key)
        return False

    def _sidecars_of(self, listing: list[os.DirEntry[str]]) -> Sidecars | None:
        names = [e.name for e in listing if e.name.lower().endswith(self._sidecar_extensions)]
        return Sidecars(names) if names else None

    def _files(
        self,
        root: Root,
        folder: str,
        entries: Sequence[os.DirEntry[str]],
        sidecars: Sidecars | None,
        batch: WalkBatch,
    ) -> None:
        prefix = f"{root.path}/{folder}/" if folder else f"{root.path.rstrip('/')}/"
        shown_prefix = _joined(root.shown, folder).rstrip("/") + "/"
        verdict = self._filters.verdict
        for entry in entries:
            name = entry.name
            if sidecars is not None and name.lower().endswith(self._sidecar_extensions):
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:
                if entry.is_symlink():
                    batch.skipped.append(Skipped(shown_prefix + name, "a broken link"))
                else:
                    batch.unreadable.append(
                        Unreadable(shown_prefix + name, "it vanished during the walk")
                    )
                continue
            except OSError as error:
                batch.unreadable.append(Unreadable(shown_prefix + name, _reason(error)))
                continue
            if not stat.S_ISREG(status.st_mode):
                batch.skipped.append(Skipped(shown_prefix + name, _kind(status.st_mode)))
                continue
            size, mtime_ns = status.st_size, status.st_mtime_ns
            relative = f"{folder}/{name}" if folder else name
            why_not = verdict(relative, name, size, mtime_ns)
            if why_not is not None:
                batch.skipped.append(Skipped(shown_prefix + name, why_not, size))
                continue
            sidecar = stamp = None
            if sidecars is not None:
                sidecar, stamp = _sidecar_at(prefix, sidecars.of(name))
            batch.files.append(
                LocalFile(
                    prefix + name,
                    shown_prefix + name,
                    folder,
                    root.path,
                    Fingerprint(size, mtime_ns, status.st_ino),
                    sidecar,
                    stamp,
                )
            )

    def _lone_file(self, root: Root, batch: WalkBatch) -> None:
        """A file named by the user: taken even when hidden, but only if it is media."""
        folder, name = os.path.split(root.path)
        try:
            status = os.stat(root.path)
        except OSError as error:
            batch.unreadable.append(Unreadable(root.shown, _reason(error)))
            return
        why_not = (
            self._filters.verdict(name, name, status.st_size, status.st_mtime_ns)
            if stat.S_ISREG(status.st_mode)
            else _kind(status.st_mode)
        )
        if why_not is not None:
            batch.skipped.append(Skipped(root.shown, why_not, status.st_size))
            return
        sidecar = stamp = None
        if self._sidecars:
            try:
                names = [
                    n for n in os.listdir(folder) if n.lower().endswith(self._sidecar_extensions)
                ]
            except OSError:
                names = []
            sidecar, stamp = _sidecar_at(folder.rstrip("/") + "/", Sidecars(names).of(name))
        batch.files.append(
            LocalFile(
                root.path,
                root.shown,
                "",
                folder,
                Fingerprint(status.st_size, status.st_mtime_ns, status.st_ino),
                sidecar,
                stamp,
            )
        )


def printable(path: str) -> str:
    """A path for a message: one line, no bytes that a terminal would obey."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _joined(shown: str, folder: str) -> str:
    return f"{shown.rstrip('/')}/{folder}" if folder else shown


def _sidecar_at(prefix: str, name: str | None) -> tuple[str | None, str | None]:
    if name is None:
        return None, None
    try:
        status = os.stat(prefix + name)
    except OSError:
        return None, None
    return prefix + name, f"{status.st_size}:{status.st_mtime_ns}"


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "not a file: a pipe"
    if stat.S_ISSOCK(mode):
        return "not a file: a socket"
    return "not a file: a device"

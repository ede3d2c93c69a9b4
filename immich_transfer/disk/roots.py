"""The files and folders that were named, made into the places where a walk starts.

Paths are literal. What is inside another root is left to that one, so that no file is found twice
and no memory of visited files is needed; only what the outer walk would leave out (it was named,
so it is meant) starts for itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Protocol

import msgspec

from immich_transfer.errors import UsageError
from immich_transfer.model import Unreadable
from immich_transfer.policy.filters import hidden, junk_file, junk_folder

CACHE_TAG = "CACHEDIR.TAG"
_CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
"""The first bytes of a tag that counts (bford.info/cachedir)."""


class Entry(Protocol):
    """The part of `os.DirEntry` that a walk asks for what is not a folder."""

    @property
    def name(self) -> str: ...

    def is_file(self) -> bool: ...

    def stat(self) -> os.stat_result: ...


class Named:
    """A file that was named itself; asked like an `os.DirEntry`."""

    __slots__ = ("_path", "name")

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._path = path

    def is_file(self) -> bool:
        return stat.S_ISREG(self.stat().st_mode)

    def stat(self) -> os.stat_result:
        return os.stat(self._path)


class Place(msgspec.Struct, frozen=True):
    """A folder on the way; names are appended to its prefixes."""

    path: str
    """Absolute, ends with the separator."""
    shown: str
    """As a person would type it, ends with the separator; '' for the current folder."""
    root: str
    folder: str
    """Below the root, '/'-separated, no '/' at the end."""
    real: str
    """Without links."""

    def below(self, name: str, real: str | None = None) -> Place:
        """The place of the folder `name` in this one."""
        return Place(
            self.path + name + os.sep,
            self.shown + name + os.sep,
            self.root,
            f"{self.folder}/{name}" if self.folder else name,
            real if real is not None else join(self.real, name),
        )

    @property
    def label(self) -> str:
        """How the folder itself is shown."""
        return self.shown.rstrip(os.sep) or self.shown or "."


class Start(msgspec.Struct):
    """Where a walk starts: a whole folder, or named files in one."""

    place: Place
    named: list[Named] | None = None


class Plan(msgspec.Struct):
    """All starts, and what must not be entered from anywhere else."""

    starts: list[Start] = []
    real_folders: set[str] = set()
    real_files: set[str] = set()
    unreadable: list[Unreadable] = []


class Reach(msgspec.Struct, frozen=True):
    """Which folders a walk enters, by name and cache tag."""

    hidden: bool
    default_excludes: bool

    def leaves_file(self, name: str) -> bool:
        """True for hidden and system files, unless they are wanted."""
        return (name[0] == "." and not self.hidden) or (self.default_excludes and junk_file(name))

    def leaves_folder(self, name: str) -> str | None:
        """Why a folder of this name is not entered."""
        if hidden(name) and not self.hidden:
            return "hidden folder"
        return "system folder" if self.default_excludes and junk_folder(name) else None

    def leaves_cache(self, folder: str) -> bool:
        """True for a folder that is tagged as a cache."""
        return self.default_excludes and is_cache(folder)

    def enters(self, outer: str, inner: str) -> bool:
        """True when a walk of the real folder `outer` comes to the real folder `inner` in it."""
        at = outer
        for name in inner[len(outer) :].strip(os.sep).split(os.sep):
            at = join(at, name)
            if self.leaves_folder(name) or self.leaves_cache(at):
                return False
        return True


def plan_roots(roots: Sequence[str], reach: Reach, cwd: str | None) -> Plan:
    """Where to start for `roots`; raises UsageError for one that does not exist."""
    plan = Plan()
    folders: dict[str, Place] = {}
    files: dict[str, tuple[str, str]] = {}  # real path -> as given, absolute
    real_parents: dict[str, str] = {}
    order: list[str] = []
    for root in roots:
        path = _absolute(root, cwd)
        try:
            is_folder = stat.S_ISDIR(os.stat(os.path.join(cwd or "", root)).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(f"{printable(root)}: no such file or folder") from None
        except OSError as error:
            plan.unreadable.append(Unreadable(root, fault(error)))
            continue
        if is_folder:
            real = os.path.realpath(path)
            if real not in folders:
                folders[real] = Place(_closed(path), _shown(root), path, "", real)
                order.append(real)
        else:
            parent, name = os.path.split(path)
            if parent not in real_parents:
                real_parents[parent] = os.path.realpath(parent)
            real = join(real_parents[parent], name)
            if real not in files:
                files[real] = (root, path)
                order.append(real)

    inside: dict[str, bool] = {}  # whether a folder, not as a root, is come to from one above
    groups: dict[tuple[str, str], list[Named]] = {}
    for real in order:
        if real in folders:
            if not _covered(os.path.dirname(real), real, folders, reach):
                plan.starts.append(Start(folders[real]))
                plan.real_folders.add(real)
            continue
        root, path = files[real]
        parent, name = os.path.split(real)
        if parent not in inside:
            inside[parent] = _covered(parent, parent, folders, reach)
        if inside[parent] and not reach.leaves_file(name):
            continue
        plan.real_files.add(real)
        typed = root[: len(root) - len(os.path.basename(root))]
        group = groups.get((parent, typed))
        if group is None:
            group = groups[parent, typed] = []
            folder = os.path.dirname(path)
            plan.starts.append(Start(Place(_closed(folder), typed, folder, "", parent), group))
        group.append(Named(os.path.basename(path), path))
    return plan


def join(folder: str, name: str) -> str:
    """`os.path.join` for a folder that may be the root of all, without its costs."""
    return folder + name if folder.endswith(os.sep) else folder + os.sep + name


def fault(error: OSError) -> str:
    """An error of the disk in one line."""
    if isinstance(error, FileNotFoundError):
        return "vanished during the walk"
    return error.strerror or type(error).__name__


def printable(path: str) -> str:
    """A path for a message: one line, nothing a terminal would obey."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def is_cache(folder: str) -> bool:
    """True when the folder is tagged as a cache, as backup programs understand it."""
    path = join(folder, CACHE_TAG)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as tag:
            return tag.read(len(_CACHE_SIGNATURE)) == _CACHE_SIGNATURE
    except OSError:
        return False


def _covered(above: str, real: str, folders: dict[str, Place], reach: Reach) -> bool:
    """True when the walk of some root at or above `above` comes to `real`."""
    while True:
        if above in folders and (above == real or reach.enters(above, real)):
            return True
        parent = os.path.dirname(above)
        if parent == above:
            return False
        above = parent


def _absolute(root: str, cwd: str | None) -> str:
    if not root or "\0" in root:
        raise UsageError(f"{root!r} is not a path")
    path = os.path.join(cwd or os.getcwd(), root)
    if os.pardir in path.split(os.sep):
        # `a/..` is not the folder of `a` when `a` is a link: only the disk knows.
        parent, name = os.path.split(path.rstrip(os.sep))
        if name not in (os.pardir, os.curdir):
            return join(os.path.realpath(parent), name)
        return os.path.realpath(path)
    return os.path.abspath(path)


def _closed(path: str) -> str:
    return path if path.endswith(os.sep) else path + os.sep


def _shown(root: str) -> str:
    if os.path.normpath(root) == os.curdir:
        return ""
    return _closed(root.rstrip(os.sep))

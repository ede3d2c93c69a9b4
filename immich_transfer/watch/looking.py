"""Ask the disk about what was told: is it there, how does it look, what is in a new folder?"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence

from .chosen import Meant
from .settle import MOST_WAITING, Stamp

SIDECAR = ".xmp"


def look(told: Sequence[str], due: Sequence[str], meant: Meant) -> dict[str, Stamp | None]:
    """How the files at `told` and below, and those at `due`, look now; None: not there."""
    found: dict[str, Stamp | None] = {}
    for path in told:
        stamp = _stamp(path)
        if isinstance(stamp, Stamp):
            if meant.file(path):
                found[path] = stamp
        elif stamp and meant.folder(path):
            # A folder that came as a whole is told of once; so is a new one, however fast it fills.
            for below in _files(path, meant):
                stamp = _stamp(below)
                if isinstance(stamp, Stamp):
                    found[below] = stamp
                if len(found) >= MOST_WAITING:
                    break
    for path in due:
        stamp = _stamp(path)
        found[path] = stamp if isinstance(stamp, Stamp) else None
    return found


def companions(path: str, waiting: Collection[str]) -> Iterator[str]:
    """The photos that a sidecar belongs to: `a.jpg` and `a.png` for `a.xmp`, `a.jpg` for
    `a.jpg.xmp`."""
    stem, extension = os.path.splitext(path)
    if extension.lower() == SIDECAR:
        for photo in waiting:
            if photo == stem or os.path.splitext(photo)[0] == stem:
                yield photo


def _stamp(path: str) -> Stamp | bool:
    """A file's stamp; True for a folder, False for anything else and what cannot be looked at."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    if stat.S_ISREG(status.st_mode):
        return Stamp(status.st_size, status.st_mtime_ns)
    return stat.S_ISDIR(status.st_mode)


def _files(folder: str, meant: Meant) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if meant.folder(os.path.join(parent, name))]
        for name in names:
            path = os.path.join(parent, name)
            if meant.file(path):
                yield path

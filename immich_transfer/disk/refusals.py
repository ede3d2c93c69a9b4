"""What it means when the disk says no: to this file, or to every other one as well."""

from __future__ import annotations

import errno
import os

from immich_transfer.errors import CannotContinue, LocalReadError, LocalWriteError, TransferError

NO_LINKS = frozenset([errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EXDEV])
"""How file systems say that they have no hard links (exFAT, SMB), or no more of them."""


NO_ROOM_FOR_FILES = frozenset([errno.EMFILE, errno.ENFILE])
FULL = frozenset([errno.ENOSPC, getattr(errno, "EDQUOT", -1)])
BROKEN = FULL | {errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO, getattr(errno, "ESTALE", -1)}
"""The disk's own trouble: no other file would fare better."""


def write_error(error: OSError, what: str) -> TransferError:
    """What a failed write means: a full, broken or vanished disk ends the run, and so does a system
    out of open files; the rest is the item's."""
    reason = error.strerror or str(error)
    if error.errno in FULL:
        return CannotContinue(
            f"the disk is full ({what})", hint="make room, then run again: it goes on from here"
        )
    if error.errno in BROKEN:
        return CannotContinue(
            f"the disk cannot be written: {reason} ({what})",
            hint="look after the disk, then run again: it goes on from here",
        )
    if error.errno == errno.EFBIG:
        return LocalWriteError(
            f"the file is too large for this file system, or for `ulimit -f` ({what})",
            hint="choose another --output",
        )
    if error.errno in NO_ROOM_FOR_FILES:
        return too_many_files(what)
    if error.errno == errno.ENAMETOOLONG:
        return LocalWriteError(
            f"the name is too long for this file system ({what})",
            hint="a shorter --output or --layout helps",
        )
    return LocalWriteError(f"{reason} ({what})")


READ_HINTS = {
    errno.EACCES: "make it readable for the user who runs this",
    errno.EPERM: "make it readable for the user who runs this",
    errno.EIO: "its disk may be failing: save what can be read",
    errno.ENOENT: "it was moved or deleted meanwhile: run again",
}


def read_error(error: OSError) -> TransferError:
    """What a failed read means: that file's trouble, unless nothing at all can be opened."""
    if error.errno in NO_ROOM_FOR_FILES:
        return too_many_files("to read a photo")
    reason = error.strerror or "cannot be read"
    return LocalReadError(reason, hint=READ_HINTS.get(error.errno or 0))


def too_many_files(what: str) -> CannotContinue:
    return CannotContinue(
        f"this system allows no more open files ({what})",
        hint="raise the limit (ulimit -n), or use fewer --transfers; then run again",
    )


def no_folder(path: str) -> LocalWriteError:
    return LocalWriteError(
        f"{path} is a link or a file where a folder should be: nothing is written through it",
        hint="move it away, or choose another --output or --layout",
    )


def vanished(root: str) -> CannotContinue:
    """The output folder is gone, or another one is in its place."""
    return CannotContinue(
        f"the output folder {root} is not the one any more that it was",
        hint="was its disk removed? bring it back, then run again: it goes on from there",
    )


def is_read_only(path: str) -> bool:
    return hasattr(os, "statvfs") and bool(os.statvfs(path).f_flag & os.ST_RDONLY)

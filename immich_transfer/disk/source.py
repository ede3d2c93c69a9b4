"""The photo at the moment it is sent: opened, compared, maybe removed; and its sidecar."""

from __future__ import annotations

import os

import aiofiles

from immich_transfer.errors import ChangedWhileReading
from immich_transfer.failpoints import ARMED, point, refusal
from immich_transfer.model import LocalFile

from .digest import fingerprint, open_file
from .refusals import read_error

READ_WHOLE = 512 << 10
"""Up to this size a body is read in one piece in one thread hop; beyond, streamed."""
SIDECAR_LIMIT = 16 << 20
"""An XMP file is a few KiB; more is something else under that name."""


def open_source(file: LocalFile) -> bytes | int:
    """The photo's bytes, or an open descriptor (the caller closes it) when they are many.

    Raises LocalReadError, or ChangedWhileReading when the file is not what was hashed.
    """
    descriptor = open_file(file.path, file.fingerprint)
    if file.size > READ_WHOLE:
        return descriptor
    try:
        if ARMED:
            refusal("disk.read-to-send")
        content = os.read(descriptor, file.size)
        if len(content) != file.size or fingerprint(os.fstat(descriptor)) != file.fingerprint:
            raise ChangedWhileReading("the file changed after it was hashed")
        return content
    except OSError as error:
        raise read_error(error) from None
    finally:
        os.close(descriptor)


async def read_sidecar(file: LocalFile) -> bytes | None:
    """The sidecar's bytes; None when there is none, or it is gone or absurdly large."""
    if file.sidecar is None:
        return None
    try:
        async with aiofiles.open(file.sidecar, "rb") as sidecar:
            content = await sidecar.read(SIDECAR_LIMIT + 1)
    except OSError:
        return None
    return content if len(content) <= SIDECAR_LIMIT else None


def differs(file: LocalFile, descriptor: int) -> bool:
    """True when the open file, or the one at its path, is no longer what was hashed.

    A path that is gone is no difference: what was read through the descriptor is still good.
    """
    try:
        if fingerprint(os.fstat(descriptor)) != file.fingerprint:
            return True
        return fingerprint(os.stat(file.path)) != file.fingerprint
    except OSError:
        return False


def remove_unchanged(file: LocalFile) -> tuple[bool, str]:
    """Delete a file that is still what was hashed: whether it was, and what to say of it."""
    try:
        if fingerprint(os.stat(file.path)) != file.fingerprint:
            return False, "kept here: it changed since it was sent"
        if ARMED:
            point("disk.remove-source")
        os.unlink(file.path)
        if ARMED:
            point("disk.remove-source.done")
    except OSError as error:
        return False, f"kept here: {(error.strerror or 'cannot be deleted').lower()}"
    return True, "deleted here"

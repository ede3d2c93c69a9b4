"""A file that has no name until it is whole: Linux's O_TMPFILE. A crash leaves nothing at all.

Half the system calls of a part file that is renamed. File systems that lack it (NFS, FUSE, most
others) say so at the first try.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress

import xxhash

from immich_transfer.failpoints import ARMED, point, refusal
from immich_transfer.model import Fingerprint, Sha1

from .digest import fingerprint
from .place import BY_DESCRIPTOR, Folder

AVAILABLE = BY_DESCRIPTOR and hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd")


class Unnamed:
    """One such file, with what is known of its bytes. Every method raises OSError."""

    def __init__(self, folder: Folder, body: bytes | memoryview) -> None:
        self.folder = folder
        self.size = len(body)
        self.sha1 = Sha1(hashlib.sha1(body, usedforsecurity=False).digest())
        self.xxh3 = xxhash.xxh3_128_digest(body)
        self._descriptor = folder.open_unnamed()
        try:
            if ARMED:
                refusal("disk.write")
            rest = memoryview(body)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BaseException:
            self.close()
            raise

    def finish(self, modified_ms: int) -> Fingerprint:
        """Set its time (ms since the epoch; 0 leaves it) and make it durable."""
        if modified_ms:
            with suppress(OSError, OverflowError):  # a date this file system does not know
                os.utime(self._descriptor, ns=(modified_ms * 1_000_000,) * 2)
        if ARMED:
            point("disk.sync")
        os.fsync(self._descriptor)
        return fingerprint(os.fstat(self._descriptor))

    def appear(self, name: str) -> None:
        """Give it a name. Raises FileExistsError when there is a file of that name."""
        self.folder.link_descriptor(self._descriptor, name)

    def close(self) -> None:
        os.close(self._descriptor)

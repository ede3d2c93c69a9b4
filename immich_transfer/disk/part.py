"""A body in the making: the part file, and what is known of its bytes so far.

Law 2 in order: part file, length, SHA-1, mtime, fsync; then its final name and the fsync of its
folder, which are the caller's. A crash leaves a part file or the whole file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

import xxhash

from immich_transfer.errors import LocalReadError, LocalWriteError, TransferError
from immich_transfer.failpoints import ARMED, point, refusal
from immich_transfer.model import Fingerprint, Sha1

from .digest import fingerprint
from .place import Destination, Folder, is_file
from .refusals import read_error, write_error

try:
    import fcntl
except ImportError:  # Windows: there the part file cannot be opened twice for writing anyway
    fcntl = None  # type: ignore[assignment]

READ_BYTES = 1 << 20
CLAIMS = 100
"""Tries to hold a part file that others finish and begin under our hands."""
LET_IT_FINISH = "let it finish, then run again"


class PartFile:
    """One part file, open in one thread at a time. Close it in any case."""

    def __init__(
        self,
        destination: Destination,
        folder: str,
        name: str,
        *,
        keep: bool,
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        """Open or make it. With `keep` its bytes count: they are read once to go on hashing, and
        `on_bytes` hears of them. Raises what `write_error` makes of the disk's refusal."""
        self.name = name
        self._leases = ExitStack()
        self.size = 0
        self._fresh()
        try:
            self.folder: Folder = self._leases.enter_context(destination.folder(folder, make=True))
            self._leases.enter_context(destination.holding())
            self._descriptor = self._claim()
        except OSError as error:
            self._leases.close()
            raise write_error(error, os.path.join(destination.root, folder, name)) from None
        except BaseException:
            self._leases.close()
            raise
        try:
            if keep:
                self._take_up(on_bytes)
            else:
                os.ftruncate(self._descriptor, 0)
        except OSError as error:
            self.close()
            raise write_error(error, self._where) from None
        except BaseException:
            self.close()
            raise

    @property
    def _where(self) -> str:
        return os.path.join(self.folder.path, self.name)

    def _fresh(self) -> None:
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._xxh3 = xxhash.xxh3_128()

    def _claim(self) -> int:
        """A descriptor of a file that is ours alone and has no name but this one.

        Two runs with different manifests must not write into one part file. And what was opened
        may have got its final name before it was locked, or have both names since a crash between
        the link and the removal: to write into it would be to write into somebody's photo.
        """
        for _ in range(CLAIMS):
            descriptor = self.folder.open_write(self.name)
            try:
                self._lock(descriptor)
                status, seen = os.fstat(descriptor), self.folder.look(self.name)
                if seen is not None and os.path.samestat(status, seen):
                    if status.st_nlink <= 1:
                        return descriptor
                    with suppress(FileNotFoundError):
                        self.folder.remove(self.name)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        raise LocalWriteError("another run is downloading this file", hint=LET_IT_FINISH)

    def _lock(self, descriptor: int) -> None:
        if not is_file(os.fstat(descriptor)):
            raise LocalWriteError(f"{self._where} is not a regular file")
        if fcntl is None:
            return
        try:
            if ARMED:
                refusal("disk.lock")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalWriteError(
                "another run is downloading this file", hint=LET_IT_FINISH
            ) from None
        except OSError:
            pass  # this file system has no locks

    def _take_up(self, on_bytes: Callable[[int], None] | None) -> None:
        while chunk := _read(self._descriptor):
            self._sha1.update(chunk)
            self._xxh3.update(chunk)
            self.size += len(chunk)
            if on_bytes is not None:
                on_bytes(len(chunk))

    def restart(self) -> None:
        """What is there is of no use: begin anew."""
        self._fresh()
        self.size = 0
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.ftruncate(self._descriptor, 0)
        except OSError as error:
            raise write_error(error, self._where) from None

    def write(self, chunks: Sequence[bytes | memoryview]) -> None:
        """Append and hash."""
        try:
            if ARMED:
                point("disk.write")
            for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
                self._sha1.update(chunk)
                self._xxh3.update(chunk)
                self.size += len(chunk)
        except OSError as error:
            raise write_error(error, self._where) from None

    @property
    def sha1(self) -> Sha1:
        return Sha1(self._sha1.digest())

    @property
    def xxh3(self) -> bytes:
        return self._xxh3.digest()

    def finish(self, modified_ms: int) -> Fingerprint:
        """Its bytes are all there: set its time (ms since the epoch; 0 leaves it), make it
        durable; what it looks like to `stat` from now on."""
        try:
            if modified_ms:
                _set_time(self._descriptor, self._where, modified_ms)
            if ARMED:
                point("disk.sync")
            os.fsync(self._descriptor)
            return fingerprint(os.fstat(self._descriptor))
        except OSError as error:
            raise write_error(error, self._where) from None

    def discard(self) -> None:
        """Remove it: its bytes are wrong."""
        with suppress(OSError):
            self.folder.remove(self.name)

    def close(self) -> None:
        os.close(self._descriptor)
        self._leases.close()


def drop_part(destination: Destination, folder: str, name: str) -> None:
    """Remove a part file that a crash left beside its whole file, as a second name of it or as a
    piece of another attempt. One that another run is writing stays."""
    with suppress(OSError, TransferError):
        with destination.folder(folder) as opened:
            left = opened.look(name) is not None
        if left:
            part = PartFile(destination, folder, name, keep=False)
            part.discard()
            part.close()


def _read(descriptor: int) -> bytes:
    if ARMED:
        refusal("disk.read-back")
    return os.read(descriptor, READ_BYTES)


def _set_time(descriptor: int, path: str, modified_ms: int) -> None:
    times = (modified_ms * 1_000_000,) * 2
    target: int | str = descriptor if os.utime in os.supports_fd else path
    with suppress(OSError, OverflowError):  # a date no file system knows
        os.utime(target, ns=times)


def read_hashes(
    folder: Folder,
    name: str,
    *,
    sha1: bool = True,
    on_bytes: Callable[[int], None] | None = None,
) -> tuple[Fingerprint, Sha1 | None, bytes]:
    """What a file below the destination holds: its fingerprint, SHA-1 (if asked for) and xxh3-128.

    `on_bytes` hears of every piece and may raise to stop. Raises LocalReadError, also when the
    file changes meanwhile, and FileNotFoundError.
    """
    try:
        descriptor = folder.open_read(name)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise read_error(error) from None
    try:
        status = os.fstat(descriptor)
        if not is_file(status):
            raise LocalReadError("is not a regular file")
        before = fingerprint(status)
        if before.size > READ_BYTES and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        whole = hashlib.sha1(usedforsecurity=False) if sha1 else None
        quick = xxhash.xxh3_128()
        left = before.size
        while left >= 0 and (chunk := _read(descriptor)):
            quick.update(chunk)
            if whole is not None:
                whole.update(chunk)
            left -= len(chunk)
            if on_bytes is not None:
                on_bytes(len(chunk))
        if left or fingerprint(os.fstat(descriptor)) != before:
            raise LocalReadError("changed while it was read", hint="run again when it is at rest")
    except TransferError:
        raise
    except OSError as error:
        raise read_error(error) from None
    finally:
        os.close(descriptor)
    return before, Sha1(whole.digest()) if whole is not None else None, quick.digest()

"""The identity of a file's bytes: SHA-1 of all of them, and a sample that recognises moves.

Synchronous, for worker threads: hashlib frees the GIL, so hashers scale with cores. A file is
opened once; one that is not what `stat` said before or after reading is refused.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
from collections.abc import Callable

import xxhash

from immich_transfer.errors import ChangedWhileReading, LocalReadError
from immich_transfer.failpoints import ARMED, refusal
from immich_transfer.model import Digest, Fingerprint, Sha1

from .refusals import read_error

BUFFER_BYTES = 1 << 20
"""One buffer a thread, reused: larger ones gain nothing, 64 KiB costs a third of the speed."""
SAMPLE_BYTES = 16 << 10
"""Read at head, middle and tail: metadata, pixels and trailer all differ between two photos."""
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO put in the photo's place must not hang us
)
_local = threading.local()


def fingerprint(status: os.stat_result) -> Fingerprint:
    """What `stat` says of the content."""
    return Fingerprint(status.st_size, status.st_mtime_ns, status.st_ino)


def open_file(path: str, expected: Fingerprint) -> int:
    """An open descriptor of the file that `expected` describes; the caller closes it.

    Raises LocalReadError or ChangedWhileReading.
    """
    try:
        if ARMED:
            refusal("disk.open")
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise read_error(error) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise LocalReadError("is not a regular file any more")
        if fingerprint(status) != expected:
            raise ChangedWhileReading("the file changed since it was found")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def digest(
    path: str, expected: Fingerprint, on_bytes: Callable[[int], None] | None = None
) -> Digest:
    """SHA-1 and sample of the file that `expected` describes.

    `on_bytes` hears of every piece read and may raise to stop. Raises LocalReadError or
    ChangedWhileReading.
    """
    descriptor = open_file(path, expected)
    try:
        buffer = _buffer()
        view = memoryview(buffer)
        sha1 = hashlib.sha1(usedforsecurity=False)
        if expected.size > BUFFER_BYTES and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        left = expected.size
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            while count := _into(file, buffer):
                sha1.update(view[:count])
                left -= count
                if on_bytes is not None:
                    on_bytes(count)
                if left < 0:
                    break  # it grows: following it to its end could take for ever
            seen = _sample(descriptor, expected.size)
        if left or fingerprint(os.fstat(descriptor)) != expected:
            raise ChangedWhileReading("the file changed while it was hashed")
        return Digest(Sha1(sha1.digest()), seen)
    except OSError as error:
        raise read_error(error) from None
    finally:
        os.close(descriptor)


def digest_small(path: str, expected: Fingerprint) -> tuple[Digest, bytes]:
    """The same for a small file, with its bytes: what is sent is then exactly what was hashed."""
    descriptor = open_file(path, expected)
    try:
        if ARMED:
            refusal("disk.read")
        content = os.read(descriptor, expected.size + 1)
        if len(content) != expected.size or fingerprint(os.fstat(descriptor)) != expected:
            raise ChangedWhileReading("the file changed while it was hashed")
    except OSError as error:
        raise read_error(error) from None
    finally:
        os.close(descriptor)
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    return Digest(Sha1(sha1), _sample_of(content)), content


def sample(path: str, size: int) -> bytes:
    """The sample alone: at most three small reads. Raises OSError."""
    descriptor = os.open(path, _FLAGS)
    try:
        return _sample(descriptor, size)
    finally:
        os.close(descriptor)


def _sample(descriptor: int, size: int) -> bytes:
    if size <= 3 * SAMPLE_BYTES:
        return _sample_of(_read_at(descriptor, 0, size))
    pieces = [
        _read_at(descriptor, offset, SAMPLE_BYTES)
        for offset in (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES)
    ]
    return _mixed(size, pieces)


def _into(file: io.FileIO, buffer: bytearray) -> int:
    if ARMED:
        refusal("disk.read")
    return file.readinto(buffer)


def _read_at(descriptor: int, offset: int, count: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)  # Windows has no pread; the descriptor is ours alone
    return os.read(descriptor, count)


def _sample_of(content: bytes) -> bytes:
    size = len(content)
    if size <= 3 * SAMPLE_BYTES:
        return _mixed(size, [content])
    middle = (size - SAMPLE_BYTES) // 2
    return _mixed(
        size,
        [
            content[:SAMPLE_BYTES],
            content[middle : middle + SAMPLE_BYTES],
            content[size - SAMPLE_BYTES :],
        ],
    )


def _mixed(size: int, pieces: list[bytes]) -> bytes:
    mix = xxhash.xxh3_128(size.to_bytes(8, "big"))
    for piece in pieces:
        mix.update(piece)
    return mix.digest()


def _buffer() -> bytearray:
    buffer: bytearray | None = getattr(_local, "buffer", None)
    if buffer is None:
        buffer = _local.buffer = bytearray(BUFFER_BYTES)
    return buffer

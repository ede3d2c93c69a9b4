"""Two connections to one file: one that writes, one that reads.

Writers queue on a lock and commit before they return; readers see the last commit (WAL) and never
wait for one. No `sqlite3` error leaves this room: each becomes one line that says what to do. A
file found malformed in mid-run leaves a marker, and the next opening moves it aside.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

from immich_transfer.errors import CannotContinue, TransferError
from immich_transfer.failpoints import ARMED, point

NAME = "manifest.sqlite3"
DAMAGED = "manifest.damaged"
"""Marker: the file was found malformed while in use."""

READER_CACHE_KIB = 4 << 10
WRITER_CACHE_KIB = 16 << 10
"""Page caches, in KiB: memory stays flat however many rows there are."""
BUSY_MS = 10_000
"""Only `status` and `runs` ever share the file with a run, for moments."""

CHUNK = 500
"""Bound values per statement: below the 999 of old SQLite builds, with room for a few more."""


def is_corrupt(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def translate(error: sqlite3.Error, state_dir: str) -> TransferError:
    """The one-line error for what SQLite said."""
    code = getattr(error, "sqlite_errorcode", None)
    match None if code is None else code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return CannotContinue(
                f"the disk that holds the manifest is full ({state_dir})",
                hint="make room, then run again: it goes on from here",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return CannotContinue(
                f"the manifest in {state_dir} is damaged: run again, it will be rebuilt"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return CannotContinue(
                f"cannot open or write the manifest in {state_dir}: {error}",
                hint="make the folder and its files writable, or use another --state-dir",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return CannotContinue(
                f"another program keeps the manifest in {state_dir} locked",
                hint="close it, then run again",
            )
        case sqlite3.SQLITE_IOERR:
            return CannotContinue(
                f"the disk that holds the manifest failed ({state_dir}): {error}",
                hint="look after the disk, or use another --state-dir; then run again",
            )
        case _:
            return CannotContinue(f"the manifest in {state_dir} cannot be used: {error}")


def connect(target: str, cache_kib: int, *, uri: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode with the settings both kinds share.

    No mmap: it saved nothing measurable here, counts as our memory, and turns a file that
    shrinks or a disk that fails into a signal instead of an error.
    """
    connection = sqlite3.connect(
        target,
        timeout=BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,  # every use is under this module's locks
        uri=uri,
    )
    try:
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # opened in earnest, or not
    except BaseException:
        connection.close()
        raise
    return connection


class Database:
    """`writer` is None when nothing may be written: every write is then skipped by its caller."""

    def __init__(
        self, state_dir: str, reader: sqlite3.Connection, writer: sqlite3.Connection | None = None
    ) -> None:
        self.state_dir = state_dir
        self._reader = reader
        self._writer = writer
        self._reading = threading.Lock()
        self._writing = threading.Lock()

    @property
    def writable(self) -> bool:
        return self._writer is not None

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Fetch everything inside: an open cursor would hold back the WAL."""
        with self._reading:
            try:
                yield self._reader
            except sqlite3.Error as error:
                raise self._report(error) from None

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction: committed when the block ends, undone when it raises. A durable one
        is on the disk by then, even through a power cut, and so is all before it."""
        assert self._writer is not None
        with self._writing:
            try:
                if durable:
                    self._writer.execute("PRAGMA synchronous = FULL")
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                if ARMED:
                    point("manifest.commit")
                self._writer.execute("COMMIT")
                if ARMED:
                    point("manifest.committed")
            except sqlite3.Error as error:
                self._undo()
                raise self._report(error) from None
            except BaseException:
                self._undo()
                raise
            finally:
                if durable:
                    with contextlib.suppress(sqlite3.Error):
                        self._writer.execute("PRAGMA synchronous = NORMAL")

    def _undo(self) -> None:
        # SQLite has undone it already after a full disk; a second error would hide the first.
        with contextlib.suppress(sqlite3.Error):
            if self._writer is not None and self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _report(self, error: sqlite3.Error) -> TransferError:
        if is_corrupt(error) and self.writable:
            leave_marker(self.state_dir)
        return translate(error, self.state_dir)

    def close(self) -> None:
        """Closing the last connection folds the WAL into the file; may be called twice."""
        with self._reading, self._writing, contextlib.suppress(sqlite3.Error):
            self._reader.close()
            if self._writer is not None:
                self._writer.close()


class Room:
    """One part of the manifest: its questions and its writes, on the shared database."""

    _db: Database


def leave_marker(state_dir: str) -> None:
    with contextlib.suppress(OSError):
        os.close(os.open(os.path.join(state_dir, DAMAGED), os.O_WRONLY | os.O_CREAT, 0o600))


@lru_cache(maxsize=64)
def marks(count: int, mark: str = "?") -> str:
    """'?,?,?': nearly always the same count, so SQLite's statement cache hits."""
    return ",".join([mark] * count)


_Value = TypeVar("_Value")


def chunks(values: Sequence[_Value], size: int = CHUNK) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]

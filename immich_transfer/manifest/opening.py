"""Opening the file: settings, migrations, and what to do with a file that cannot be used.

A file that is not a sound database is moved aside, never deleted, and a fresh one takes its place:
the manifest is a cache of facts (law 1). A file that belongs to another program or to a newer
version of this one is left alone. Reading never writes: not a row, not a WAL, not a lock.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from importlib import resources
from urllib.parse import quote

from immich_transfer.errors import UsageError
from immich_transfer.failpoints import ARMED, point

from .database import (
    DAMAGED,
    NAME,
    READER_CACHE_KIB,
    WRITER_CACHE_KIB,
    Database,
    connect,
    is_corrupt,
    translate,
)

WAL_PAGES = 8192
"""Pages of 4 KiB: the WAL is folded in every 32 MiB. Rows keyed by checksum land on pages all over
the file; at the default of 1,000 nearly every commit would pay for a checkpoint's syncs."""

APPLICATION_ID = 0x496D5472
"""'ImTr' in the file's header: nobody else's database is touched."""


def shipped() -> list[str]:
    """The migrations in order; number N (from 1) takes a file from format N - 1 to N."""
    folder = resources.files(__package__) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(folder / name).read_text("utf-8") for name in names]


def open_writable(state_dir: str) -> tuple[Database, str | None]:
    """Open or make the manifest in a folder whose lock we hold; and what to say about it."""
    path = os.path.join(state_dir, NAME)
    notice = None
    if os.path.lexists(os.path.join(state_dir, DAMAGED)):
        notice = _move_aside(state_dir)
    try:
        try:
            return _open(state_dir), notice
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            notice = _move_aside(state_dir)
            return _open(state_dir), notice
    except sqlite3.Error as error:
        raise translate(error, state_dir) from None
    except OSError as error:
        raise UsageError(f"cannot open the manifest {path}: {error.strerror or error}") from None


def open_reading(state_dir: str) -> tuple[Database, str | None] | None:
    """The manifest as it is, without writing a byte; None when there is none. A damaged one is
    an empty one, said aloud: only a real run may move it aside."""
    path = os.path.join(state_dir, NAME)
    if not os.path.exists(path):
        return None
    damaged = "the manifest is damaged and was not read; the next real run rebuilds it"
    if os.path.lexists(os.path.join(state_dir, DAMAGED)):
        return in_memory(state_dir), damaged
    try:
        connection = _connect_reading(path)
        try:
            version = _format(connection, state_dir)
            if version == len(shipped()):
                return Database(state_dir, connection), None
            # An older file must not be migrated in place here: read a migrated copy.
            copy = connect(":memory:", READER_CACHE_KIB)
            connection.backup(copy)
            _migrate(copy, state_dir)
        except BaseException:
            connection.close()
            raise
        connection.close()
        return Database(state_dir, copy), None
    except sqlite3.Error as error:
        if is_corrupt(error):
            return in_memory(state_dir), damaged
        raise translate(error, state_dir) from None
    except OSError as error:
        raise UsageError(f"cannot read the manifest {path}: {error.strerror or error}") from None


def in_memory(state_dir: str) -> Database:
    """An empty manifest that exists nowhere."""
    connection = connect(":memory:", READER_CACHE_KIB)
    _migrate(connection, state_dir)
    return Database(state_dir, connection)


def _open(state_dir: str) -> Database:
    path = os.path.join(state_dir, NAME)
    # Made before SQLite opens it, so that it is private from its first byte; the -wal and -shm
    # files inherit its mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    _check_length(path)
    writer = connect(path, WRITER_CACHE_KIB)
    try:
        _format(writer, state_dir)
        writer.execute("PRAGMA journal_mode = WAL")
        # NORMAL syncs at checkpoints, not at commits. After a power cut the newest transactions
        # may be missing, which only means that the server is asked again; the file itself stays
        # sound. A killed process loses nothing: its pages are with the operating system.
        writer.execute("PRAGMA synchronous = NORMAL")
        writer.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        _migrate(writer, state_dir)
        writer.execute("UPDATE debts SET state = 0 WHERE state <> 1 AND state = 2")
        reader = connect(path, READER_CACHE_KIB)
        reader.execute("PRAGMA query_only = ON")
    except BaseException:
        writer.close()
        raise
    return Database(state_dir, reader, writer)


def _check_length(path: str) -> None:
    """A file cut short opens well and fails hours later. With a WAL beside it, its length says
    nothing: the missing pages may be in there."""
    with contextlib.suppress(OSError):
        if os.path.getsize(f"{path}-wal"):
            return
    with open(path, "rb") as file:
        header = file.read(100)
        size = os.fstat(file.fileno()).st_size
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        return
    page = int.from_bytes(header[16:18], "big")
    page = 65536 if page == 1 else page
    counted = header[24:28] == header[92:96]  # else an old writer did not keep the page count
    if counted and size < page * int.from_bytes(header[28:32], "big"):
        raise _damage("the file is shorter than its header says")


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _format(connection: sqlite3.Connection, state_dir: str) -> int:
    """The format of a file that is ours, 0 for an empty one."""
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    path = os.path.join(state_dir, NAME)
    if owner != APPLICATION_ID and (owner or tables or version):
        raise UsageError(
            f"{path} is another program's database: move it away, or use another --state-dir"
        )
    known = len(shipped())
    if version > known:
        raise UsageError(
            f"this manifest was written by a newer immich-transfer (format {version}, this one"
            f" knows {known}): update, or use another --state-dir"
        )
    return version


def _migrate(connection: sqlite3.Connection, state_dir: str) -> None:
    """Each step is one transaction: a crash leaves the format before it or after it."""
    version = _format(connection, state_dir)
    for number, script in enumerate(shipped()[version:], version + 1):
        try:
            if ARMED:
                point("manifest.migrate")
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {number};\nCOMMIT;"
            )
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _move_aside(state_dir: str) -> str:
    """Keep the unusable file for whoever wants to look at it, under a name that is free."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    name = f"manifest.corrupt-{stamp}.sqlite3"
    number = 1
    while os.path.lexists(os.path.join(state_dir, name)):
        number += 1
        name = f"manifest.corrupt-{stamp}-{number}.sqlite3"
    try:
        for tail in ("-wal", "-shm", ""):
            # The WAL leaves first: were it left alone, a fresh file would take it for its own.
            with contextlib.suppress(FileNotFoundError):
                os.replace(
                    os.path.join(state_dir, NAME + tail), os.path.join(state_dir, name + tail)
                )
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(state_dir, DAMAGED))
    except OSError as error:
        raise UsageError(
            f"the manifest in {state_dir} is damaged and cannot be moved aside:"
            f" {error.strerror or error}"
        ) from None
    return (
        f"the manifest was damaged; it was moved to {name} and is rebuilt from your files and the"
        " server"
    )


def _connect_reading(path: str) -> sqlite3.Connection:
    """Read-only in earnest. Without a WAL nobody writes: the file is read as if it could not
    change. With one (a run is on, or was killed) its index is mapped read-only, so that no byte
    changes there either. When even that cannot be had, what the WAL holds is done without: older
    facts cost time, never correctness."""
    name = f"file:{quote(os.path.abspath(os.fsencode(path)))}"
    frozen = f"{name}?mode=ro&immutable=1"
    if not os.path.exists(f"{path}-wal"):
        _check_length(path)
        return connect(frozen, READER_CACHE_KIB, uri=True)
    with contextlib.suppress(sqlite3.OperationalError):
        return connect(f"{name}?mode=ro&readonly_shm=1", READER_CACHE_KIB, uri=True)
    connection = connect(frozen, READER_CACHE_KIB, uri=True)
    # Folding in the WAL may have been cut off half-way: without it, trust only a sound file.
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        connection.close()
        raise _damage("the file is torn and its WAL cannot be read")
    return connection

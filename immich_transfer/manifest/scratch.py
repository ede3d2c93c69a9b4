"""A private database without a name, deleted when it is closed: on disk instead of in memory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from immich_transfer.errors import CannotContinue

CACHE_KIB = 8 << 10
BATCH = 500

_SCHEMA = """
CREATE TABLE members (
    collection INTEGER NOT NULL, asset_id NOT NULL, still, direct INTEGER NOT NULL,
    PRIMARY KEY (collection, asset_id)
) WITHOUT ROWID;
CREATE TABLE assets (asset_id PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sizes (asset_id PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE albums_of (asset_id NOT NULL, title BLOB NOT NULL, PRIMARY KEY (asset_id, title))
    WITHOUT ROWID;
CREATE TABLE naming (
    number INTEGER PRIMARY KEY, collection INTEGER NOT NULL, asset_id NOT NULL,
    base BLOB NOT NULL, base_key BLOB NOT NULL, path BLOB, path_key BLOB, was BLOB
);
CREATE INDEX naming_key ON naming (path_key) WHERE path_key IS NOT NULL;
CREATE UNIQUE INDEX naming_asset ON naming (collection, asset_id);
CREATE TABLE wanted (
    number INTEGER PRIMARY KEY, collection INTEGER NOT NULL, asset_id NOT NULL,
    base BLOB NOT NULL, path BLOB NOT NULL
);
"""


class Scratch:
    """Every method of its heirs may be called from any thread."""

    def __init__(self, schema: str = _SCHEMA) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.execute("PRAGMA temp_store = FILE")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(schema)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN")
                yield self._db
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise CannotContinue(
                    f"the list of assets cannot be kept: {error}",
                    hint="is the disk of temporary files (TMPDIR) full?",
                ) from None

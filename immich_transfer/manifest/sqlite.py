"""The manifest in SQLite: the only implementation of the port in `store.py`.

    open_manifest(state_dir, who="upload")   a run: takes the lock, makes or migrates the file
    open_readonly(state_dir)                 `status`, `runs`: reads beside a run that is on
    open_for_dry_run(state_dir)              reads what there is, writes nothing at all (law 9)

Every method may be called from any thread and is committed when it returns. A crash at any point
leaves the last committed state: a transaction is never half there.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from immich_transfer.errors import UsageError

from .contents import Contents
from .database import Database
from .debts import Debts
from .files import Files
from .lock import StateLock
from .opening import in_memory, open_reading, open_writable
from .pauses import Pauses
from .placements import Placements
from .runs import Runs


class SqliteManifest(Files, Contents, Debts, Pauses, Placements, Runs):
    """One open manifest. Opened for reading only, its writes do nothing."""

    def __init__(
        self,
        db: Database,
        *,
        notice: str | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._db = db
        self._on_close = on_close
        self.notice = notice

    @property
    def writable(self) -> bool:
        return self._db.writable

    def close(self) -> None:
        """Fold the WAL into the file and let go of the lock. May be called twice."""
        self._db.close()
        done, self._on_close = self._on_close, None
        if done is not None:
            done()

    def account(self, user_id: str) -> int:
        """The row number of a server account; made on first sight. 0 when it is unknown and
        nothing may be written: no row belongs to account 0."""
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT id FROM accounts WHERE user_id = ?", (user_id,)
            ).fetchone()
        if row is not None:
            return int(row[0])
        if not self._db.writable:
            return 0
        with self._db.write() as connection:
            connection.execute("INSERT OR IGNORE INTO accounts (user_id) VALUES (?)", (user_id,))
            row = connection.execute(
                "SELECT id FROM accounts WHERE user_id = ?", (user_id,)
            ).fetchone()
        return int(row[0])


def open_manifest(state_dir: str, *, who: str = "") -> SqliteManifest:
    """Open the manifest for a run, making folder and file as needed. `who` is told to others who
    want it meanwhile; it must not contain the API key."""
    try:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot make the state folder {state_dir}: {error.strerror or error}",
            hint="use another --state-dir",
        ) from None
    lock = StateLock(state_dir, who)
    try:
        db, notice = open_writable(state_dir)
    except BaseException:
        lock.release()
        raise
    return SqliteManifest(db, notice=notice, on_close=lock.release)


def open_readonly(state_dir: str) -> SqliteManifest | None:
    """Read what is there, beside a run that may be on; None when there is no manifest yet."""
    found = open_reading(state_dir)
    return None if found is None else SqliteManifest(found[0], notice=found[1])


def open_for_dry_run(state_dir: str) -> SqliteManifest:
    """Read what is there and write nothing: no row, no file, no folder."""
    return open_readonly(state_dir) or SqliteManifest(in_memory(state_dir))

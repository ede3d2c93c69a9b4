"""What files contain: SHA-1 and sample by path and fingerprint.

A fingerprint is size, mtime in ns, and inode. A file of the same size and time but another inode
counts as changed here (somebody put another file in its place); `lookalikes` then recognises it by
its sample if it is the same content, e.g. after a restore. Inode 0 means "this file system has
none" and is not compared.

There is no rule for files written in the very moment they were hashed (git calls them racy): the
hasher compares the fingerprint before and after reading, file systems of today keep time in steps
of 1 ns to 4 ms, and refusing fresh rows would read every new photo twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeAlias

from immich_transfer.model import Digest, LocalFile, Sha1

from .database import CHUNK, Room, chunks, marks
from .encoding import path_in, signed

ALIKE_LIMIT = 64
"""Rows of one size and mtime. More (a tree whose times were all set alike) identify nothing, and
comparing them all with each other would be quadratic."""


_COLUMNS = "path, size, mtime_ns, inode, sha1"
_Row: TypeAlias = tuple[bytes, int, int, int, Sha1]
_Look: TypeAlias = tuple[int, int]


class Files(Room):
    """The part of the manifest that knows what was hashed."""

    def lookup(self, files: Sequence[LocalFile]) -> list[Sha1 | None]:
        """SHA-1 of each file whose path still has the fingerprint it was hashed under."""
        keys = [path_in(file.path) for file in files]
        rows = self._rows(keys)
        if not rows:
            return [None] * len(files)
        found: list[Sha1 | None] = []
        for key, file in zip(keys, files, strict=True):
            row = rows.get(key)
            if row is None:
                found.append(None)
                continue
            _, size, mtime_ns, inode, sha1 = row
            now = file.fingerprint
            same = (
                size == now.size
                and mtime_ns == signed(now.mtime_ns)
                and (inode == signed(now.inode) or not inode or not now.inode)
            )
            found.append(sha1 if same else None)
        return found

    def _rows(self, keys: Sequence[bytes]) -> dict[bytes, _Row]:
        """What is remembered of these paths (and perhaps of some more).

        A walk goes folder by folder, so a batch of it is mostly one stretch of the table: reading
        the stretch costs half of seeking each key. When too much else lies between, they are.
        """
        rows: dict[bytes, _Row] = {}
        if not keys:
            return rows
        enough = 2 * len(keys)
        with self._db.read() as connection:
            stretch = connection.execute(
                f"SELECT {_COLUMNS} FROM files WHERE path BETWEEN ? AND ? LIMIT ?",
                (min(keys), max(keys), enough + 1),
            ).fetchall()
            if len(stretch) <= enough:
                return {row[0]: row for row in stretch}
            for chunk in chunks(keys):
                for row in connection.execute(
                    f"WITH wanted (key) AS (VALUES {marks(len(chunk), '(?)')})"
                    f" SELECT {_COLUMNS} FROM wanted CROSS JOIN files ON path = key",
                    chunk,
                ):
                    rows[row[0]] = row
        return rows

    def lookalikes(self, files: Sequence[LocalFile]) -> dict[str, list[Digest]]:
        """Digests remembered for the same (size, mtime_ns), for the caller to compare samples."""
        by_look: dict[_Look, list[str]] = {}
        for file in files:
            look = (file.fingerprint.size, signed(file.fingerprint.mtime_ns))
            by_look.setdefault(look, []).append(file.path)
        found: dict[str, list[Digest]] = {}
        with self._db.read() as connection:
            for chunk in chunks(list(by_look), CHUNK // 2):
                for look, rows in _alike(connection, chunk).items():
                    if len(rows) <= ALIKE_LIMIT:
                        digests = [Digest(sha1, sample) for sha1, sample in sorted(set(rows))]
                        for path in by_look[look]:
                            found[path] = list(digests)
        return found

    def remember(self, rows: Iterable[tuple[LocalFile, Digest]]) -> None:
        """Save digests under the fingerprints they were computed for."""
        values = [
            (
                path_in(file.path),
                file.fingerprint.size,
                signed(file.fingerprint.mtime_ns),
                signed(file.fingerprint.inode),
                digest.sha1,
                digest.sample,
            )
            for file, digest in rows
        ]
        if values and self._db.writable:
            with self._db.write() as connection:
                connection.executemany("INSERT OR REPLACE INTO files VALUES (?,?,?,?,?,?)", values)

    def forget(self, paths: Iterable[str]) -> None:
        """Drop files that are gone."""
        keys = [(path_in(path),) for path in paths]
        if keys and self._db.writable:
            with self._db.write() as connection:
                connection.executemany("DELETE FROM files WHERE path = ?", keys)


def _alike(
    connection: sqlite3.Connection, looks: Sequence[_Look]
) -> dict[_Look, list[tuple[Sha1, bytes]]]:
    """(SHA-1, sample) by (size, mtime_ns); of a crowd only so many rows that it is seen to be one.

    One question for all of them, which costs 0.6 of one each; they are asked one by one when the
    answer would be long.
    """
    found: dict[_Look, list[tuple[Sha1, bytes]]] = {}
    enough = 8 * len(looks)
    together = connection.execute(
        f"WITH wanted (size, mtime_ns) AS (VALUES {marks(len(looks), '(?,?)')})"
        " SELECT size, mtime_ns, sha1, sample FROM wanted CROSS JOIN files USING (size, mtime_ns)"
        " LIMIT ?",
        [*chain.from_iterable(looks), enough + 1],
    ).fetchall()
    if len(together) <= enough:
        for size, mtime_ns, sha1, sample in together:
            found.setdefault((size, mtime_ns), []).append((sha1, sample))
        return found
    for look in looks:
        found[look] = connection.execute(
            "SELECT sha1, sample FROM files WHERE size = ? AND mtime_ns = ? LIMIT ?",
            (*look, ALIKE_LIMIT + 1),
        ).fetchall()
    return found

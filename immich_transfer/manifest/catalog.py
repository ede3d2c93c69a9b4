"""The listing of one run, on disk instead of in memory: what the server holds, and where it goes.

A private database without a name, which SQLite deletes when it is closed: 100,000 assets cost the
cache of one connection. It outlives nothing; what must be remembered is the manifest's.

    members   ids per collection, as the server's own complete lists tell them
    assets    what is known of each id
    wanted    one row for each file there is to be, in the order of paths
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from immich_transfer.errors import CannotContinue
from immich_transfer.model import AssetId, RemoteAsset

from .database import chunks, marks
from .encoding import asset_in, asset_out, name_in, name_out

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


class Member(NamedTuple):
    """An id in a collection."""

    asset_id: AssetId
    still: AssetId | None = None
    """For the video of a live photo, the still it belongs to."""
    direct: bool = True
    """False for a video that only comes along with its still."""


class Naming(NamedTuple):
    """A file that is to be named: `base` is what the layout made, `path` what it is called."""

    collection: int
    asset_id: AssetId
    base: str
    base_key: str
    path: str | None
    path_key: str | None
    was: str | None
    """Key of the name it has on disk now, when it is to leave it."""


class Wanted(NamedTuple):
    """A file there is to be."""

    number: int
    collection: int
    asset: RemoteAsset
    base: str
    path: str


class Catalog:
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(RemoteAsset).decode
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.execute("PRAGMA temp_store = FILE")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)

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

    # listing

    def add_members(self, collection: int, members: Iterable[Member]) -> None:
        """Ids of a collection; one that is there already stays, with the still if one is told."""
        rows = [(collection, asset_in(m.asset_id), asset_in(m.still), m.direct) for m in members]
        with self._use() as db:
            db.executemany(
                "INSERT INTO members VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET"
                " still = coalesce(still, excluded.still), direct = max(direct, excluded.direct)",
                rows,
            )

    def remove_members(self, ids: Iterable[AssetId]) -> None:
        """These turned out to be gone, in every collection."""
        with self._use() as db:
            db.executemany("DELETE FROM members WHERE asset_id = ?", [(asset_in(i),) for i in ids])

    def forget_members(self, collection: int) -> None:
        """Begin to list a collection anew."""
        with self._use() as db:
            db.execute("DELETE FROM members WHERE collection = ?", (collection,))

    def add_assets(self, assets: Iterable[RemoteAsset], *, wanted_only: bool = False) -> None:
        """What is known of ids; with `wanted_only` those that are nobody's member are dropped."""
        rows = [(asset_in(asset.id), self._encode(asset)) for asset in assets]
        statement = "INSERT OR REPLACE INTO assets VALUES (?1,?2)"
        if wanted_only:
            statement = (
                "INSERT OR REPLACE INTO assets SELECT ?1, ?2"
                " WHERE EXISTS (SELECT 1 FROM members WHERE asset_id = ?1)"
            )
        with self._use() as db:
            if wanted_only:
                db.execute("CREATE INDEX IF NOT EXISTS members_asset ON members (asset_id)")
            db.executemany(statement, rows)

    def add_sizes(self, sizes: Iterable[tuple[AssetId, int]]) -> None:
        """Sizes in bytes that came apart from what is known of the assets."""
        with self._use() as db:
            db.executemany(
                "INSERT OR REPLACE INTO sizes VALUES (?,?)",
                [(asset_in(asset_id), size) for asset_id, size in sizes],
            )

    def unknown(self, limit: int = BATCH) -> list[AssetId]:
        """Members of which nothing is known yet."""
        with self._use() as db:
            rows = db.execute(
                "SELECT DISTINCT asset_id FROM members WHERE asset_id NOT IN"
                " (SELECT asset_id FROM assets) LIMIT ?",
                (limit,),
            ).fetchall()
        return [asset_out(row[0]) for row in rows]

    def unknown_count(self) -> int:
        with self._use() as db:
            row = db.execute(
                "SELECT count(DISTINCT asset_id) FROM members WHERE asset_id NOT IN"
                " (SELECT asset_id FROM assets)"
            ).fetchone()
        return int(row[0])

    def count(self, collection: int) -> int:
        """How many ids a collection has, without videos that only come along with their stills."""
        with self._use() as db:
            row = db.execute(
                "SELECT count(*) FROM members WHERE collection = ? AND direct", (collection,)
            ).fetchone()
        return int(row[0])

    def holds(self, collection: int, ids: Sequence[AssetId]) -> set[AssetId]:
        """Which of these are members of the collection."""
        found: set[AssetId] = set()
        with self._use() as db:
            for chunk in chunks(ids):
                found.update(
                    asset_out(row[0])
                    for row in db.execute(
                        "SELECT asset_id FROM members WHERE collection = ?"
                        f" AND asset_id IN ({marks(len(chunk))})",
                        (collection, *map(asset_in, chunk)),
                    )
                )
        return found

    def members(
        self, collection: int, *, videos: bool
    ) -> Iterator[list[tuple[RemoteAsset, AssetId | None]]]:
        """The known members in the order of their ids, with the still of each live video;
        `videos` chooses between these videos and everything else."""
        after: object = ""  # below every text, and texts are below bytes
        which = "NOT NULL" if videos else "NULL"
        while True:
            with self._use() as db:
                rows = db.execute(
                    "SELECT asset_id, data, still FROM members JOIN assets USING (asset_id)"
                    f" WHERE collection = ? AND asset_id > ? AND still IS {which}"
                    " ORDER BY asset_id LIMIT ?",
                    (collection, after, BATCH),
                ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield [
                (self._decode(data), None if still is None else asset_out(still))
                for _, data, still in rows
            ]

    # albums of assets, for sidecars

    def add_album(self, title: str, ids: Iterable[AssetId]) -> None:
        with self._use() as db:
            db.executemany(
                "INSERT OR IGNORE INTO albums_of VALUES (?,?)",
                [(asset_in(asset_id), name_in(title)) for asset_id in ids],
            )

    def albums_of(self, asset_id: AssetId) -> tuple[str, ...]:
        with self._use() as db:
            rows = db.execute(
                "SELECT title FROM albums_of WHERE asset_id = ? ORDER BY title",
                (asset_in(asset_id),),
            ).fetchall()
        return tuple(name_out(row[0]) for row in rows)

    # naming

    def name(self, rows: Iterable[Naming]) -> None:
        """Files to be named; those whose `path` is None wait for `unnamed` and `give`."""
        values = [
            (
                row.collection,
                asset_in(row.asset_id),
                name_in(row.base),
                name_in(row.base_key),
                None if row.path is None else name_in(row.path),
                None if row.path_key is None else name_in(row.path_key),
                None if row.was is None else name_in(row.was),
            )
            for row in rows
        ]
        with self._use() as db:
            db.executemany(
                "INSERT OR IGNORE INTO naming (collection, asset_id, base, base_key, path,"
                " path_key, was) VALUES (?,?,?,?,?,?,?)",
                values,
            )

    def paths(self, collection: int, ids: Sequence[AssetId]) -> dict[AssetId, str]:
        """The names that were given to these."""
        found: dict[AssetId, str] = {}
        with self._use() as db:
            for chunk in chunks(ids):
                for asset_id, path in db.execute(
                    "SELECT asset_id, path FROM naming WHERE collection = ? AND path NOT NULL"
                    f" AND asset_id IN ({marks(len(chunk))})",
                    (collection, *map(asset_in, chunk)),
                ):
                    found[asset_out(asset_id)] = name_out(path)
        return found

    def unnamed(self) -> Iterator[list[list[Naming]]]:
        """Groups of files that want one name, in the order of their keys; each file waits until
        `give`. A group is in the order of asset ids."""
        after = b""
        while True:
            with self._use() as db:
                db.execute(
                    "CREATE INDEX IF NOT EXISTS naming_base ON naming (base_key) WHERE path IS NULL"
                )
                keys = db.execute(
                    "SELECT DISTINCT base_key FROM naming WHERE path IS NULL AND base_key > ?"
                    " ORDER BY base_key LIMIT ?",
                    (after, BATCH),
                ).fetchall()
                if not keys:
                    return
                rows = db.execute(
                    "SELECT collection, asset_id, base, base_key FROM naming WHERE path IS NULL"
                    " AND base_key BETWEEN ? AND ? ORDER BY base_key, asset_id, collection",
                    (keys[0][0], keys[-1][0]),
                ).fetchall()
            after = keys[-1][0]
            groups: list[list[Naming]] = []
            for collection, asset_id, base, base_key in rows:
                row = Naming(
                    collection,
                    asset_out(asset_id),
                    name_out(base),
                    name_out(base_key),
                    None,
                    None,
                    None,
                )
                if groups and groups[-1][0].base_key == row.base_key:
                    groups[-1].append(row)
                else:
                    groups.append([row])
            yield groups

    def give(self, rows: Iterable[tuple[int, AssetId, str, str]]) -> None:
        """Name files: (collection, asset, path, key of the path)."""
        with self._use() as db:
            db.executemany(
                "UPDATE naming SET path = ?, path_key = ? WHERE collection = ? AND asset_id = ?",
                [
                    (name_in(path), name_in(key), collection, asset_in(asset_id))
                    for collection, asset_id, path, key in rows
                ],
            )

    def taken(self, keys: Sequence[str]) -> set[str]:
        """Which of these names are given already, or wanted by files that wait for theirs."""
        found: set[str] = set()
        with self._use() as db:
            for chunk in chunks(keys):
                raw = [name_in(key) for key in chunk]
                found.update(
                    name_out(row[0])
                    for row in db.execute(
                        f"SELECT path_key FROM naming WHERE path_key IN ({marks(len(raw))})", raw
                    )
                )
        return found

    def literal(self, key: str) -> bool:
        """True when some file would have this very name without any suffix."""
        with self._use() as db:
            db.execute("CREATE INDEX IF NOT EXISTS naming_literal ON naming (base_key)")
            return (
                db.execute(
                    "SELECT 1 FROM naming WHERE base_key = ? LIMIT 1", (name_in(key),)
                ).fetchone()
                is not None
            )

    def leaving(self, keys: Sequence[str]) -> set[str]:
        """Which of these names are those of files that are to leave them."""
        found: set[str] = set()
        with self._use() as db:
            db.execute("CREATE INDEX IF NOT EXISTS naming_was ON naming (was)")
            for chunk in chunks(keys):
                found.update(
                    name_out(row[0])
                    for row in db.execute(
                        f"SELECT was FROM naming WHERE was IN ({marks(len(chunk))})",
                        [name_in(key) for key in chunk],
                    )
                )
        return found

    # what there is to be

    def seal(self) -> int:
        """Put the named files in the order of their paths; how many there are."""
        with self._use() as db:
            db.execute(
                "INSERT INTO wanted (collection, asset_id, base, path)"
                " SELECT collection, asset_id, base, path FROM naming ORDER BY path"
            )
            return int(db.execute("SELECT count(*) FROM wanted").fetchone()[0])

    def wanted(self, after: int = 0) -> Iterator[list[Wanted]]:
        """The files there are to be, by number from 1, in the order of paths."""
        while True:
            with self._use() as db:
                rows = db.execute(
                    "SELECT number, collection, base, path, data, size FROM wanted"
                    " JOIN assets USING (asset_id) LEFT JOIN sizes USING (asset_id)"
                    " WHERE number > ? ORDER BY number LIMIT ?",
                    (after, BATCH),
                ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield [
                Wanted(number, collection, self._asset(data, size), name_out(base), name_out(path))
                for number, collection, base, path, data, size in rows
            ]

    def _asset(self, data: bytes, size: int | None) -> RemoteAsset:
        asset = self._decode(data)
        if asset.size is None and size is not None:
            return msgspec.structs.replace(asset, size=size)
        return asset

    def bytes_wanted(self) -> int:
        """Bytes of all wanted files, as far as the listing told."""
        total = 0
        for batch in self.wanted():
            total += sum(row.asset.size or 0 for row in batch)
        return total

"""What was downloaded and where it was put: the files below a mirror that are ours.

Only these are ever renamed or removed; whatever else lies in the folder is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from immich_transfer.model import AssetId, Collection, Fingerprint, Part, Placed, Sha1
from immich_transfer.policy.naming import name_key, part_name

from .database import Room, chunks, marks
from .encoding import asset_in, asset_out, name_in, name_out, signed

PAGE = 1000

_COLUMNS = (
    "collection, asset_id, path, base, sha1, size, mtime_ns, inode, xxh3, proven, sidecar_stamp"
)
_END_ARRIVAL = "DELETE FROM arrivals WHERE collection = ? AND asset_id = ?"


class Placements(Room):
    """The part of the manifest that knows what was placed."""

    def mirror(self, account: int, root: str) -> int:
        """The row number of a destination; made on first sight (in a dry run 0, which holds
        nothing)."""
        key = (account, name_in(root))
        question = "SELECT id FROM mirrors WHERE account = ? AND root = ?"
        with self._db.read() as connection:
            row = connection.execute(question, key).fetchone()
        if row is None and self._db.writable:
            with self._db.write() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO mirrors (account, root) VALUES (?,?)", key
                )
                row = connection.execute(question, key).fetchone()
        return 0 if row is None else int(row[0])

    def mirrors_at(self, root: str) -> list[int]:
        """Every account's row for a destination: a scrub asks no server whose it is."""
        with self._db.read() as connection:
            rows = connection.execute("SELECT id FROM mirrors WHERE root = ?", (name_in(root),))
            return [number for (number,) in rows.fetchall()]

    def collections(self, mirror: int) -> list[Collection]:
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT id, kind, name, title, folder FROM collections WHERE mirror = ?", (mirror,)
            ).fetchall()
        return [
            Collection(number, kind, name, name_out(title), name_out(folder))
            for number, kind, name, title, folder in rows
        ]

    def keep_collection(self, mirror: int, kind: str, name: str, title: str, folder: str) -> int:
        """Its row number, with the title and folder of today."""
        if not self._db.writable:
            with self._db.read() as connection:
                row = connection.execute(
                    "SELECT id FROM collections WHERE mirror = ? AND kind = ? AND name = ?",
                    (mirror, kind, name),
                ).fetchone()
            return 0 if row is None else int(row[0])
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO collections (mirror, kind, name, title, folder) VALUES (?,?,?,?,?)"
                " ON CONFLICT DO UPDATE SET title = excluded.title, folder = excluded.folder",
                (mirror, kind, name, name_in(title), name_in(folder)),
            )
            row = connection.execute(
                "SELECT id FROM collections WHERE mirror = ? AND kind = ? AND name = ?",
                (mirror, kind, name),
            ).fetchone()
        return int(row[0])

    def drop_collection(self, number: int) -> None:
        """Forget a collection that holds no file any more."""
        if self._db.writable:
            with self._db.write() as connection:
                connection.execute(
                    "DELETE FROM collections WHERE id = ?1"
                    " AND NOT EXISTS (SELECT 1 FROM placed WHERE collection = ?1)"
                    " AND NOT EXISTS (SELECT 1 FROM arrivals WHERE collection = ?1)",
                    (number,),
                )

    # files of ours

    def placed(self, collection: int, ids: Sequence[AssetId]) -> dict[AssetId, Placed]:
        """What we put on disk for these assets of one collection."""
        found: dict[AssetId, Placed] = {}
        with self._db.read() as connection:
            for chunk in chunks(ids):
                for row in connection.execute(
                    f"SELECT {_COLUMNS} FROM placed WHERE collection = ?"
                    f" AND asset_id IN ({marks(len(chunk))})",
                    (collection, *map(asset_in, chunk)),
                ):
                    placed = _placed(row)
                    found[placed.asset_id] = placed
        return found

    def placed_copies(self, mirror: int, ids: Sequence[AssetId]) -> dict[AssetId, list[Placed]]:
        """Every file of these assets below a mirror, whatever the collection."""
        found: dict[AssetId, list[Placed]] = {}
        with self._db.read() as connection:
            for chunk in chunks(ids):
                for row in connection.execute(
                    f"SELECT {_COLUMNS} FROM placed WHERE mirror = ?"
                    f" AND asset_id IN ({marks(len(chunk))})",
                    (mirror, *map(asset_in, chunk)),
                ):
                    placed = _placed(row)
                    found.setdefault(placed.asset_id, []).append(placed)
        return found

    def name_holders(self, mirror: int, keys: Sequence[str]) -> dict[str, tuple[int, AssetId]]:
        """Which collection and asset hold these path keys (`policy.naming.name_key`)."""
        found: dict[str, tuple[int, AssetId]] = {}
        with self._db.read() as connection:
            for chunk in chunks(keys):
                for key, collection, asset in connection.execute(
                    "SELECT path_key, collection, asset_id FROM placed WHERE mirror = ?"
                    f" AND path_key IN ({marks(len(chunk))})",
                    (mirror, *map(name_in, chunk)),
                ):
                    found[name_out(key)] = (collection, asset_out(asset))
        return found

    def every_placed(self, mirror: int, collection: int | None = None) -> Iterator[list[Placed]]:
        """All files of ours below a mirror (or of one collection), a page at a time; rows may be
        dropped meanwhile."""
        after: tuple[int, object] = (-1, b"")
        while True:
            with self._db.read() as connection:
                rows = connection.execute(
                    f"SELECT {_COLUMNS} FROM placed WHERE (collection, asset_id) > (?, ?)"
                    + (" AND mirror = ?" if collection is None else " AND collection = ?")
                    + " ORDER BY collection, asset_id LIMIT ?",
                    (*after, mirror if collection is None else collection, PAGE),
                ).fetchall()
            if not rows:
                return
            after = (rows[-1][0], rows[-1][1])
            yield [_placed(row) for row in rows]

    def placed_count(self, collection: int) -> int:
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT count(*) FROM placed WHERE collection = ?", (collection,)
            ).fetchone()
        return int(row[0])

    def place(
        self,
        mirror: int,
        rows: Iterable[Placed],
        *,
        arrived: bool = False,
        moving: Mapping[tuple[int, AssetId], str] = MappingProxyType({}),
    ) -> None:
        """Remember files of ours as they are now: their part files are over, with `arrived` what
        was promised of their names, too, and whatever move they were on but for those that
        `moving` sends on, by collection and asset."""
        rows = list(rows)
        values = []
        for row in rows:
            target = moving.get((row.collection, row.asset_id))
            on_the_way = None if target is None else name_in(target)
            values.append((*_values(mirror, row), name_in(name_key(row.path)), on_the_way))
        if values and self._db.writable:
            with self._db.write() as connection:
                connection.executemany(
                    f"INSERT OR REPLACE INTO placed (mirror, {_COLUMNS}, path_key, moving)"
                    f" VALUES ({marks(14)})",
                    values,
                )
                any_parts = "SELECT 1 FROM parts WHERE mirror = ? LIMIT 1"
                if connection.execute(any_parts, (mirror,)).fetchone():
                    connection.executemany(
                        "DELETE FROM parts WHERE mirror = ? AND asset_id = ? AND path = ?",
                        [(mirror, asset_in(row.asset_id), name_in(_part(row))) for row in rows],
                    )
                if arrived:
                    connection.executemany(_END_ARRIVAL, [value[1:3] for value in values])

    def stamp(self, rows: Iterable[Placed]) -> None:
        """Remember other sidecar stamps of files that are placed; nothing else of them."""
        values = [(row.sidecar_stamp, row.collection, asset_in(row.asset_id)) for row in rows]
        if values and self._db.writable:
            with self._db.write() as connection:
                connection.executemany(
                    "UPDATE placed SET sidecar_stamp = ? WHERE collection = ? AND asset_id = ?",
                    values,
                )

    def unplace(self, rows: Iterable[tuple[int, AssetId]]) -> None:
        """Forget files that are no longer ours, by collection and asset."""
        keys = [(collection, asset_in(asset)) for collection, asset in rows]
        if keys and self._db.writable:
            with self._db.write() as connection:
                connection.executemany(
                    "DELETE FROM placed WHERE collection = ? AND asset_id = ?", keys
                )

    def intend_moves(self, rows: Iterable[tuple[int, AssetId, str]]) -> None:
        """Say where files are about to be renamed to: (collection, asset, path)."""
        values = [(name_in(path), collection, asset_in(asset)) for collection, asset, path in rows]
        if values and self._db.writable:
            with self._db.write() as connection:
                connection.executemany(
                    "UPDATE placed SET moving = ? WHERE collection = ? AND asset_id = ?", values
                )

    def moves(self, mirror: int) -> list[tuple[Placed, str]]:
        """Files that were being renamed when a run ended, and where to."""
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS}, moving FROM placed WHERE mirror = ? AND moving IS NOT NULL",
                (mirror,),
            ).fetchall()
        return [(_placed(row[:-1]), name_out(row[-1])) for row in rows]

    # names that are about to appear

    def begin_arrivals(self, mirror: int, rows: Iterable[Placed], *, durable: bool = False) -> None:
        """Remember files that are about to get their final names; if asked for, through a power
        cut."""
        values = [_values(mirror, row) for row in rows]
        if values and self._db.writable:
            with self._db.write(durable=durable) as connection:
                connection.executemany(
                    f"INSERT OR REPLACE INTO arrivals (mirror, {_COLUMNS}) VALUES ({marks(12)})",
                    values,
                )

    def arrivals(self, mirror: int) -> list[Placed]:
        """Files whose run ended between their promise and their place."""
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM arrivals WHERE mirror = ?", (mirror,)
            ).fetchall()
        return [_placed(row) for row in rows]

    def end_arrivals(self, rows: Iterable[tuple[int, AssetId]]) -> None:
        """They did not arrive, by collection and asset."""
        keys = [(collection, asset_in(asset)) for collection, asset in rows]
        if keys and self._db.writable:
            with self._db.write() as connection:
                connection.executemany(_END_ARRIVAL, keys)

    # bodies that are coming down

    def begin_parts(self, mirror: int, parts: Iterable[Part]) -> None:
        """Remember, through a power cut, part files before they are made; a validator that is known
        stays."""
        values = [(mirror, asset_in(p.asset_id), name_in(p.path), p.validator) for p in parts]
        if values and self._db.writable:
            with self._db.write(durable=True) as connection:
                connection.executemany(
                    "INSERT INTO parts VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET"
                    " validator = CASE WHEN path = excluded.path"
                    " THEN coalesce(excluded.validator, validator) ELSE excluded.validator END,"
                    " path = excluded.path",
                    values,
                )

    def parts(self, mirror: int) -> list[Part]:
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT asset_id, path, validator FROM parts WHERE mirror = ?", (mirror,)
            ).fetchall()
        return [Part(asset_out(asset), name_out(path), text) for asset, path, text in rows]

    def end_parts(self, mirror: int, ids: Iterable[AssetId]) -> None:
        """Their part files are gone."""
        keys = [(mirror, asset_in(asset)) for asset in ids]
        if keys and self._db.writable:
            with self._db.write() as connection:
                connection.executemany("DELETE FROM parts WHERE mirror = ? AND asset_id = ?", keys)


def _values(mirror: int, row: Placed) -> tuple[object, ...]:
    """The mirror, then `_COLUMNS`."""
    return (
        mirror,
        row.collection,
        asset_in(row.asset_id),
        name_in(row.path),
        name_in(row.base),
        row.sha1,
        row.fingerprint.size,
        signed(row.fingerprint.mtime_ns),
        signed(row.fingerprint.inode),
        row.xxh3,
        row.proven,
        row.sidecar_stamp,
    )


def _part(row: Placed) -> str:
    """The part file that a placed file grew in."""
    folder, slash, _ = row.path.rpartition("/")
    return folder + slash + part_name(row.asset_id, row.sha1 if row.proven else None)


def _placed(row: tuple[int, bytes, bytes, bytes, Sha1, int, int, int, bytes, int, str]) -> Placed:
    collection, asset, path, base, sha1, size, mtime_ns, inode, xxh3, proven, stamp = row
    return Placed(
        collection,
        asset_out(asset),
        name_out(path),
        name_out(base),
        sha1,
        Fingerprint(size, mtime_ns, inode),
        xxh3,
        bool(proven),
        stamp,
    )

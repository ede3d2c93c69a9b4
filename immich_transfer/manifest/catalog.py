"""The listing of one run, on disk instead of in memory: what the server holds, and where it goes.

A private database without a name, which SQLite deletes when it is closed: 100,000 assets cost the
cache of one connection. It outlives nothing; what must be remembered is the manifest's.

    members   ids per collection, as the server's own complete lists tell them
    assets    what is known of each id
    wanted    one row for each file there is to be, in the order of paths
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from immich_transfer.model import AssetId, RemoteAsset

from .database import chunks, marks
from .encoding import asset_in, asset_out, name_in, name_out
from .names import Names
from .scratch import BATCH


class Member(NamedTuple):
    """An id in a collection."""

    asset_id: AssetId
    still: AssetId | None = None
    """For the video of a live photo, the still it belongs to."""
    direct: bool = True
    """False for a video that only comes along with its still."""


class Wanted(NamedTuple):
    """A file there is to be."""

    number: int
    collection: int
    asset: RemoteAsset
    base: str
    path: str


class Catalog(Names):
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(RemoteAsset).decode

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

    def assets(self, ids: Sequence[AssetId]) -> dict[AssetId, RemoteAsset]:
        """What is known of these."""
        found = {}
        with self._use() as db:
            for chunk in chunks(ids):
                for asset_id, data, size in db.execute(
                    "SELECT asset_id, data, size FROM assets LEFT JOIN sizes USING (asset_id)"
                    f" WHERE asset_id IN ({marks(len(chunk))})",
                    [asset_in(asset_id) for asset_id in chunk],
                ):
                    found[asset_out(asset_id)] = self._asset(data, size)
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

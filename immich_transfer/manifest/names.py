"""Which file is called what: the wishes of one run, until each has its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from immich_transfer.model import AssetId

from .database import chunks, marks
from .encoding import asset_in, asset_out, name_in, name_out
from .scratch import BATCH, Scratch


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


class Names(Scratch):
    """The part of the catalog that names files."""

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
        after: bytes | None = None  # a key may be empty: a name of nothing but joiners
        while True:
            with self._use() as db:
                db.execute(
                    "CREATE INDEX IF NOT EXISTS naming_base ON naming (base_key) WHERE path IS NULL"
                )
                keys = db.execute(
                    "SELECT DISTINCT base_key FROM naming WHERE path IS NULL"
                    f" AND base_key {'>=' if after is None else '>'} ? ORDER BY base_key LIMIT ?",
                    (after or b"", BATCH),
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

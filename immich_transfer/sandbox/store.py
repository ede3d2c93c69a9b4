"""What the sandbox keeps: files on disk, rows in SQLite, and all rows in memory for speed.

Every change is written through before it is answered. The database is not synced to disk: a
sandbox survives being killed, not a power cut.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (kind TEXT, id TEXT, data BLOB, PRIMARY KEY (kind, id))
WITHOUT ROWID
"""


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


@dataclass
class User:
    """An account; `quota` in bytes, None for none."""

    id: str
    name: str
    admin: bool = False
    quota: int | None = None
    usage: int = 0


@dataclass
class Key:
    """An API key of a user."""

    id: str
    secret: str
    user: str
    permissions: list[str]


@dataclass
class Asset:
    """One photo or video. `sha1` is lower-case hex."""

    id: str
    owner: str
    sha1: str
    name: str
    size: int
    created: str
    modified: str
    visibility: str = "timeline"
    favorite: bool = False
    trashed: bool = False
    sidecar: bool = False
    live_video: str | None = None
    added: str = field(default_factory=now_text)


@dataclass
class Album:
    """An album with its assets in the order they were added."""

    id: str
    owner: str
    name: str
    description: str = ""
    created: str = field(default_factory=now_text)
    assets: dict[str, None] = field(default_factory=dict)


@dataclass
class Tag:
    """A tag by its full path, with the assets under it."""

    id: str
    owner: str
    value: str
    assets: dict[str, None] = field(default_factory=dict)


Row = User | Key | Asset | Album | Tag
_KINDS: dict[str, type[Row]] = {
    "user": User,
    "key": Key,
    "asset": Asset,
    "album": Album,
    "tag": Tag,
}


class Store:
    """One data folder."""

    def __init__(self, folder: str, admin_key: str | None = None) -> None:
        self.folder = folder
        os.makedirs(os.path.join(folder, "upload"), exist_ok=True)
        self._db = sqlite3.connect(os.path.join(folder, "sandbox.sqlite3"), isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_SCHEMA)
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        self.assets: dict[str, Asset] = {}
        self.albums: dict[str, Album] = {}
        self.tags: dict[str, Tag] = {}
        self.by_checksum: dict[tuple[str, str], Asset] = {}
        self.dying: set[str] = set()
        """Deleted for good, but the job has not run yet: still found by checksum."""
        self._load()
        if not self.users:
            admin = self.add_user("Admin", admin=True)
            self.add_key(admin, ["all"], admin_key)
        elif admin_key is not None and admin_key not in self.keys:
            self.add_key(next(iter(self.users.values())), ["all"], admin_key)

    @property
    def first_key(self) -> str:
        return next(iter(self.keys))

    def close(self) -> None:
        self._db.close()

    def _load(self) -> None:
        for kind, data in self._db.execute("SELECT kind, data FROM rows"):
            self._index(msgspec.json.decode(data, type=_KINDS[kind]))

    def _index(self, row: Row) -> None:
        match row:
            case User():
                self.users[row.id] = row
            case Key():
                self.keys[row.secret] = row
            case Asset():
                self.assets[row.id] = row
                self.by_checksum[row.owner, row.sha1] = row
            case Album():
                self.albums[row.id] = row
            case Tag():
                self.tags[row.id] = row

    def save(self, *rows: Row) -> None:
        """Write rows through; new ones become known."""
        for row in rows:
            self._index(row)
        values = [(type(row).__name__.lower(), row.id, msgspec.json.encode(row)) for row in rows]
        if len(values) == 1:
            self._db.execute("INSERT OR REPLACE INTO rows VALUES (?,?,?)", values[0])
        else:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO rows VALUES (?,?,?)", values)
            self._db.execute("COMMIT")

    def add_user(self, name: str, *, admin: bool = False, quota: int | None = None) -> User:
        user = User(str(uuid.uuid4()), name, admin, quota)
        self.save(user)
        return user

    def add_key(self, user: User, permissions: list[str], secret: str | None = None) -> Key:
        key = Key(str(uuid.uuid4()), secret or secrets.token_urlsafe(32), user.id, permissions)
        self.save(key)
        return key

    def add_asset(self, asset: Asset) -> None:
        user = self.users[asset.owner]
        user.usage += asset.size
        self.save(asset, user)

    def seed(self, user: User, count: int) -> None:
        """Rows without files: a library of synthetic assets."""
        stamp = now_text()
        self.save(
            *(
                Asset(
                    str(uuid.uuid4()),
                    user.id,
                    secrets.token_hex(20),
                    f"SEED_{n:07}.jpg",
                    1000,
                    stamp,
                    stamp,
                )
                for n in range(count)
            )
        )

    def path_of(self, asset_id: str) -> str:
        return os.path.join(self.folder, "upload", asset_id[:2], asset_id)

    def new_path(self) -> tuple[str, str]:
        """A fresh asset id and where its file goes."""
        asset_id = str(uuid.uuid4())
        path = self.path_of(asset_id)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return asset_id, path

    def delete(self, assets: Iterable[Asset]) -> None:
        """Forget assets and their files (what the deletion job does)."""
        for asset in assets:
            self.dying.discard(asset.id)
            self.assets.pop(asset.id, None)
            self.by_checksum.pop((asset.owner, asset.sha1), None)
            self._db.execute("DELETE FROM rows WHERE kind = 'asset' AND id = ?", (asset.id,))
            collections: list[Album | Tag] = [*self.albums.values(), *self.tags.values()]
            for collection in collections:
                if asset.id in collection.assets:
                    del collection.assets[asset.id]
                    self.save(collection)
            user = self.users[asset.owner]
            user.usage = max(0, user.usage - asset.size)
            self.save(user)
            if os.path.exists(path := self.path_of(asset.id)):
                os.unlink(path)

    def remove_album(self, album: Album) -> None:
        self.albums.pop(album.id, None)
        self._db.execute("DELETE FROM rows WHERE kind = 'album' AND id = ?", (album.id,))

"""What the sandbox keeps: files on disk, rows in SQLite, and all rows in memory for speed.

Every change is written through before it is answered. Nothing is synced to disk unless `durable`:
a sandbox survives being killed, not a power cut.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

import msgspec

from .rows import (
    Album,
    Asset,
    Collection,
    Key,
    Library,
    Person,
    Row,
    Stack,
    Tag,
    User,
    later_than,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stored
(place INTEGER PRIMARY KEY, kind TEXT, id TEXT, data BLOB, UNIQUE (kind, id))
"""
_WRITE = """
INSERT INTO stored (kind, id, data) VALUES (?, ?, ?)
ON CONFLICT (kind, id) DO UPDATE SET data = excluded.data
"""
"""A row that changes keeps its place: everything is in the same order after a restart."""
REMEMBERED = 16
"""Answers kept while nothing changes."""
T = TypeVar("T")
_KINDS: dict[str, type[Row]] = {
    kind.__name__.lower(): kind for kind in (User, Key, Asset, Album, Tag, Person, Stack, Library)
}


class Store:
    """One data folder."""

    def __init__(self, folder: str, admin_key: str | None = None, *, durable: bool = False) -> None:
        self.folder = folder
        self.durable = durable
        os.makedirs(os.path.join(folder, "upload"), exist_ok=True)
        self._db = sqlite3.connect(os.path.join(folder, "sandbox.sqlite3"), isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        self._db.execute(_SCHEMA)
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        """By their secret."""
        self.assets: dict[str, Asset] = {}
        self.albums: dict[str, Album] = {}
        self.tags: dict[str, Tag] = {}
        self.people: dict[str, Person] = {}
        self.stacks: dict[str, Stack] = {}
        self.libraries: dict[str, Library] = {}
        self.by_checksum: dict[tuple[str, str], Asset] = {}
        """Uploads by owner and SHA-1; library assets have no checksum of their content."""
        self.dying: set[str] = set()
        """Deleted for good, but the job has not run yet: still found by checksum."""
        self.usage: Counter[str] = Counter()
        """Bytes by owner."""
        self.generation = 0
        """Rises with every change: what was computed from rows is stale when it moved."""
        self._folders: set[str] = set()
        self._answers: dict[Hashable, tuple[int, Any]] = {}
        self._load()
        if not self.users:
            admin = self.add_user("Admin", admin=True)
            self.add_key(admin, ["all"], admin_key)
        elif admin_key is not None and admin_key not in self.keys:
            self.add_key(self.admin, ["all"], admin_key)

    @property
    def admin(self) -> User:
        return next(iter(self.users.values()))

    @property
    def first_key(self) -> str:
        """The admin's own key, from the first start."""
        return min(
            self.keys.values(), key=lambda key: (key.user != self.admin.id, key.added)
        ).secret

    def close(self) -> None:
        self._db.close()

    def _load(self) -> None:
        for kind, data in self._db.execute("SELECT kind, data FROM stored ORDER BY place"):
            self._index(msgspec.json.decode(data, type=_KINDS[kind]))

    def _index(self, row: Row) -> None:
        match row:
            case User():
                self.users[row.id] = row
            case Key():
                self.keys[row.secret] = row
            case Asset():
                if row.id not in self.assets:
                    self.assets[row.id] = row
                    self.usage[row.owner] += row.size
                if row.library is None:
                    self.by_checksum[row.owner, row.sha1] = row
            case Album():
                self.albums[row.id] = row
            case Tag():
                self.tags[row.id] = row
            case Person():
                self.people[row.id] = row
            case Stack():
                self.stacks[row.id] = row
            case Library():
                self.libraries[row.id] = row

    def save(self, *rows: Row) -> None:
        """Write rows through, all or none; new ones become known."""
        self.generation += 1
        for row in rows:
            self._index(row)
        values = [(type(row).__name__.lower(), row.id, msgspec.json.encode(row)) for row in rows]
        if len(values) == 1:
            self._db.execute(_WRITE, values[0])
        elif values:
            self._db.execute("BEGIN")
            self._db.executemany(_WRITE, values)
            self._db.execute("COMMIT")

    def remember(self, question: Hashable, work: Callable[[], T]) -> T:
        """The answer to a question about the rows, worked out anew when they have changed.

        Pages and months of a large library ask the same again and again.
        """
        generation, found = self._answers.pop(question, (-1, None))
        if generation != self.generation:
            found = work()
        if len(self._answers) >= REMEMBERED:
            self._answers.pop(next(iter(self._answers)))  # the one not asked for longest
        self._answers[question] = (self.generation, found)
        answer: T = found
        return answer

    def touch(self, *assets: Asset) -> None:
        """Save assets that were edited."""
        for asset in assets:
            asset.updated = later_than(asset.updated)
        self.save(*assets)

    def _drop(self, rows: Iterable[Row]) -> None:
        self.generation += 1
        self._db.execute("BEGIN")
        self._db.executemany(
            "DELETE FROM stored WHERE kind = ? AND id = ?",
            [(type(row).__name__.lower(), row.id) for row in rows],
        )
        self._db.execute("COMMIT")

    def add_user(self, name: str, *, admin: bool = False, quota: int | None = None) -> User:
        user = User(str(uuid.uuid4()), name, admin, quota)
        self.save(user)
        return user

    def add_key(
        self, user: User, permissions: list[str], secret: str | None = None, name: str = "key"
    ) -> Key:
        secret = secret or secrets.token_urlsafe(32)
        key = Key(str(uuid.uuid4()), secret, user.id, permissions, name)
        self.save(key)
        return key

    def path_of(self, asset: Asset) -> str:
        """Where the original lies."""
        return asset.place or self.upload_path(asset.id)

    def upload_path(self, asset_id: str) -> str:
        return os.path.join(self.folder, "upload", asset_id[:2], asset_id)

    def new_path(self) -> tuple[str, str]:
        """A fresh asset id and where its file goes."""
        asset_id = str(uuid.uuid4())
        path = self.upload_path(asset_id)
        if asset_id[:2] not in self._folders:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._folders.add(asset_id[:2])
        return asset_id, path

    def delete(self, assets: Iterable[Asset]) -> None:
        """Forget assets and their files, and a live photo's video with its last photo."""
        doomed = {asset.id: asset for asset in assets if asset.id in self.assets}
        videos = {asset.live_video for asset in doomed.values() if asset.live_video}
        if videos:
            kept = {a.live_video for a in self.assets.values() if a.id not in doomed}
            doomed |= {v: self.assets[v] for v in videos - kept if v in self.assets}
        if not doomed:
            return
        for asset in doomed.values():
            self.dying.discard(asset.id)
            del self.assets[asset.id]
            if self.by_checksum.get((asset.owner, asset.sha1)) is asset:
                del self.by_checksum[asset.owner, asset.sha1]
            self.usage[asset.owner] -= asset.size
            if asset.place is None:
                path = self.upload_path(asset.id)
                for file in (path, path + ".xmp"):
                    if os.path.exists(file):
                        os.unlink(file)
        changed: list[Row] = []
        collections: list[Collection] = [
            *self.albums.values(),
            *self.tags.values(),
            *self.people.values(),
            *self.stacks.values(),
        ]
        for collection in collections:
            gone = collection.assets.keys() & doomed.keys()
            for asset_id in gone:
                del collection.assets[asset_id]
            if gone:
                changed.append(collection)
        self._drop(doomed.values())
        self.save(*changed)
        self.remove_stacks(s for s in list(self.stacks.values()) if len(s.assets) < 2)

    def remove_album(self, album: Album) -> None:
        self.albums.pop(album.id, None)
        self._drop([album])

    def remove_tag(self, tag: Tag) -> None:
        """A tag and what is below it."""
        gone = [
            t
            for t in self.tags.values()
            if t.owner == tag.owner and (t is tag or t.value.startswith(tag.value + "/"))
        ]
        for one in gone:
            del self.tags[one.id]
        self._drop(gone)

    def remove_stacks(self, stacks: Iterable[Stack]) -> None:
        gone = list(stacks)
        for stack in gone:
            self.stacks.pop(stack.id, None)
        self._drop(gone)

    def readdress(self, asset: Asset, *, owner: str, sha1: str, library: str | None) -> None:
        """Give an asset another owner, checksum or library; the caller saves it."""
        if self.by_checksum.get((asset.owner, asset.sha1)) is asset:
            del self.by_checksum[asset.owner, asset.sha1]
        self.usage[asset.owner] -= asset.size
        self.usage[owner] += asset.size
        asset.owner, asset.sha1, asset.library = owner, sha1, library

    def remove_library(self, library: Library) -> None:
        self.libraries.pop(library.id, None)
        self._drop([library])

    def remove_key(self, key: Key) -> None:
        self.keys.pop(key.secret, None)
        self._drop([key])

    def stack_of(self, asset_id: str) -> Stack | None:
        return next((s for s in self.stacks.values() if asset_id in s.assets), None)

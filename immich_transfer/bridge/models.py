"""What the client answers with: frozen values, the same for every server version.

Fields that this project does not know are ignored, those that a version lacks have defaults.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from immich_transfer.model import RemoteAsset

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class User(msgspec.Struct, frozen=True, gc=False):
    """Somebody on the server, as albums name them."""

    id: str
    name: str = ""
    email: str = ""


class AlbumUser(msgspec.Struct, frozen=True, gc=False):
    """Somebody who sees an album, as `owner`, `editor` or `viewer`."""

    user: User
    role: str = ""


_ALBUM = {
    "name": "albumName",
    "asset_count": "assetCount",
    "created": "createdAt",
    "updated": "updatedAt",
    "start": "startDate",
    "end": "endDate",
    "told_owner": "ownerId",
    "users": "albumUsers",
}
"""What the server calls the fields of an album."""


class Album(msgspec.Struct, frozen=True, gc=False, rename=_ALBUM):
    """An album, without what is in it."""

    id: str
    name: str
    description: str = ""
    asset_count: int = 0
    """Timeline and archive, of all owners."""
    shared: bool = False
    created: str = ""
    updated: str = ""
    start: str | None = None
    """When the oldest and the newest of its photos were taken; None when it is empty."""
    end: str | None = None
    order: str = "desc"
    """How other clients sort it: `asc` or `desc`."""
    told_owner: str | None = None
    """Only before 3.0; use `owner`."""
    users: tuple[AlbumUser, ...] = ()
    """Who it is shared with; from 3.0 on the first is the owner."""

    @property
    def owner(self) -> str | None:
        """The id of the user whose album it is."""
        if self.told_owner is not None:
            return self.told_owner
        return self.users[0].user.id if self.users else None


class Tag(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A tag."""

    id: str
    name: str = ""
    """The last part of its path."""
    value: str = ""
    """The full path, like `Trips/Sea`; before 1.113 there is only the name."""
    parent_id: str | None = None
    color: str | None = None

    @property
    def path(self) -> str:
        return self.value or self.name


class Person(msgspec.Struct, frozen=True, gc=False):
    """Somebody recognised; `name` is '' until the user gives one."""

    id: str
    name: str = ""


class Asset(RemoteAsset, frozen=True, gc=False):
    """A photo or a video. Instants are in ms since the epoch; `taken_at` and its like are the same
    as datetimes.

    Lists tell `size`, `camera`, `place` and what stands below `width` only when asked for details,
    `people` and `tags` never: `assets.get` tells everything.
    """

    favorite: bool = False
    """False for assets of others."""
    offline: bool = False
    """Of an external library whose file is gone."""
    added: int = 0
    """When it came to the server (>= 1.140)."""
    library: str | None = None
    """The external library it belongs to."""
    mime: str = ""
    path: str = ""
    """Where the server keeps it."""
    duration: float | None = None
    """Seconds of a video."""
    width: int | None = None
    height: int | None = None
    description: str = ""
    rating: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None
    people: tuple[Person, ...] = ()
    tags: tuple[Tag, ...] = ()

    @property
    def kind(self) -> Literal["image", "video"]:
        return "video" if self.video else "image"

    @property
    def sha1_hex(self) -> str | None:
        """The SHA-1 of the original; None in external libraries, where the server has none."""
        return self.sha1.hex() if self.sha1 is not None else None

    @property
    def taken_at(self) -> datetime:
        """When it was taken, as an instant."""
        return moment(self.taken)

    @property
    def modified_at(self) -> datetime:
        """The mtime of the file once uploaded."""
        return moment(self.modified)

    @property
    def added_at(self) -> datetime | None:
        """When it came to the server; None before 1.140."""
        return moment(self.added) if self.added else None


Outcome = Literal[
    "added", "already-in", "removed", "not-in", "trashed", "deleted", "restored", "refused"
]


class Change(msgspec.Struct, frozen=True, gc=False):
    """What became of one asset that was to be put somewhere, taken out, deleted or restored."""

    id: str
    outcome: Outcome
    error: str | None = None
    """Why it was refused."""

    @property
    def ok(self) -> bool:
        """True when it is as was asked for, changed or not."""
        return self.outcome != "refused"


def moment(ms: int) -> datetime:
    """An instant in ms as a datetime in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)

"""The rows of the sandbox's store, as they lie in SQLite (JSON) and in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


def now_text() -> str:
    """Now, as the API writes instants: UTC, milliseconds, Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def later_than(before: str) -> str:
    """Now, or a millisecond after `before` if that is not past yet: a change always shows."""
    now = now_text()
    if now > before:
        return now
    moment = datetime.fromisoformat(before) + timedelta(milliseconds=1)
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


@dataclass
class User:
    """An account; `quota` in bytes, None for none."""

    id: str
    name: str
    admin: bool = False
    quota: int | None = None
    added: str = field(default_factory=now_text)


@dataclass
class Key:
    """An API key of a user."""

    id: str
    secret: str
    user: str
    permissions: list[str]
    name: str = "key"
    added: str = field(default_factory=now_text)


@dataclass(slots=True)
class Asset:
    """One photo or video.

    `sha1` is lower-case hex, of the content for uploads and of `path:<place>` for library assets
    (as on the real servers). `created` is what the metadata job leaves when a file has no EXIF
    date: the earlier of the two dates sent.
    """

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
    device_asset: str = ""
    device: str = ""
    description: str = ""
    rating: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    library: str | None = None
    place: str | None = None
    """Where a library's file lies; uploads lie in the store."""
    offline: bool = False
    zone: str | None = None
    """Of `created`, like `UTC+2`; None shows the wall clock of UTC."""
    make: str | None = None
    model: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    added: str = field(default_factory=now_text)
    updated: str = field(default_factory=now_text)


@dataclass
class Album:
    """An album with its assets in the order they were added, and its other users by id."""

    id: str
    owner: str
    name: str
    description: str = ""
    added: str = field(default_factory=now_text)
    updated: str = field(default_factory=now_text)
    order: str = "desc"
    assets: dict[str, None] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    """`editor` or `viewer` by user id, without the owner."""


@dataclass
class Tag:
    """A tag by its full path, with the assets under it."""

    id: str
    owner: str
    value: str
    parent: str | None = None
    added: str = field(default_factory=now_text)
    assets: dict[str, None] = field(default_factory=dict)


@dataclass
class Person:
    """A person one user knows, with the assets that show their face."""

    id: str
    owner: str
    name: str
    hidden: bool = False
    favorite: bool = False
    added: str = field(default_factory=now_text)
    assets: dict[str, None] = field(default_factory=dict)


@dataclass
class Stack:
    """Assets shown as one; the first is on top."""

    id: str
    owner: str
    assets: dict[str, None] = field(default_factory=dict)
    added: str = field(default_factory=now_text)


@dataclass
class Library:
    """An external library: files of the server's own disk."""

    id: str
    owner: str
    name: str
    paths: list[str] = field(default_factory=list)
    exclusions: list[str] = field(default_factory=list)
    scanned: str | None = None
    added: str = field(default_factory=now_text)


Row = User | Key | Asset | Album | Tag | Person | Stack | Library
Collection = Album | Tag | Person | Stack
"""What holds assets by id."""

"""What the control routes change on assets, beyond what the API lets one user do.

`edit` takes, all optional: name, visibility, favorite, description, rating, latitude, longitude,
created, modified (ISO dates; an offset other than Z becomes the zone), make, model, city, state,
country, offline, checksum (hex), owner (a user's id), library (a name: the asset becomes one of
that external library, its checksum that of its path), live_video (an id; null unlinks), people,
tags (lists of names that replace what was), album (a name or names to put the asset in).
What is named and not there is created.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from .checking import as_text, path_checksum, zone_of
from .rows import Album, Asset, Library, Person, Tag, later_than
from .store import Store
from .tags import chain
from .versions import VISIBILITIES, words

Holder = TypeVar("Holder", Person, Tag)
_PLAIN = frozenset(
    words(
        """name visibility favorite description rating latitude longitude make model city state
    country offline"""
    )
)
_OTHER = frozenset(words("created modified checksum owner library live_video people tags album"))


def edit(store: Store, assets: Sequence[Asset], changes: dict[str, Any]) -> None:
    """Change assets as told; ValueError for a change that is none."""
    unknown = changes.keys() - _PLAIN - _OTHER
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if changes.get("visibility", "timeline") not in VISIBILITIES:
        raise ValueError(f"no visibility: {changes['visibility']!r}")
    str(changes.get("name", "")).encode()  # a lone surrogate is a ValueError
    plain = {name: value for name, value in changes.items() if name in _PLAIN}
    owner = store.users[changes["owner"]].id if "owner" in changes else None
    for asset in assets:
        for name, value in plain.items():
            setattr(asset, name, value)
        _date(asset, changes)
        if owner is not None:
            store.readdress(asset, owner=owner, sha1=asset.sha1, library=asset.library)
        if "checksum" in changes:
            sha1 = str(changes["checksum"]).lower()
            store.readdress(asset, owner=asset.owner, sha1=sha1, library=asset.library)
        if "library" in changes:
            _into_library(store, asset, str(changes["library"]))
        if "live_video" in changes:
            asset.live_video = changes["live_video"]
    video = store.assets[changes["live_video"]] if changes.get("live_video") else None
    if video is not None:
        video.visibility = "hidden"
    store.touch(*assets, *([video] if video is not None else []))
    if "people" in changes:
        _assign(store, assets, [*store.people.values()], changes["people"], person)
    if "tags" in changes:
        _assign(store, assets, [*store.tags.values()], changes["tags"], chain)
    for name in names_of(changes.get("album")):
        for user in {asset.owner: None for asset in assets}:
            put_into_album(store, user, name, [a.id for a in assets if a.owner == user])


def _date(asset: Asset, changes: dict[str, Any]) -> None:
    if "created" in changes:
        text = str(changes["created"])
        asset.created, asset.zone = moment(text), None if text.endswith("Z") else zone_of(text)
    if "modified" in changes:
        asset.modified = moment(str(changes["modified"]))


def moment(text: str) -> str:
    """An ISO date as the API writes it; ValueError for another text."""
    found = datetime.fromisoformat(text)
    return as_text(found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC))


def names_of(value: str | list[str] | None) -> list[str]:
    """One name or several, as a list."""
    return [value] if isinstance(value, str) else list(value or ())


def _into_library(store: Store, asset: Asset, name: str) -> None:
    libraries = (x for x in store.libraries.values() if (x.owner, x.name) == (asset.owner, name))
    library = next(libraries, None)
    if library is None:
        library = Library(str(uuid.uuid4()), asset.owner, name)
        store.save(library)
    place = store.path_of(asset)
    store.readdress(asset, owner=asset.owner, sha1=path_checksum(place), library=library.id)
    asset.place = place


def _assign(
    store: Store,
    assets: Sequence[Asset],
    there: Sequence[Holder],
    names: Iterable[str],
    find: Callable[[Store, str, str], Holder],
) -> None:
    """Take assets out of the people or tags there are, and put them under these names."""
    ids = {asset.id for asset in assets}
    changed: dict[str, Holder] = {}
    for holder in there:
        for asset_id in holder.assets.keys() & ids:
            del holder.assets[asset_id]
            changed[holder.id] = holder
    for name in names:
        for owner in {asset.owner: None for asset in assets}:
            holder = find(store, owner, name)
            holder.assets |= {asset.id: None for asset in assets if asset.owner == owner}
            changed[holder.id] = holder
    store.save(*changed.values())


def person(store: Store, owner: str, name: str) -> Person:
    """The user's person of this name, new if there is none."""
    there = (p for p in store.people.values() if (p.owner, p.name) == (owner, name))
    found = next(there, None)
    if found is None:
        found = Person(str(uuid.uuid4()), owner, name)
        store.save(found)
    return found


def put_into_album(store: Store, owner: str, name: str, ids: Iterable[str]) -> Album:
    """The user's album of this name, new if there is none, with these assets at its end."""
    there = (a for a in store.albums.values() if (a.owner, a.name) == (owner, name))
    album = next(there, None) or Album(str(uuid.uuid4()), owner, name)
    album.assets |= dict.fromkeys(ids)
    album.updated = later_than(album.updated)
    store.save(album)
    return album

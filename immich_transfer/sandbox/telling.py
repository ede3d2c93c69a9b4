"""Everything on the sandbox as one answer, for tests to assert on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .app import Box
from .queues import queue_names
from .rows import Album, Asset, Person, Tag

Holder = TypeVar("Holder", Album, Tag, Person)


def tell(box: Box) -> dict[str, Any]:
    """Assets with all that is known of each; albums, people, stacks, libraries, queues."""
    store = box.store
    albums = _names(store.albums.values(), lambda album: album.name)
    tags = _names(store.tags.values(), lambda tag: tag.value)
    people = _names(store.people.values(), lambda person: person.name)
    nothing: list[str] = []
    return {
        "assets": [
            {
                **_asset(asset),
                "albums": sorted(albums.get(asset.id, nothing)),
                "tags": sorted(tags.get(asset.id, nothing)),
                "people": sorted(people.get(asset.id, nothing)),
            }
            for asset in store.assets.values()
        ],
        "albums": [
            {
                "id": a.id,
                "name": a.name,
                "description": a.description,
                "owner": a.owner,
                "roles": a.roles,
                "assets": list(a.assets),
            }
            for a in store.albums.values()
        ],
        "people": [
            {
                "id": p.id,
                "name": p.name,
                "owner": p.owner,
                "hidden": p.hidden,
                "favorite": p.favorite,
                "assets": list(p.assets),
            }
            for p in store.people.values()
        ],
        "stacks": [{"id": s.id, "assets": list(s.assets)} for s in store.stacks.values()],
        "libraries": [
            {"id": library.id, "name": library.name, "owner": library.owner}
            for library in store.libraries.values()
        ],
        "users": [
            {"id": u.id, "name": u.name, "admin": u.admin, "quota": u.quota}
            for u in store.users.values()
        ],
        "queues": {name: name in box.paused_queues for name in queue_names(box.release)},
        "paused_queues": sorted(box.paused_queues),
    }


def _asset(a: Asset) -> dict[str, Any]:
    return {
        "id": a.id,
        "checksum": a.sha1,
        "originalFileName": a.name,
        "owner": a.owner,
        "size": a.size,
        "trashed": a.trashed,
        "visibility": a.visibility,
        "favorite": a.favorite,
        "sidecar": a.sidecar,
        "live_video": a.live_video,
        "library": a.library,
        "offline": a.offline,
        "created": a.created,
        "modified": a.modified,
        "updated": a.updated,
        "zone": a.zone,
        "description": a.description,
        "rating": a.rating,
        "latitude": a.latitude,
        "longitude": a.longitude,
        "make": a.make,
        "model": a.model,
        "city": a.city,
        "state": a.state,
        "country": a.country,
    }


def _names(holders: Iterable[Holder], name: Callable[[Holder], str]) -> dict[str, list[str]]:
    names: defaultdict[str, list[str]] = defaultdict(list)
    for holder in holders:
        for asset_id in holder.assets:
            names[asset_id].append(name(holder))
    return names

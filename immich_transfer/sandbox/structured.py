"""The structured search of 3.2: `filter`, `orderBy` and `cursor` in place of the flat fields.

Every field of a filter is an object of conditions that must all hold; `or` has branches of which
one must. The cursor is an offset, so filter and order are sent again with it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .answers import Issue, Refusal, invalid
from .app import Call
from .checking import as_hex, as_text, instant, one_of
from .filtering import tag_members
from .media import is_video
from .rows import Asset
from .sight import album_for
from .versions import Release, words

Test = Callable[[Asset], bool]
Look = Callable[[Asset], Any]

_MODE = ("filter", "orderBy", "cursor")
_BESIDE = frozenset(
    [*_MODE, *words("size withExif withPeople withStacked query queryAssetId page")]
)
"""What may be sent together with them."""
_VALUES: dict[str, Look] = {
    "id": lambda a: a.id,
    "checksum": lambda a: a.sha1,
    "originalFileName": lambda a: a.name,
    "originalPath": lambda a: a.place or a.name,
    "description": lambda a: a.description,
    "make": lambda a: a.make,
    "model": lambda a: a.model,
    "city": lambda a: a.city,
    "state": lambda a: a.state,
    "country": lambda a: a.country,
    "libraryId": lambda a: a.library,
    "rating": lambda a: a.rating,
    "fileSizeInBytes": lambda a: a.size,
    "isFavorite": lambda a: a.favorite,
    "isOffline": lambda a: a.offline,
    "isMotion": lambda a: a.live_video is not None,
    "type": lambda a: "VIDEO" if is_video(a.name) else "IMAGE",
    "visibility": lambda a: a.visibility,
    "takenAt": lambda a: a.created,
    "createdAt": lambda a: a.added,
    "updatedAt": lambda a: a.updated,
    # When it was trashed is not kept: nothing is edited in the trash.
    "trashedAt": lambda a: a.updated if a.trashed else None,
}
_DATES = frozenset(words("takenAt createdAt updatedAt trashedAt"))
_SETS = ("albumIds", "personIds", "tagIds")
_HAS = {"hasAlbums": "albumIds", "hasPeople": "personIds", "hasTags": "tagIds"}
_ORDERS: dict[str, Look] = {
    "fileCreatedAt": lambda a: a.created,
    "localDateTime": lambda a: a.created,
    "fileSizeInBytes": lambda a: a.size,
    "rating": lambda a: a.rating or 0,
}


def is_structured(release: Release, body: dict[str, Any]) -> bool:
    """True when one of the new fields is there, in a version that knows them."""
    return release.structured_search and any(name in body for name in _MODE)


def offset_of(body: dict[str, Any]) -> int:
    cursor = body.get("cursor", "0")
    if not (isinstance(cursor, str) and cursor.isdecimal()):
        raise invalid(Issue(("cursor",), "", "Invalid cursor", "custom"))
    return int(cursor)


def structured(call: Call, body: dict[str, Any]) -> list[Asset]:
    """What the filter finds, in the order asked for, ids deciding where that leaves it open."""
    flat = sorted(body.keys() - _BESIDE)
    if flat:
        raise invalid(Issue((flat[0],), "", "Cannot be mixed with filter", "custom"))
    wanted = body.get("filter") or {}
    tests = [*_conditions(call, wanted, ("filter",))]
    branches = [
        [*_conditions(call, branch, ("filter", "or", n))]
        for n, branch in enumerate(wanted.get("or", ()))
    ]
    if "visibility" not in wanted:
        tests.append(lambda asset: asset.visibility != "locked")
    found = [
        asset
        for asset in _base(call, wanted)
        if all(test(asset) for test in tests)
        and (not branches or any(all(test(asset) for test in branch) for branch in branches))
    ]
    order = body.get("orderBy") or {}
    name = one_of(order, "field", tuple(_ORDERS)) or "fileCreatedAt"
    newest = one_of(order, "direction", ("asc", "desc")) != "asc"
    look = _ORDERS[name]
    return sorted(found, key=lambda asset: (look(asset), asset.id), reverse=newest)


def _base(call: Call, wanted: dict[str, Any]) -> Iterable[Asset]:
    """The caller's own, or every owner's where albums are asked for."""
    store, me = call.store, call.user.id
    albums = wanted.get("albumIds") or {}
    ids = [*albums.get("any", ()), *albums.get("all", ())]
    for album_id in [*ids, *albums.get("none", ())]:
        album_for(call, album_id, "album.read", "owner", "editor", "viewer")
    for asset in store.assets.values():
        if asset.id not in store.dying and (ids or asset.owner == me):
            yield asset


def _conditions(call: Call, wanted: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[Test]:
    for name, condition in wanted.items():
        if name == "or" and len(path) == 1:
            continue
        if not isinstance(condition, dict):
            raise invalid(Issue((*path, name), "", "Invalid input: expected object"))
        if name in _SETS:
            yield from _sets(call, name, condition)
        elif name in _HAS:
            yield _belongs(call, _HAS[name], condition.get("eq") is True)
        elif name in _VALUES:
            for word, value in condition.items():
                yield _compared(call, name, word, value, (*path, name, word))
        else:
            raise invalid(Issue(path, "", f'Unrecognized key: "{name}"', "unrecognized_keys"))


def _holders(call: Call, kind: str) -> dict[str, Iterable[str]]:
    """Asset ids by the id of album, person or tag."""
    store = call.store
    if kind == "albumIds":
        return {album.id: album.assets for album in store.albums.values()}
    if kind == "personIds":
        return {person.id: person.assets for person in store.people.values()}
    return {tag: tag_members(store, tag) for tag in store.tags}


def _sets(call: Call, kind: str, condition: dict[str, list[str]]) -> Iterator[Test]:
    holders = _holders(call, kind)
    for word, ids in condition.items():
        if word not in ("all", "any", "none"):
            raise invalid(Issue((kind,), "", f'Unrecognized key: "{word}"', "unrecognized_keys"))
        yield _in_sets(word, [frozenset(holders.get(one, ())) for one in ids])


def _in_sets(word: str, sets: list[frozenset[str]]) -> Test:
    if word == "all":
        return lambda asset: all(asset.id in inside for inside in sets)
    wanted = word == "any"
    return lambda asset: any(asset.id in inside for inside in sets) == wanted


def _belongs(call: Call, kind: str, wanted: bool) -> Test:
    inside = {asset for assets in _holders(call, kind).values() for asset in assets}
    return lambda asset: (asset.id in inside) == wanted


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "in": lambda found, wanted: found in wanted,
    "notIn": lambda found, wanted: found not in wanted,
    "gt": lambda found, wanted: found is not None and found > wanted,
    "gte": lambda found, wanted: found is not None and found >= wanted,
    "lt": lambda found, wanted: found is not None and found < wanted,
    "lte": lambda found, wanted: found is not None and found <= wanted,
    "like": lambda found, wanted: wanted.lower() in (found or "").lower(),
    "notLike": lambda found, wanted: wanted.lower() not in (found or "").lower(),
    "startsWith": lambda found, wanted: (found or "").lower().startswith(wanted.lower()),
    "endsWith": lambda found, wanted: (found or "").lower().endswith(wanted.lower()),
}


def _compared(call: Call, name: str, word: str, value: Any, path: tuple[str | int, ...]) -> Test:
    if word not in _COMPARE:
        raise invalid(Issue(path[:-1], "", f'Unrecognized key: "{word}"', "unrecognized_keys"))
    if name == "visibility" and "locked" in (value if isinstance(value, list) else [value]):
        raise Refusal(401, "Elevated permission is required")
    if name in _DATES and value is not None:
        moment = instant(call.release, value) if isinstance(value, str) else None
        if moment is None:
            raise invalid(Issue(path, "", "Invalid ISO datetime", "invalid_format"))
        value = as_text(moment)
    if name == "checksum":
        value = [as_hex(v) for v in value] if isinstance(value, list) else as_hex(value)
    look, compare = _VALUES[name], _COMPARE[word]
    return lambda asset: compare(look(asset), value)

"""The filters of a search: which assets of the caller, or of albums, it finds.

What all searches share: `/search/metadata`, `/search/smart` and `/search/statistics`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec

from .answers import Issue, Refusal, invalid
from .app import Call
from .checking import as_hex, as_text, field, ids_of, instant, one_of, visibility_of
from .lifetimes import known
from .media import is_video
from .rows import Asset, Tag
from .sight import album_for
from .store import Store

Test = Callable[[Asset], bool]

_PAGING = frozenset(["size", "page", "order", "withExif", "withPeople", "query", "language"])
"""What does not change which assets are found."""
_TYPES = ("IMAGE", "VIDEO", "AUDIO", "OTHER")
_PLACES = ("make", "model", "city", "state", "country")
"""Compared whole; null finds those without."""
_WINDOWS: dict[str, Callable[[Asset], str]] = {
    "created": lambda asset: asset.added,
    "updated": lambda asset: asset.updated,
    # When it was trashed is not kept: nothing is edited in the trash.
    "trashed": lambda asset: asset.updated if asset.trashed else "",
}


def asked(call: Call, body: dict[str, Any]) -> tuple[str, bytes]:
    """Who asks for what, as a key to remember the answer by."""
    rest = {name: value for name, value in body.items() if name not in _PAGING}
    return call.user.id, msgspec.json.encode(rest, order="sorted")


def found(call: Call, body: dict[str, Any]) -> list[Asset]:
    """What a search finds, newest first unless asked otherwise; once while nothing changes.

    Fields the version does not know are as if they were not there.
    """
    body = known(call.release, "search", body)
    question, remember = asked(call, body), call.store.remember
    oldest = remember(("oldest", question), lambda: _matching(call, body))
    if one_of(body, "order", ("asc", "desc")) == "asc":
        return oldest
    return remember(("newest", question), lambda: oldest[::-1])


def _matching(call: Call, body: dict[str, Any]) -> list[Asset]:
    base = _base(call, body)
    first, last = _moment(call, body, "takenAfter"), _moment(call, body, "takenBefore")
    # Inclusive at both ends (recorded).
    start = bisect_left(base, first, key=_created) if first is not None else 0
    end = bisect_right(base, last, key=_created) if last is not None else len(base)
    matching: list[Asset] = base[start:end]
    for test in _tests(call, body):
        matching = [asset for asset in matching if test(asset)]
    return matching


def _created(asset: Asset) -> str:
    return asset.created


def _base(call: Call, body: dict[str, Any]) -> list[Asset]:
    """Where to look, by date: the caller's own, or (3.x) every owner's in an album."""
    store, me = call.store, call.user.id
    ids = ids_of(call.release, body, "albumIds") if body.get("albumIds") else []
    albums = [album_for(call, i, "album.read", "owner", "editor", "viewer") for i in ids]

    def work() -> list[Asset]:
        inside: Iterable[Asset] = store.assets.values()
        if albums:
            common = [i for i in albums[0].assets if all(i in album.assets for album in albums)]
            inside = [store.assets[i] for i in common if i in store.assets]
        if not albums or not call.release.search_album_of_all:
            inside = [asset for asset in inside if asset.owner == me]
        return sorted((a for a in inside if a.id not in store.dying), key=_created)

    return store.remember(("base", me, *ids), work)


def _tests(call: Call, body: dict[str, Any]) -> Iterable[Test]:
    visibility = visibility_of(body)
    if visibility == "locked":
        raise Refusal(401, "Elevated permission is required")
    shown = call.release.search_default if visibility is None else {visibility}
    if not call.release.visibility:
        shown = _by_flags(body)
    yield lambda asset: asset.visibility in shown
    trash = "trashedAfter" in body or "trashedBefore" in body
    if not (trash or field(body, "withDeleted", bool, False)):
        yield lambda asset: not asset.trashed
    yield from _flags(body)
    yield from _texts(call, body)
    yield from _memberships(call, body)
    for word, date in _WINDOWS.items():
        after, before = _moment(call, body, f"{word}After"), _moment(call, body, f"{word}Before")
        if after is not None or before is not None:
            yield _within(date, after or "0", before or "\uffff")


def _by_flags(body: dict[str, Any]) -> set[str]:
    """Before 1.133: without archived ones unless asked for, hidden ones included."""
    shown = {"timeline", "hidden"}
    if field(body, "withArchived", bool, False) or field(body, "isArchived", bool, False):
        shown.add("archive")
    if body.get("isArchived") is True:
        shown = {"archive"}
    visible = field(body, "isVisible", bool)
    if visible is None:
        return shown
    return shown - {"hidden"} if visible else shown & {"hidden"}


def _flags(body: dict[str, Any]) -> Iterable[Test]:
    for name, look in (
        ("isFavorite", lambda asset: asset.favorite),
        ("isOffline", lambda asset: asset.offline),
        ("isMotion", lambda asset: asset.live_video is not None),
    ):
        if name in body:
            yield _equals(look, field(body, name, bool))
    kind = one_of(body, "type", _TYPES)
    if kind is not None:
        yield lambda asset: ("VIDEO" if is_video(asset.name) else "IMAGE") == kind
    if "rating" in body:
        yield _equals(lambda asset: asset.rating, body["rating"])
    if "libraryId" in body:
        yield _equals(lambda asset: asset.library, body["libraryId"])


def _texts(call: Call, body: dict[str, Any]) -> Iterable[Test]:
    for name in _PLACES:
        if name in body:
            yield _equals(attrgetter(name), body[name])
    if "id" in body:
        yield _equals(lambda asset: asset.id, body["id"])
    if "checksum" in body:
        yield _equals(lambda asset: asset.sha1, as_hex(field(body, "checksum", str)))
    if "deviceId" in body:
        yield _equals(lambda asset: asset.device, body["deviceId"])
    for name, look in (
        ("originalFileName", lambda asset: asset.name),
        ("description", lambda asset: asset.description),
    ):
        if name in body:
            yield _contains(look, field(body, name, str))


def _memberships(call: Call, body: dict[str, Any]) -> Iterable[Test]:
    store = call.store
    if body.get("personIds"):
        people = [store.people.get(person) for person in ids_of(call.release, body, "personIds")]
        yield lambda asset: all(one is not None and asset.id in one.assets for one in people)
    if body.get("tagIds"):
        tagged = [tag_members(store, tag) for tag in ids_of(call.release, body, "tagIds")]
        yield lambda asset: all(asset.id in ids for ids in tagged)
    elif "tagIds" in body and body["tagIds"] is None:
        any_tag = {asset for tag in store.tags.values() for asset in tag.assets}
        yield lambda asset: asset.id not in any_tag
    if field(body, "isNotInAlbum", bool, False):
        taken = {asset for album in store.albums.values() for asset in album.assets}
        yield lambda asset: asset.id not in taken
    if body.get("withStacked") is False:
        stacked = {asset for stack in store.stacks.values() for asset in stack.assets}
        yield lambda asset: asset.id not in stacked


def tag_members(store: Store, tag_id: str) -> set[str]:
    """Ids of the assets under a tag and under those below it."""
    tag = store.tags.get(tag_id)
    if tag is None:
        return set()
    below: list[Tag] = [
        other
        for other in store.tags.values()
        if other is tag or (other.owner == tag.owner and other.value.startswith(tag.value + "/"))
    ]
    return {asset_id for other in below for asset_id in other.assets}


def _equals(look: Callable[[Asset], object], wanted: object) -> Test:
    return lambda asset: look(asset) == wanted


def _contains(look: Callable[[Asset], str], part: str) -> Test:
    lower = part.lower()
    return lambda asset: lower in look(asset).lower()


def _within(date: Callable[[Asset], str], first: str, last: str) -> Test:
    # Instants are texts of one form, so they compare as texts.
    return lambda asset: first <= date(asset) <= last


def _moment(call: Call, body: dict[str, Any], name: str) -> str | None:
    if body.get(name) is None:
        return None
    moment = instant(call.release, field(body, name, str))
    if moment is None:
        old = f"{name} must be a date string"
        raise invalid(Issue((name,), old, "Invalid ISO datetime", "invalid_format"))
    return as_text(moment)

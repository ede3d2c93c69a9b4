"""`/timeline/buckets` and `/timeline/bucket`: a complete listing.

A bucket is a month; its assets come as columns, ids without names, sizes and checksums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from .answers import Issue, Refusal, answer, invalid
from .app import Call, Routes
from .asset_answers import asset_answer, wall_clock, zone_minutes
from .checking import flag_of, no_choice, one_of, visibility_of
from .filtering import tag_members
from .lifetimes import known
from .media import is_video
from .rows import Asset
from .sight import COUNTED, album_for, members

ORDERS = ("asc", "desc")
SIZES = ("DAY", "MONTH")


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/timeline/buckets", buckets, name="timeline", permission="asset.read")
    add("GET", "/timeline/bucket", bucket, name="timeline", permission="asset.read")


async def buckets(call: Call) -> web.StreamResponse:
    months = _months(call)
    told = "{}-01" if call.release.visibility else "{}-01T00:00:00.000Z"
    order = sorted(months, reverse=one_of(call.request.query, "order", ORDERS) != "asc")
    return answer(
        [{"timeBucket": told.format(month), "count": len(months[month])} for month in order]
    )


async def bucket(call: Call) -> web.StreamResponse:
    query = call.request.query
    month = query.get("timeBucket")
    if month is None:
        old, new = "timeBucket must be a string", "Invalid input: expected string"
        raise invalid(Issue(("timeBucket",), old, new))
    newest = one_of(query, "order", ORDERS) != "asc"
    found = sorted(_months(call).get(month[:7], []), key=lambda a: a.created, reverse=newest)
    if not call.release.visibility:
        release, store, me = call.release, call.store, call.user.id
        return answer([asset_answer(release, store, asset, me) for asset in call.kept(found)])
    return answer(_columns(call, call.kept(found)))


def _columns(call: Call, found: Sequence[Asset]) -> dict[str, list[Any]]:
    query, me, nothing = call.request.query, call.user.id, [None] * len(found)
    duration = "0:00:00.00000" if call.release.duration_text else None
    columns: dict[str, list[Any]] = {
        "id": [asset.id for asset in found],
        "ownerId": [asset.owner for asset in found],
        "fileCreatedAt": [asset.created for asset in found],
        "localOffsetHours": [zone_minutes(asset) / 60 if asset.zone else 0 for asset in found],
        "visibility": [asset.visibility for asset in found],
        "isFavorite": [asset.favorite and asset.owner == me for asset in found],
        "isImage": [not is_video(asset.name) for asset in found],
        "isTrashed": [asset.trashed for asset in found],
        "livePhotoVideoId": [asset.live_video for asset in found],
        "duration": [duration if is_video(asset.name) else None for asset in found],
        "ratio": [1] * len(found),
        "thumbhash": nothing,
        "projectionType": nothing,
        "city": [asset.city for asset in found],
        "country": [asset.country for asset in found],
    }
    if not call.release.device_ids:
        columns["createdAt"] = [asset.added for asset in found]
    if flag_of(query, "withCoordinates"):
        columns["latitude"] = [asset.latitude for asset in found]
        columns["longitude"] = [asset.longitude for asset in found]
    if flag_of(query, "withStacked"):
        tops = {
            next(iter(s.assets)): [s.id, str(len(s.assets))] for s in call.store.stacks.values()
        }
        columns["stack"] = [tops.get(asset.id) for asset in found]
    return columns


def _months(call: Call) -> dict[str, list[Asset]]:
    """What the timeline shows, by month of the local time."""
    asked = _query(call)
    if not call.release.visibility and one_of(asked, "size", SIZES) is None:
        raise invalid(no_choice("size", SIZES))
    query = {k: v for k, v in asked.items() if k not in ("timeBucket", "order")}
    # Who may see an album may change without a change of its assets, but not without a save.
    question = ("timeline", call.user.id, *sorted(query.items()))
    return call.store.remember(question, lambda: _by_month(_shown(call)))


def _query(call: Call) -> dict[str, str]:
    """What was asked, as far as the version knows such words."""
    return known(call.release, "timeline", call.request.query)


def _by_month(assets: list[Asset]) -> dict[str, list[Asset]]:
    months: defaultdict[str, list[Asset]] = defaultdict(list)
    for asset in assets:
        months[(wall_clock(asset) if asset.zone else asset.created)[:7]].append(asset)
    return months


def _shown(call: Call) -> list[Asset]:
    """What the timeline shows: timeline and archive, of an album or of the caller."""
    query, store, me = _query(call), call.store, call.user.id
    visibility = visibility_of(query)
    archived = flag_of(query, "isArchived")
    if archived is not None:
        visibility = "archive" if archived else "timeline"
    if visibility == "locked":
        raise Refusal(401, "Elevated permission is required")
    shown = COUNTED if visibility is None else frozenset([visibility])
    trashed = flag_of(query, "isTrashed") is True
    if query.get("userId", me) != me:
        raise Refusal(400, "Not found or no timeline.read access")
    if "albumId" in query:
        album = album_for(call, query["albumId"], "album.read", "owner", "editor", "viewer")
        found = members(store, album, shown, trashed=trashed)
    else:
        found = [
            asset
            for asset in store.assets.values()
            if asset.owner == me
            and asset.visibility in shown
            and asset.trashed == trashed
            and asset.id not in store.dying
        ]
    favorite = flag_of(query, "isFavorite")
    if favorite is not None:
        found = [asset for asset in found if asset.favorite == favorite]
    if flag_of(query, "withStacked"):
        below = {asset for stack in store.stacks.values() for asset in list(stack.assets)[1:]}
        found = [asset for asset in found if asset.id not in below]
    if "tagId" in query:
        tag = store.tags.get(query["tagId"])
        if tag is None or tag.owner != me:
            raise Refusal(400, "Not found or no tag.read access")
        tagged = tag_members(store, tag.id)
        found = [asset for asset in found if asset.id in tagged]
    if "personId" in query:
        person = store.people.get(query["personId"])
        faces = person.assets if person is not None else {}
        found = [asset for asset in found if asset.id in faces]
    return found

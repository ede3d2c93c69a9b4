"""`/search/metadata`, `smart` and `statistics`; pages lose and repeat on equal dates."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any

from aiohttp import web

from .answers import Refusal, answer
from .app import Call, Routes
from .asset_answers import asset_answer, people_answer, people_by_asset
from .checking import field, number_of
from .filtering import asked, found
from .rows import Asset
from .structured import is_structured, offset_of, structured
from .versions import words

METADATA_SIZE = 250
SMART_SIZE = 100
"""Items of a page unless told otherwise."""
METADATA_ONLY = frozenset(
    words(
        """id checksum originalFileName originalPath deviceAssetId encodedVideoPath previewPath
    thumbnailPath order withPeople withStacked"""
    )
)
"""Fields that only `/search/metadata` knows."""


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("POST", "/search/metadata", metadata, name="search", permission="asset.read")
    add("POST", "/search/smart", smart, name="search", permission="asset.read")
    add(
        "POST",
        "/search/statistics",
        statistics,
        name="search-statistics",
        permission="asset.statistics",
    )


async def statistics(call: Call) -> web.StreamResponse:
    """Counts the caller's own assets only, also in a shared album (recorded)."""
    assets = _found(call, _without(await call.json(), METADATA_ONLY | {"withDeleted"}))
    mine = [asset for asset in assets if asset.owner == call.user.id]
    return answer({"total": len(call.kept(mine))})


async def metadata(call: Call) -> web.StreamResponse:
    body = await call.json()
    size, page = number_of(body, "size", METADATA_SIZE, 1, 1000), number_of(body, "page", 1, 1)
    assets = _found(call, body)
    if is_structured(call.release, body):
        start = offset_of(body)
        end = start + size
        more = end < len(assets)
        return _page(call, body, assets[start:end], more=more, page=page, cursor=end)
    return _page(call, body, page_of(assets, page, size), more=page * size < len(assets), page=page)


async def smart(call: Call) -> web.StreamResponse:
    """Ranks all that the filters let through, nearest first: there is no end of what is alike.

    As on the real servers the last pages are of assets that have nothing to do with the words.
    """
    body = _without(await call.json(), METADATA_ONLY | {"description"})
    size, page = number_of(body, "size", SMART_SIZE, 1, 1000), number_of(body, "page", 1, 1)
    query = field(body, "query", str, "")
    if not query.strip():
        raise Refusal(400, "Either `query` or `queryAssetId` must be set")
    question = ("ranked", query, asked(call, body))
    ranked = call.store.remember(question, lambda: _rank(call, _found(call, body), query))
    items = ranked[(page - 1) * size : page * size]
    return _page(call, body, items, more=page * size < len(ranked), page=page)


def _found(call: Call, body: dict[str, Any]) -> list[Asset]:
    return structured(call, body) if is_structured(call.release, body) else found(call, body)


def _without(body: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def _rank(call: Call, assets: list[Asset], query: str) -> list[Asset]:
    """By how many of the query's words are in an asset's name, texts, tags and people."""
    words = set(re.findall(r"\w+", query.lower()))
    labels: dict[str, list[str]] = {}
    for tag in call.store.tags.values():
        for asset_id in tag.assets:
            labels.setdefault(asset_id, []).append(tag.value)

    for person in call.store.people.values():
        for asset_id in person.assets:
            labels.setdefault(asset_id, []).append(person.name)

    def score(asset: Asset) -> int:
        texts = [asset.name, asset.description, asset.city, asset.state, asset.country]
        text = " ".join([*filter(None, texts), *labels.get(asset.id, ())]).lower()
        return sum(word in text for word in words)

    return sorted(assets, key=score, reverse=True)


def _page(
    call: Call,
    body: dict[str, Any],
    items: list[Asset],
    *,
    more: bool,
    page: int,
    cursor: int | None = None,
) -> web.StreamResponse:
    release, store, me = call.release, call.store, call.user.id
    items = [*call.kept(items)]
    exif = field(body, "withExif", bool, False)
    shown = [asset_answer(release, store, asset, me, exif=exif) for asset in items]
    if field(body, "withPeople", bool, False):
        people = people_by_asset(store)
        for data, asset in zip(shown, items, strict=True):
            data["people"] = people_answer(release, asset, people.get(asset.id, []), me)
    told: dict[str, Any] = {
        "total": len(shown),  # of this page only (recorded)
        "count": len(shown),
        "facets": [],
        "items": shown,
        "nextPage": str(page + 1) if more and cursor is None else None,
    }
    if release.structured_search:
        told["nextCursor"] = str(cursor) if more and cursor is not None else None
    return answer({"albums": {"total": 0, "count": 0, "items": [], "facets": []}, "assets": told})


def page_of(assets: list[Asset], page: int, size: int) -> list[Asset]:
    """One page of a list sorted by date alone.

    The database orders equal dates anew for every page: a run of them that crosses an edge of the
    page is turned by a number that depends on the page, so that neighbouring pages repeat some and
    miss others (recorded: 1 of 3,500 up to 23 %, always the same for the same request).
    """
    start, end = (page - 1) * size, min(page * size, len(assets))
    items = assets[start:end]
    for edge in (start, end):
        if not (0 < edge < len(assets)) or assets[edge - 1].created != assets[edge].created:
            continue
        first, last = _run(assets, edge)
        count = last - first
        turn = page * (1 + count // 100)
        for place in range(max(start, first), min(end, last)):
            items[place - start] = assets[first + (place - first + turn) % count]
    return items


def _run(assets: list[Asset], at: int) -> tuple[int, int]:
    """Where the run of this one's date begins and ends, in a list sorted either way."""
    date = assets[at].created
    first = bisect_left(range(at), True, key=lambda n: assets[n].created == date)
    last = bisect_left(range(at, len(assets)), True, key=lambda n: assets[n].created != date)
    return first, at + last

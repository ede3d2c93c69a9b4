"""Tags: a path of names; putting one makes its parents."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from .answers import Refusal, answer, nothing
from .app import Call, Routes
from .asset_answers import asset_answer
from .assets import put_in
from .checking import ids_of, required
from .presenting import tag_answer
from .rows import Tag
from .sight import own
from .store import Store


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/tags", listing, name="tags", permission="tag.read")
    add("PUT", "/tags", upsert, name="tags", permission="tag.create")
    add("POST", "/tags", create, name="tags", permission="tag.create")
    add("PUT", "/tags/assets", put_many, name="tag-add", permission="tag.asset")
    add("GET", "/tags/{id}/assets", assets, name="tags", permission="tag.read")
    add("GET", "/tags/{id}", show, name="tags", permission="tag.read")
    add("DELETE", "/tags/{id}", delete, name="tags", permission="tag.delete")
    add("PUT", "/tags/{id}/assets", put, name="tag-add", permission="tag.asset")
    add("DELETE", "/tags/{id}/assets", take, name="tag-add", permission="tag.asset")


def _own(call: Call, tag_id: str, access: str) -> Tag:
    tag = call.store.tags.get(tag_id)
    if tag is None or tag.owner != call.user.id:
        raise Refusal(400, f"Not found or no {access} access")
    return tag


def _find(store: Store, owner: str, value: str) -> Tag | None:
    tags = store.tags.values()
    return next((t for t in tags if t.owner == owner and t.value == value), None)


def chain(store: Store, owner: str, path: str) -> Tag:
    """The tag at the end of a path, made with its parents where they are not there."""
    tag: Tag | None = None
    parts = [part for part in path.split("/") if part]
    for depth in range(1, len(parts) + 1):
        value = "/".join(parts[:depth])
        parent, tag = tag, _find(store, owner, value)
        if tag is None:
            tag = Tag(str(uuid.uuid4()), owner, value, parent.id if parent else None)
            store.save(tag)
    if tag is None:
        raise ValueError("a tag needs a name")
    return tag


async def listing(call: Call) -> web.StreamResponse:
    return answer(
        [tag_answer(call.release, t) for t in call.store.tags.values() if t.owner == call.user.id]
    )


async def show(call: Call) -> web.StreamResponse:
    return answer(tag_answer(call.release, _own(call, call.id, "tag.read")))


async def upsert(call: Call) -> web.StreamResponse:
    """`PUT /tags`: makes the chain of parents, answers the leaves."""
    paths = [str(path) for path in required(await call.json(), "tags", list)]
    leaves = [chain(call.store, call.user.id, path) for path in paths if path.strip("/")]
    return answer([tag_answer(call.release, leaf) for leaf in leaves])


async def create(call: Call) -> web.StreamResponse:
    """`POST /tags`: one tag, which must not be there yet (recorded); before 1.113 with a type."""
    body = await call.json()
    value, parent = required(body, "name", str), body.get("parentId")
    if not call.release.tag_paths:
        required(body, "type", str)
        parent = None
    if parent is not None:
        value = f"{_own(call, parent, 'tag.read').value}/{value}"
    if _find(call.store, call.user.id, value) is not None:
        raise Refusal(400, "A tag with that name already exists")
    tag = Tag(str(uuid.uuid4()), call.user.id, value, parent)
    call.store.save(tag)
    return answer(tag_answer(call.release, tag), 201)


async def delete(call: Call) -> web.StreamResponse:
    call.store.remove_tag(_own(call, call.id, "tag.delete"))
    return nothing() if call.release.tag_paths else web.Response()


async def assets(call: Call) -> web.StreamResponse:
    """`GET /tags/{id}/assets` (before 1.113)."""
    tag, store = _own(call, call.id, "tag.read"), call.store
    inside = [store.assets[asset_id] for asset_id in tag.assets if asset_id in store.assets]
    return answer([asset_answer(call.release, store, asset, call.user.id) for asset in inside])


async def put(call: Call) -> web.StreamResponse:
    tag = _own(call, call.id, "tag.asset")
    results = put_in(call, tag, await _ids(call))
    call.store.save(tag)
    return _told(call, results)


async def take(call: Call) -> web.StreamResponse:
    tag = _own(call, call.id, "tag.asset")
    results: list[dict[str, Any]] = []
    for asset_id in await _ids(call):
        if tag.assets.pop(asset_id, 0) is None:
            results.append({"id": asset_id, "success": True})
        else:
            results.append({"id": asset_id, "success": False, "error": "not_found"})
    call.store.save(tag)
    return _told(call, results)


async def _ids(call: Call) -> list[str]:
    """`ids`, called `assetIds` before 1.113."""
    name = "ids" if call.release.tag_paths else "assetIds"
    return ids_of(call.release, await call.json(), name)


def _told(call: Call, results: list[dict[str, Any]]) -> web.StreamResponse:
    if not call.release.tag_paths:
        results = [{"assetId": result.pop("id"), **result} for result in results]
    return answer(results)


async def put_many(call: Call) -> web.StreamResponse:
    """`PUT /tags/assets`: counts new links; what is not the caller's is skipped silently."""
    body = await call.json()
    tags = [call.store.tags.get(t) for t in ids_of(call.release, body, "tagIds")]
    assets = [a for a in ids_of(call.release, body, "assetIds") if own(call, a) is not None]
    count = 0
    for tag in tags:
        if tag is None or tag.owner != call.user.id:
            continue
        fresh = [a for a in assets if a not in tag.assets]
        tag.assets |= dict.fromkeys(fresh)
        count += len(fresh)
        call.store.save(tag)
    return answer({"count": count})

"""The public client's calls: what a server answers is what they promise, on a live one, too."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import pytest

from immich_transfer import Immich, KeyRefused
from tests.contract.target import Target, photo, sha1_hex

T = TypeVar("T")


def ask(server: Target, work: Callable[[Immich], Awaitable[T]]) -> T:
    """What `work` finds with a client of its own."""

    async def go() -> T:
        async with Immich(server.url, server.key, wait=30) as client:
            return await work(client)

    return asyncio.run(go())


def test_server_and_users(server: Target) -> None:
    async def work(client: Immich) -> None:
        assert client.version == ".".join(map(str, server.version))
        assert str(await client.info.version()) == client.version
        assert (await client.info.config()).trash_days >= 0
        assert isinstance((await client.info.features()).on("trash"), bool)
        assert (await client.info.storage()).size > 0
        if server.since(1, 107):
            assert client.version in (await client.info.about()).version
        me = await client.users.me()
        assert me.id in {user.id for user in await client.users.all()}
        assert (await client.users.find(me.id)).email == me.email

    ask(server, work)


def test_what_is_for_admins(server: Target) -> None:
    """Their answers, or the clear word that the key is no admin's."""

    async def work(client: Immich) -> None:
        if (await client.users.me()).is_admin:
            assert "metadataExtraction" in {queue.name for queue in await client.jobs.list()}
            assert (await client.jobs.find("Extract Metadata")).name == "metadataExtraction"
            assert (await client.info.statistics()).usage_by_user
            for library in await client.libraries.list():
                assert (await client.libraries.find(library.id)).name == library.name
            return
        for call in (client.jobs.list, client.info.statistics, client.libraries.list):
            with pytest.raises(KeyRefused, match="for admins only"):
                await call()

    ask(server, work)


def test_an_album_from_its_making_to_its_end(server: Target) -> None:
    contents = [photo(), photo()]
    first, second = (server.new_asset(content, name="client.jpg") for content in contents)
    name = f"contract {secrets.token_hex(4)}"

    async def work(client: Immich) -> None:
        made = await client.albums.create(name, description="words", assets=[first])
        try:
            assert (made.name, made.asset_count) == (name, 1)
            changes = await client.albums.add(made.id, [first, second])
            assert [change.outcome for change in changes] == ["already-in", "added"]
            assert (await client.albums.find(name)).id == made.id
            inside = {asset.id: asset async for asset in client.albums.assets(made.id)}
            sums = {asset_id: asset.sha1_hex for asset_id, asset in inside.items()}
            assert sums == dict(zip((first, second), map(sha1_hex, contents), strict=True))
            assert (await client.albums.rename(made.id, f"{name} 2")).name == f"{name} 2"
            (change,) = await client.albums.remove(made.id, [first])
            assert change.outcome == "removed"
            assert (await client.albums.get(made.id)).asset_count == 1
        finally:
            await client.albums.delete(made.id)
        assert made.id not in {album.id for album in await client.albums.list()}

    ask(server, work)


def test_an_asset_is_shown_fetched_and_found(server: Target) -> None:
    content, name = photo(30_000), f"client-{secrets.token_hex(4)}.jpg"
    asset_id = server.new_asset(content, name=name)

    async def work(client: Immich) -> None:
        shown = await client.assets.get(asset_id)
        assert (shown.name, shown.kind, shown.size) == (name, "image", len(content))
        assert shown.sha1_hex == sha1_hex(content)
        original = b"".join([piece async for piece in client.assets.original(asset_id)])
        assert original == content
        found = [asset async for asset in client.search.metadata({"name": name}, details=True)]
        assert [(asset.id, asset.size) for asset in found] == [(asset_id, len(content))]
        async with aclosing(client.assets.all()) as every:
            newest = await anext(every)
        assert newest.name and newest.taken >= shown.taken

    ask(server, work)


def test_a_thumbnail_comes_once_it_was_made(server: Target) -> None:
    asset_id = server.new_asset()
    path = f"/assets/{asset_id}/thumbnail?size=preview"
    if not server.comes(lambda: server.call("GET", path).status == 200):
        pytest.skip("the server makes no thumbnails, or is very far behind")

    async def work(client: Immich) -> bytes:
        return b"".join([piece async for piece in client.assets.thumbnail(asset_id)])

    assert ask(server, work)


def test_into_the_trash_and_back(server: Target) -> None:
    asset_id = server.new_asset()

    async def work(client: Immich) -> None:
        (change,) = await client.assets.delete([asset_id])
        assert change.outcome == "trashed"
        assert (await client.assets.get(asset_id)).trashed
        assert asset_id in {asset.id async for asset in client.assets.trash()}
        (change,) = await client.assets.restore([asset_id])
        assert change.outcome == "restored"
        assert not (await client.assets.get(asset_id)).trashed

    ask(server, work)


def test_a_tag_is_made_listed_and_put_on(server: Target) -> None:
    asset_id, tag = server.settled_asset(), server.new_tag()["id"]

    async def work(client: Immich) -> None:
        known = {one.id: one for one in await client.tags.list()}
        (same,) = await client.tags.upsert(known[tag].path)
        assert same.id == tag
        changes = [*await client.tags.add(tag, [asset_id]), *await client.tags.add(tag, [asset_id])]
        assert [change.outcome for change in changes] == ["added", "already-in"]

    ask(server, work)

"""The typed client in a program of one's own, against every server version."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from immich_transfer import (
    CannotContinue,
    Immich,
    ItemError,
    KeyRefused,
    ServerUnavailable,
    UsageError,
)
from immich_transfer.bridge.albums import Albums
from immich_transfer.bridge.assets import Assets
from immich_transfer.bridge.jobs import Jobs
from immich_transfer.bridge.libraries import Libraries
from immich_transfer.bridge.models import Asset, Change
from immich_transfer.bridge.search import Search
from immich_transfer.bridge.server_info import ServerInfo
from immich_transfer.bridge.tags import Tags
from immich_transfer.bridge.users import Users
from immich_transfer.events import Event, Retrying
from tests.sandbox_fixture import BRIDGED

from .support import Answer, Server, Stub, free_port, sha1

every_version = pytest.mark.parametrize("server", BRIDGED, indirect=True)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def use(server: Server, work: Callable[[Immich], Awaitable[None]], key: str | None = None) -> None:
    """Run `work` with a client of its own."""

    async def go() -> None:
        async with Immich(server.url, key or server.key, wait=5) as client:
            await work(client)

    asyncio.run(go())


NAMESPACES = (Albums, Assets, Jobs, Libraries, Search, ServerInfo, Tags, Users)
LIFETIME = re.compile(r"every version|all versions|(since|until|before) \d+\.\d+", re.IGNORECASE)


def test_every_call_says_which_servers_have_it() -> None:
    described = {
        f"{kind.__name__}.{name}": " ".join((inspect.getdoc(member) or "").split())
        for kind in NAMESPACES
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_")
    }
    assert len(described) > 40
    assert [name for name, text in described.items() if not LIFETIME.search(text)] == []


@every_version
def test_albums(server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")

    async def work(client: Immich) -> None:
        assert client.version.startswith(server.version)
        made = await client.albums.create("Trip", description="By bike", assets=ids[:1])
        assert (made.name, made.asset_count, made.owner) == ("Trip", 1, server.owner)
        changes = await client.albums.add(made.id, [*ids, UNKNOWN])
        assert [change.outcome for change in changes] == ["already-in", "added", "refused"]
        assert [change.ok for change in changes] == [True, True, False]
        assert (await client.albums.find("Trip")).id == made.id
        assert (await client.albums.find(made.id)).asset_count == 2
        inside = [asset async for asset in client.albums.assets(made.id)]
        assert {asset.name for asset in inside} == {"a.jpg", "b.jpg"}
        assert await client.albums.remove(made.id, ids[:1]) == [Change(ids[0], "removed")]
        renamed = await client.albums.rename(made.id, "Rome")
        assert (renamed.name, renamed.description) == ("Rome", "By bike")
        await client.albums.delete(made.id)
        assert list(await client.albums.list()) == []
        with pytest.raises(UsageError, match="no album with the id"):
            await client.albums.get(made.id)
        with pytest.raises(UsageError):
            async for _ in client.albums.assets(made.id):
                raise AssertionError("there is nothing to list")

    use(server, work)


@every_version
def test_assets(server: Server) -> None:
    (asset_id,) = server.seed("a.jpg", size=400_000)
    server.edit(asset_id, make="Leica", city="Rome", created="2024-05-01T10:00:00Z")

    async def work(client: Immich) -> None:
        (listed,) = [asset async for asset in client.assets.all(details=True)]
        whole = await client.assets.get(asset_id)
        for asset in (listed, whole):
            assert isinstance(asset, Asset)
            assert (asset.name, asset.size, asset.kind) == ("a.jpg", 400_000, "image")
            assert (asset.camera[0], asset.place[0]) == ("Leica", "Rome")
            assert asset.taken_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
        body = b"".join([piece async for piece in client.assets.original(asset_id)])
        assert sha1(body) == whole.sha1_hex
        assert b"".join([piece async for piece in client.assets.thumbnail(asset_id)])
        assert [c.outcome for c in await client.assets.delete([asset_id])] == ["trashed"]
        assert [asset.id async for asset in client.assets.trash()] == [asset_id]
        assert [c.outcome for c in await client.assets.restore([asset_id])] == ["restored"]
        with pytest.raises(UsageError, match="no asset"):
            await client.assets.get(UNKNOWN)
        with pytest.raises(UsageError, match="no file"):
            async for _ in client.assets.original(UNKNOWN):
                raise AssertionError("there are no bytes")

    use(server, work)


@every_version
def test_search_and_tags(server: Server) -> None:
    ids = server.seed("beach.jpg", "dog.jpg")

    async def work(client: Immich) -> None:
        (tag,) = await client.tags.upsert("Sea")
        assert await client.tags.add(tag.id, ids[:1]) == [Change(ids[0], "added")]
        assert [one.path for one in await client.tags.list()] == ["Sea"]
        named = [asset.id async for asset in client.search.metadata({"name": "dog"})]
        assert named == ids[1:]
        best = [asset.id async for asset in client.search.smart("beach", take=1)]
        assert len(best) == 1
        with pytest.raises(UsageError, match="narrow"):
            async for _ in client.search.smart("beach", {"name": "dog"}):
                raise AssertionError("the filter would be ignored")
        if server.version == "1.106":
            with pytest.raises(CannotContinue, match=r"1\.106\.\d+; searching by tag needs 1\.126"):
                async for _ in client.search.metadata({"tags": ["Sea"]}):
                    raise AssertionError("this server cannot")

    use(server, work)


def test_leaving_a_list_early_leaves_nothing_behind(server: Server) -> None:
    server.seed(assets=3000, size=0)

    async def work(client: Immich) -> None:
        async with aclosing(client.assets.all()) as every:
            async for _ in every:
                break
        async for _ in client.search.metadata():
            break
        # Whoever reads slowly slows the server, not the memory: a list is two answers ahead.
        assert server.requests("search") < 8

    use(server, work)


def test_what_one_request_suffers_is_tried_again(server: Server) -> None:
    ids = server.seed(assets=10, size=0)
    server.box.faults("search:1-2=500")
    heard: list[Event] = []

    async def go() -> None:
        async with Immich(server.url, server.key, listener=heard.append) as client:
            assert {asset.id async for asset in client.assets.all()} == set(ids)

    asyncio.run(go())
    assert sum(isinstance(event, Retrying) for event in heard) == 2


def test_an_original_that_stays_broken_is_an_error(server: Server) -> None:
    (asset_id,) = server.seed("a.jpg", size=300_000)
    server.box.faults("original:*=500")

    async def go() -> None:
        async with Immich(server.url, server.key, retries=2) as client:
            with pytest.raises(ItemError):
                async for _ in client.assets.original(asset_id):
                    raise AssertionError("there are no bytes")

    asyncio.run(go())


@pytest.mark.parametrize("target", ["original?edited=true", "thumbnail?size=preview"])
def test_full_size_where_another_picture_does(target: str) -> None:
    """A real server sends one there where it made no picture of full size (recorded on 2.7.5)."""
    place = f"/api/assets/{UNKNOWN}/"
    answers: dict[str, Answer] = {
        "/api/server/version": (200, {}, b'{"major":2,"minor":7,"patch":5}'),
        "/api/api-keys/me": (200, {}, b'{"id":"k","permissions":["all"]}'),
        "/api/users/me": (200, {}, b'{"id":"u"}'),
        place + "thumbnail?size=fullsize": (302, {"Location": place + target}, b""),
        place + "thumbnail?size=preview": (200, {"Content-Type": "image/jpeg"}, b"a picture"),
        place + "original?edited=true": (200, {"Content-Type": "image/jpeg"}, b"a picture"),
    }

    async def go(url: str) -> bytes:
        async with Immich(url, "key", wait=0) as client:
            pieces = [piece async for piece in client.assets.thumbnail(UNKNOWN, "fullsize")]
            return b"".join(pieces)

    with Stub(lambda path: answers.get(path, (404, {}, b""))) as stub:
        assert asyncio.run(go(stub.url)) == b"a picture"


def test_what_entering_refuses(server: Server) -> None:
    async def enter(url: str, key: str) -> None:
        async with Immich(url, key, wait=0):
            raise AssertionError("this is no server of ours")

    with pytest.raises(KeyRefused):
        asyncio.run(enter(server.url, "wrong"))
    with pytest.raises(ServerUnavailable):
        asyncio.run(enter(f"http://127.0.0.1:{free_port()}", server.key))
    with pytest.raises(UsageError):
        asyncio.run(enter("nas", server.key))
    with pytest.raises(RuntimeError, match="not connected"):
        _ = Immich(server.url, server.key).albums


def test_the_key_is_in_no_error(server: Server) -> None:
    key = server.new_key(["user.read"])

    async def work(client: Immich) -> None:
        with pytest.raises(KeyRefused) as refused:
            await client.albums.list()
        assert "album.read" in str(refused.value)
        assert key not in repr(refused.value) + repr(client.__dict__)

    use(server, work, key)

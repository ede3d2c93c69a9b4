"""Lists in one long answer: taken whole or read in pieces, they tell the same, whatever breaks."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from immich_transfer.config.options import Secret, ServerOptions, TransferOptions
from immich_transfer.errors import ServerUnavailable
from immich_transfer.immich.archives import ARCHIVE_BYTES, Archives
from immich_transfer.immich.arrays import WHOLE_BYTES
from immich_transfer.immich.connect import connect
from immich_transfer.immich.listing import ASSET_BYTES, Listing
from immich_transfer.model import AssetId, RemoteAsset

from .support import Server

PHOTOS = 600
WAYS = pytest.mark.parametrize("streamed", [False, True])


def _about(each: int, *, streamed: bool) -> int:
    """What to say of the number, so that the list comes this way."""
    return WHOLE_BYTES // each + 1 if streamed else PHOTOS


def sizes(server: Server, album_id: str, *, streamed: bool) -> Counter[tuple[AssetId, int]]:
    """What is kept, in all attempts."""
    kept: Counter[tuple[AssetId, int]] = Counter()

    async def keep(found: list[tuple[AssetId, int]]) -> None:
        kept.update(found)

    async def main() -> None:
        options = ServerOptions(url=server.url, api_key=Secret(server.key))
        async with connect(options, TransferOptions(state_dir="unused", wait=5)) as connection:
            about = _about(ARCHIVE_BYTES, streamed=streamed)
            await Archives(connection).sizes(about, keep, album_id=album_id)

    asyncio.run(main())
    return kept


def album_of(server: Server) -> tuple[str, list[str]]:
    ids = server.seed(assets=PHOTOS, size=30, album="A")
    (album,) = [a["id"] for a in server.box.state()["albums"] if a["owner"] == server.owner]
    return album, ids


@WAYS
def test_each_size_once(server: Server, streamed: bool) -> None:
    album, ids = album_of(server)
    assert sizes(server, album, streamed=streamed) == Counter((AssetId(i), 30) for i in ids)


@WAYS
@pytest.mark.parametrize("fault", ["cut", "truncated", "shape", "502", "reset", "half-head"])
def test_it_is_told_again_when_it_breaks(server: Server, streamed: bool, fault: str) -> None:
    album, ids = album_of(server)
    server.box.faults(f"download-info:1={fault}")
    found = sizes(server, album, streamed=streamed)
    assert set(found) == {(AssetId(i), 30) for i in ids}
    again = 2 if streamed else 1  # in pieces some were kept before it broke
    assert max(found.values()) <= again


@WAYS
def test_one_that_always_breaks_is_an_error(server: Server, streamed: bool) -> None:
    album, _ = album_of(server)
    server.box.faults("download-info:*=shape")
    with pytest.raises(ServerUnavailable, match="listing sizes failed: answered with"):
        sizes(server, album, streamed=streamed)


@WAYS
@pytest.mark.parametrize("server", ["2.7"], indirect=True)
def test_an_album_of_an_older_server(server: Server, streamed: bool) -> None:
    album_id, ids = album_of(server)
    kept: list[RemoteAsset] = []

    async def keep(found: list[RemoteAsset]) -> None:
        kept.extend(found)

    async def main() -> None:
        options = ServerOptions(url=server.url, api_key=Secret(server.key))
        async with connect(options, TransferOptions(state_dir="unused")) as connection:
            listing = Listing(connection)
            album = await listing.album(album_id)
            assert album is not None and album.asset_count == PHOTOS
            album.asset_count = _about(ASSET_BYTES, streamed=streamed)
            await listing.album_assets(album, keep)

    asyncio.run(main())
    assert Counter(asset.id for asset in kept) == Counter(ids)

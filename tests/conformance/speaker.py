"""Run by the Python that has immichpy: its part of the conversation, a line of JSON for each step.

    IMMICH_URL=… IMMICH_API_KEY=… python speaker.py first|again PHOTOS OUT

A step that raises did not pass: the package checks the types of all that it is answered.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any

ERROR_LETTERS = 1500


async def step(name: str, asked: Awaitable[Any]) -> Any:
    """Ask, say whether it went well, and go on either way; the answer, None without one."""
    try:
        found = await asked
    except Exception as error:
        told = f"{type(error).__name__}: {error}"[:ERROR_LETTERS]
        say(name, ok=False, told=told)
        return None
    say(name, ok=True)
    return found


async def each(asked: Iterable[Awaitable[Any]]) -> None:
    """One after the other."""
    for one in asked:
        await one


def say(name: str, **more: Any) -> None:
    print(json.dumps({"step": name, **more}), flush=True)


def upload(client: Any, photos: Path) -> Any:
    """It counts a file below a hidden folder, as ours is, among the hidden ones."""
    return client.assets.upload(photos, album_name="Summer", include_hidden=True)


async def first(client: Any, dto: Any, photos: Path, out: Path) -> None:
    """Look around, upload, fill albums, list and fetch."""
    await step("ping", client.server.ping_server())
    await step("version", client.server.get_server_version())
    await step("features", client.server.get_server_features())
    await step("who the key is", client.users.get_my_user())
    await step("what the key may do", client.api_keys.get_my_api_key())

    result = await step("upload", upload(client, photos))
    if result is None or result.failed or not result.uploaded:
        say("every file is taken", ok=False, told=str(result))
        return
    ids = [entry.asset.id for entry in result.uploaded]
    await by_hand(client, dto, ids[::2])
    await album(client, dto)
    await library(client)
    await step("details of each", each(client.assets.get_asset_info(id=i) for i in ids))
    fetch = client.assets.download_asset_to_file
    numbered = enumerate(ids)  # some have the same name
    await step("originals of each", each(fetch(id=i, out_dir=out / str(n)) for n, i in numbered))
    await step("thumbnail", client.assets.view_asset(id=ids[0]))


async def by_hand(client: Any, dto: Any, ids: list[Any]) -> None:
    """An album made and filled by its single calls."""
    made = await step(
        "make an album",
        client.albums.create_album(create_album_dto=dto.CreateAlbumDto(albumName="By hand")),
    )
    if made is None:
        return
    for name, done in (("add to it", True), ("add to it again", False)):
        adding = client.albums.add_assets_to_album(id=made.id, bulk_ids_dto=dto.BulkIdsDto(ids=ids))
        added = await step(name, adding)
        said = [one.success for one in added or ()]
        say(f"{name}: each is told of", ok=said == [done] * len(ids), told=str(added))


async def album(client: Any, dto: Any) -> None:
    """Albums, and what one of them holds."""
    albums = await step("list albums", client.albums.get_all_albums())
    found = [one.id for one in albums or () if one.album_name == "Summer"]
    say("the album is listed", ok=len(found) == 1, told=str(albums))
    for album_id in found:
        shown = await step("show the album", client.albums.get_album_info(id=album_id))
        say("it says how many it holds", ok=getattr(shown, "asset_count", None) == 12)
        wanted = dto.MetadataSearchDto(albumIds=[album_id], withExif=True)
        search = client.search.search_assets(metadata_search_dto=wanted)
        listed = await step("list what is in it", search)
        say("all of it", ok=listed is not None and len(listed.assets.items) == 12)
        info = dto.DownloadInfoDto(albumId=album_id)
        await step("what a download takes", client.download.get_download_info(info))


async def library(client: Any) -> None:
    """Everything else that lists."""
    buckets = await step("months", client.timeline.get_time_buckets())
    for bucket in buckets or ():
        month = client.timeline.get_time_bucket(time_bucket=str(bucket.time_bucket))
        await step("a month", month)
    await step("statistics", client.assets.get_asset_statistics())
    await step("tags", client.tags.get_all_tags())
    await step("people", client.people.get_all_people())
    await step("queues", client.queues.get_queues())
    await step("libraries", client.libraries.get_all_libraries())


async def again(client: Any, photos: Path) -> None:
    """Upload once more: how many were sent, were there, and failed."""
    result = await upload(client, photos)
    counts = [result.stats.uploaded, result.stats.rejected, result.stats.failed]
    say("duplicates", ok=True, told=counts)


async def main(part: str, photos: Path, out: Path) -> None:
    package = importlib.import_module("immichpy")
    dto = importlib.import_module("immichpy.client.generated.models")
    url, key = os.environ["IMMICH_URL"], os.environ["IMMICH_API_KEY"]
    async with package.AsyncClient(base_url=url, api_key=key) as client:
        if part == "first":
            await first(client, dto, photos, out)
        else:
            await again(client, photos)
    say("end")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))

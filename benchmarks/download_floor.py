"""The floor of a download: what a plain aiohttp program needs, without any of the safety.

    python -m benchmarks.download_floor URL ALBUM-ID|all [FOLDER]    (the key in IMMICH_API_KEY)

Pages of a search, a thousand each, one after the other; then eight downloads at once over one
session. Files up to 1 MiB are read whole, hashed and written in one go; larger ones are hashed and
written by a thread in pieces of 1 MiB. A SHA-1 that differs from the listing ends it. Without
FOLDER it only lists. No manifest, no retry, no progress, no fsync, no part file, no second look:
the listing is as complete as the pages are, and the names are taken as they come.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import sys
from typing import Any, NamedTuple

import aiohttp

AT_ONCE = 8
PAGE = 1000
PIECE = 1 << 20
EVERYTHING = "all"


class Asset(NamedTuple):
    """What the listing tells and the download needs."""

    id: str
    name: str
    sha1: bytes


async def listing(session: aiohttp.ClientSession, url: str, album: str) -> list[Asset]:
    """By `search/metadata`: since 3.0 the only listing of an album that has names and checksums."""
    asked: dict[str, Any] = {"size": PAGE}
    if album != EVERYTHING:
        asked["albumIds"] = [album]
    found: dict[str, Asset] = {}
    page: str | None = "1"
    while page is not None:
        body = {**asked, "page": int(page)}
        async with session.post(f"{url}/api/search/metadata", json=body) as response:
            response.raise_for_status()
            answer = (await response.json())["assets"]
        for item in answer["items"]:
            sha1 = base64.b64decode(item["checksum"])
            found[item["id"]] = Asset(item["id"], item["originalFileName"], sha1)
        page = answer["nextPage"]
    return list(found.values())


async def fetch(session: aiohttp.ClientSession, url: str, asset: Asset, folder: str) -> None:
    path = os.path.join(folder, os.path.basename(asset.name))
    async with session.get(f"{url}/api/assets/{asset.id}/original") as response:
        response.raise_for_status()
        with open(path, "wb", buffering=0) as file:
            if (response.content_length or 0) <= PIECE:
                body = await response.read()
                sha1 = hashlib.sha1(body)
                file.write(body)
            else:
                sha1 = hashlib.sha1()

                def keep(piece: bytes) -> None:
                    sha1.update(piece)
                    file.write(piece)

                loop = asyncio.get_running_loop()
                async for piece in response.content.iter_chunked(PIECE):
                    await loop.run_in_executor(None, keep, piece)
    if sha1.digest() != asset.sha1:
        raise ValueError(f"{asset.name} is not what the listing says")


async def download(url: str, key: str, album: str, folder: str | None) -> int:
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(
        connector=connector, headers={"x-api-key": key}, read_bufsize=PIECE
    ) as session:
        assets = await listing(session, url, album)
        if folder is None:
            return len(assets)
        wanted = iter(assets)

        async def worker(into: str) -> None:
            for asset in wanted:
                await fetch(session, url, asset, into)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker(folder))
    return len(assets)


if __name__ == "__main__":
    into = sys.argv[3] if len(sys.argv) > 3 else None
    count = asyncio.run(download(sys.argv[1], os.environ["IMMICH_API_KEY"], sys.argv[2], into))
    print(json.dumps({"assets": count}))

"""The floor: what a plain aiohttp program needs to do the same job, without any of the safety.

    python -m benchmarks.floor URL FOLDER        (the key in IMMICH_API_KEY)

Walk, SHA-1 of everything in two threads, one bulk-upload-check, then eight uploads at once, each
an own Payload: header, file, trailer, with the length known beforehand. Files up to 1 MiB are read
in one go and leave in one write; larger ones are read by a thread and written in pieces of 1 MiB.
No manifest, no retry, no progress, no second look at the file, no proof at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import aiohttp
from aiohttp.abc import AbstractStreamWriter

AT_ONCE = 8
PIECE = 1 << 20
BOUNDARY = "----floor-7d1c94e0b2a85f36"
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


def walk(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from walk(entry.path)
            else:
                yield entry


def sha1(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


class Body(aiohttp.Payload):
    """One photo as multipart/form-data."""

    def __init__(self, path: str) -> None:
        super().__init__(path, content_type=f"multipart/form-data; boundary={BOUNDARY}")
        self._path = path
        stat = os.stat(path)
        at = datetime.fromtimestamp(stat.st_mtime, UTC)
        when = at.isoformat(timespec="milliseconds")[:23] + "Z"
        fields = {
            "deviceAssetId": f"{os.path.basename(path)}-{stat.st_size}",
            "deviceId": "floor",
            "fileCreatedAt": when,
            "fileModifiedAt": when,
        }
        self._head = (
            "".join(
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in fields.items()
            ).encode()
            + (
                f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="assetData"; '
                f'filename="{os.path.basename(path)}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode()
        )
        self._bytes = stat.st_size
        self._size = len(self._head) + self._bytes + len(TAIL)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("a photo is not text")

    async def write(self, writer: AbstractStreamWriter) -> None:
        with open(self._path, "rb", buffering=0) as file:
            if self._bytes <= PIECE:
                await writer.write(self._head + file.read() + TAIL)
                return
            await writer.write(self._head)
            loop = asyncio.get_running_loop()
            while piece := await loop.run_in_executor(None, file.read, PIECE):
                await writer.write(piece)
            await writer.write(TAIL)


async def upload(url: str, key: str, folder: str) -> int:
    paths = [entry.path for entry in walk(folder)]
    with ThreadPoolExecutor(2) as threads:
        sums = list(threads.map(sha1, paths))
    asked = [{"id": str(at), "checksum": value} for at, value in enumerate(sums)]
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    headers = {"x-api-key": key}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        check = f"{url}/api/assets/bulk-upload-check"
        async with session.post(check, json={"assets": asked}) as response:
            response.raise_for_status()
            answers = (await response.json())["results"]
        wanted = iter([int(a["id"]) for a in answers if a["action"] == "accept"])
        sent = 0

        async def worker() -> None:
            nonlocal sent
            for at in wanted:
                async with session.post(
                    f"{url}/api/assets",
                    data=Body(paths[at]),
                    headers={"x-immich-checksum": sums[at]},
                ) as response:
                    response.raise_for_status()
                    await response.read()
                    sent += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())
    return sent


if __name__ == "__main__":
    print(asyncio.run(upload(sys.argv[1], os.environ["IMMICH_API_KEY"], sys.argv[2])))

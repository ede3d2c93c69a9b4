"""Tags: finding or making one by its path, and putting assets under it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from immich_transfer.errors import ServerRefused
from immich_transfer.model import AssetId

from .connect import Connection
from .wire import IdResult, Tag


class Tags:
    """The tag calls of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection.http
        self._ids: dict[str, str] = {}

    async def id_of(self, path: str) -> str:
        """The id of the tag `a/b/c`, made with its parents when missing (`PUT /tags`, >= 1.113)."""
        if path not in self._ids:
            tags = await self._http.call("PUT", "tags", list[Tag], json={"tags": [path]})
            wanted = [tag for tag in tags if tag.value == path] or tags
            if not wanted:
                raise ServerRefused(f"the server makes no tag of {path!r}", status=200)
            self._ids[path] = wanted[-1].id
        return self._ids[path]

    def forget(self, path: str) -> None:
        """The tag is gone: ask again next time."""
        self._ids.pop(path, None)

    async def add(self, tag_id: str, assets: Sequence[AssetId]) -> list[IdResult]:
        """`PUT /tags/{id}/assets`: per asset, as for albums."""
        return await self._http.call(
            "PUT",
            f"tags/{quote(tag_id, safe='')}/assets",
            list[IdResult],
            json={"ids": list(assets)},
        )

"""What an album or a user has, by ids and sizes: `POST /download/info`.

With archives of one byte the server tells an archive for each file, in one cheap answer (recorded:
70,000 in 1 s, 4.8 MB), hidden ones and live videos among them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from immich_transfer.model import AssetId

from .arrays import Array
from .asset_answers import ArchiveAnswer
from .connect import Connection

ARCHIVE_BYTES = 70
"""Of JSON for one."""


class Archives:
    """These calls of one connection; both raise as `Array.read` does."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection.http

    async def ids(
        self, album_id: str, about: int, keep: Callable[[list[AssetId]], Awaitable[None]]
    ) -> None:
        """The ids of an album of `about` so many."""

        async def ids(archives: list[ArchiveAnswer]) -> None:
            await keep([AssetId(i) for archive in archives for i in archive.asset_ids])

        await self._read({"albumId": album_id}, about, ids)

    async def sizes(
        self,
        about: int,
        keep: Callable[[list[tuple[AssetId, int]]], Awaitable[None]],
        *,
        album_id: str | None = None,
        user_id: str | None = None,
    ) -> None:
        """Sizes in bytes of what an album or a user has, `about` so many. Files of one byte or
        none share an archive with others: theirs are not told."""

        async def sizes(archives: list[ArchiveAnswer]) -> None:
            await keep(
                [(AssetId(a.asset_ids[0]), a.size) for a in archives if len(a.asset_ids) == 1]
            )

        what = {"albumId": album_id} if album_id is not None else {"userId": user_id}
        await self._read(what, about, sizes)

    async def _read(
        self,
        what: dict[str, Any],
        about: int,
        keep: Callable[[list[ArchiveAnswer]], Awaitable[None]],
    ) -> None:
        asked = {**what, "archiveSize": 1}
        await Array("listing sizes", "download/info", "archives", asked).read(
            self._http, ArchiveAnswer, keep, about=about * ARCHIVE_BYTES
        )

"""Albums: finding or making one by name, and putting assets into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from immich_transfer.model import AssetId

from .connect import Connection
from .wire import Album, IdResult, Made


class Albums:
    """The album calls of one connection; names are resolved once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._http = connection.http
        self._ids: dict[str, str] | None = None

    async def id_of(self, name: str) -> str:
        """The id of one's own album of this exact name, made when there is none.

        Names are not unique on the server: of several the oldest is taken, in every run.
        """
        ids = await self._known()
        if name not in ids:
            made = await self._http.call(
                "POST", "albums", Made, json={"albumName": name}, done=lambda: self._made(name)
            )
            ids = await self._known()  # `_made` may have listed anew
            ids[name] = made.id
        return ids[name]

    async def _made(self, name: str) -> Made | None:
        """The album, where making it succeeded and only the answer was lost."""
        self.forget(name)
        made = (await self._known()).get(name)
        return None if made is None else Made(made)

    async def missing(self, names: Iterable[str]) -> list[str]:
        """Which of these albums do not exist (one request for all)."""
        ids = await self._known()
        return [name for name in names if name not in ids]

    async def _known(self) -> dict[str, str]:
        """Ids of one's own albums by name, asked for once."""
        if self._ids is None:
            me = self._connection.user.id if self._connection.user is not None else None
            # From 3.0 on the list holds albums others share with us: only our own are meant.
            listed = await self._http.call("GET", "albums", list[Album], what="listing albums")
            own = [album for album in listed if me is None or album.owner in (None, me)]
            own.sort(key=lambda album: (album.created_at, album.id), reverse=True)
            self._ids = {album.album_name: album.id for album in own}
        return self._ids

    def forget(self, name: str) -> None:
        """The album is gone: look again next time."""
        self._ids = None

    async def add(self, album_id: str, assets: Sequence[AssetId]) -> list[IdResult]:
        """`PUT /albums/{id}/assets`: per asset; `duplicate` means it was in already."""
        return await self._http.call(
            "PUT",
            f"albums/{quote(album_id, safe='')}/assets",
            list[IdResult],
            json={"ids": list(assets)},
        )

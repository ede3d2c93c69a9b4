"""Albums: by id or by name, and what is in them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from immich_transfer.errors import ServerRefused, ServerUnavailable
from immich_transfer.immich.compat import ALBUMS_HOLD_ASSETS
from immich_transfer.immich.wire import IdResult

from .calls import Calls, no_such, path_of
from .models import Album, Asset, Change, Outcome
from .names import is_id, pick
from .walk import FullListing

ADDED_AT_ONCE = 1000
"""Ids of one request: 65,000 are taken, 1,000 are kinder to the server's single thread."""


class Albums(Calls):
    """`server.albums`. Every call exists on all versions from 1.106 on."""

    async def list(self) -> Sequence[Album]:
        """Every album the key's user can see, own and shared, by name.

        `GET /albums`, permission `album.read`; before 3.0 it tells one's own only, and what is
        shared is asked for apart.
        """
        self._need("album.read", purpose="listing albums")
        seen = await self._ask("GET", "albums", list[Album], what="listing albums")
        if self._release < ALBUMS_HOLD_ASSETS:
            seen += await self._ask("GET", "albums?shared=true", list[Album])
        distinct = {album.id: album for album in seen}
        return sorted(distinct.values(), key=lambda album: (album.name.casefold(), album.id))

    async def get(self, album_id: str) -> Album:
        """One album (`GET /albums/{id}`, every version, permission `album.read`). Raises UsageError
        when there is none of this id, or none that the key may see."""
        self._need("album.read", purpose="showing an album")
        path = path_of("albums", album_id)
        if self._release < ALBUMS_HOLD_ASSETS:
            path += "?withoutAssets=true"
        try:
            return await self._ask("GET", path, Album)
        except ServerRefused as refusal:
            no_such("album", album_id, refusal)

    async def find(self, wanted: str) -> Album:
        """The album of this id or exact name. Raises UsageError when there is none, or when several
        have this name: it lists their ids. Every version; permission `album.read`."""
        if is_id(wanted):
            return await self.get(wanted)
        albums = {album.id: album for album in await self.list()}
        chosen = pick("album", wanted, ((album.id, album.name) for album in albums.values()))
        return albums[chosen]

    async def create(
        self, name: str, *, description: str = "", assets: Iterable[str] = ()
    ) -> Album:
        """Make an album (`POST /albums`, every version, permission `album.create`). Names need not
        be unique; assets that the key may not share are left out without a word."""
        self._need("album.create", purpose="making an album")
        body = {"albumName": name, "assetIds": [*assets]}
        if description:
            body["description"] = description

        async def done() -> Album | None:
            if all(album.name != name for album in await self.list()):
                return None
            raise ServerUnavailable(
                f"the answer to making the album was lost; one of the name {name!r} is there",
                hint="`immich-transfer albums list` tells whether it is the new one",
            )

        return await self._http.call("POST", "albums", Album, json=body, done=done)

    async def rename(self, album_id: str, name: str, *, description: str | None = None) -> Album:
        """Give another name, and description if it is not None (`PATCH /albums/{id}`, every
        version, permission `album.update`; the owner's right, from 2.6 on also an editor's)."""
        self._need("album.update", purpose="renaming an album")
        body = {"albumName": name}
        if description is not None:
            body["description"] = description
        try:
            return await self._ask("PATCH", path_of("albums", album_id), Album, json=body)
        except ServerRefused as refusal:
            no_such("album", album_id, refusal)

    async def add(self, album_id: str, assets: Iterable[str]) -> Sequence[Change]:
        """Put assets in, and say of each what became of it (`PUT /albums/{id}/assets`, permission
        `albumAsset.create`, before 1.137 `album.addAsset`)."""
        self._need("albumAsset.create", purpose="adding to an album")
        return await self._change("PUT", album_id, assets, "added", "already-in")

    async def remove(self, album_id: str, assets: Iterable[str]) -> Sequence[Change]:
        """Take assets out; they stay on the server (`DELETE /albums/{id}/assets`, permission
        `albumAsset.delete`, before 1.137 `album.removeAsset`)."""
        self._need("albumAsset.delete", purpose="taking out of an album")
        return await self._change("DELETE", album_id, assets, "removed", "not-in")

    async def delete(self, album_id: str) -> None:
        """Delete an album for good; its assets stay (`DELETE /albums/{id}`, every version,
        permission `album.delete`)."""
        self._need("album.delete", purpose="deleting an album")
        try:
            await self._tell("DELETE", path_of("albums", album_id))
        except ServerRefused as refusal:
            no_such("album", album_id, refusal)

    async def assets(self, album_id: str, *, details: bool = False) -> AsyncGenerator[Asset, None]:
        """Everything in an album, of all owners, streamed, each asset once; with `details` also
        sizes, cameras and places (which costs the server more from 3.0 on).

        Complete on every version, also where dates are equal: before 3.0 `GET /albums/{id}`
        (permission `album.read`), from 3.0 on the timeline's ids and a search for what they are
        (also `asset.read`). Raises UsageError when there is no such album.
        """
        album = await self.get(album_id)
        if self._release >= ALBUMS_HOLD_ASSETS:
            self._need("asset.read", purpose="listing an album")
        async with aclosing(
            FullListing(self._connection).whole(album_id=album.id, details=details)
        ) as found:
            async for asset in found:
                yield asset

    async def _change(
        self, method: str, album_id: str, assets: Iterable[str], done: Outcome, already: Outcome
    ) -> Sequence[Change]:
        ids = [*assets]
        path = path_of("albums", album_id, "assets")
        changes: list[Change] = []
        for at in range(0, len(ids), ADDED_AT_ONCE):
            some = ids[at : at + ADDED_AT_ONCE]
            try:
                results = await self._ask(method, path, list[IdResult], json={"ids": some})
            except ServerRefused as refusal:
                no_such("album", album_id, refusal)
            changes += (change_of(result, done, already) for result in results)
        return changes


def change_of(result: IdResult, done: Outcome, already: Outcome) -> Change:
    """The server's word on one id."""
    if result.success:
        return Change(result.id, done)
    if result.error in ("duplicate", "not_found"):
        # Of adding only `duplicate` is said, of taking out only `not_found` (recorded).
        return Change(result.id, already)
    reason = "not yours, or no such asset" if result.error == "no_permission" else result.error
    return Change(result.id, "refused", reason or "refused without a reason")

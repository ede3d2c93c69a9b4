"""Photos and videos: all of them, one of them, their bytes, and the trash."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from immich_transfer.errors import ServerRefused, UsageError
from immich_transfer.immich.verdicts import is_gone
from immich_transfer.model import AssetId

from .bodies import Bodies
from .models import Asset, Change, Outcome
from .walk import FullListing

DELETED_AT_ONCE = 1000


class Assets(Bodies):
    """`server.assets`. Every call exists on all versions from 1.106 on."""

    async def get(self, asset_id: str) -> Asset:
        """Everything about one asset, tags and people included (`GET /assets/{id}`, every version,
        permission `asset.read`). Raises UsageError when it is gone, locked or not the key's to
        see."""
        self._need("asset.read", purpose="showing an asset")
        found = await FullListing(self._connection).asset(AssetId(asset_id))
        if found is None:
            raise UsageError(f"no asset with the id {asset_id}, or not one this key may see")
        return found

    async def all(self, *, details: bool = False) -> AsyncGenerator[Asset, None]:
        """Every asset of the key's user outside the trash, archived ones included, streamed month
        by month, the newest first; with `details` also sizes, cameras and places (which makes the
        server's searches about six times slower).

        Complete also where dates are equal, unlike pages of a search: `GET /timeline/buckets` and
        `/timeline/bucket` tell the ids, `POST /search/metadata` what they are, `GET /assets/{id}`
        what that missed. Every version; permission `asset.read`.
        """
        self._need("asset.read", purpose="listing assets")
        user = self._connection.user
        owner = user.id if user is not None else None
        async with aclosing(
            FullListing(self._connection).whole(owner=owner, details=details)
        ) as found:
            async for asset in found:
                yield asset

    async def trash(self, *, details: bool = False) -> AsyncGenerator[Asset, None]:
        """What is in the trash, the newest first (`POST /search/metadata`, every version,
        permission `asset.read`)."""
        self._need("asset.read", purpose="listing the trash")
        listing = FullListing(self._connection)
        user = self._connection.user
        trashed = {"withDeleted": True, "trashedAfter": "1970-01-01T00:00:00.000Z"}
        async with aclosing(listing.matches(trashed, details=details)) as found:
            async for asset in found:
                if asset.trashed and (user is None or asset.owner in ("", user.id)):
                    yield asset

    async def delete(self, ids: Iterable[str], *, force: bool = False) -> Sequence[Change]:
        """Move assets to the trash, or with `force` delete them for good, a moment later; says of
        each what became of it (`DELETE /assets`, every version, permission `asset.delete`)."""
        self._need("asset.delete", purpose="deleting assets")
        outcome: Outcome = "deleted" if force else "trashed"
        return await self._each("DELETE", "assets", ids, outcome, {"force": force})

    async def restore(self, ids: Iterable[str]) -> Sequence[Change]:
        """Take assets out of the trash; says of each what became of it (`POST
        /trash/restore/assets`, every version, permission `asset.delete`)."""
        self._need("asset.delete", purpose="restoring assets")
        return await self._each("POST", "trash/restore/assets", ids, "restored", {})

    async def _each(
        self, method: str, path: str, ids: Iterable[str], done: Outcome, more: dict[str, Any]
    ) -> Sequence[Change]:
        """The server refuses a whole call for one id that it does not know: then each is tried."""
        wanted = [*dict.fromkeys(ids)]
        changes: list[Change] = []
        for at in range(0, len(wanted), DELETED_AT_ONCE):
            some = wanted[at : at + DELETED_AT_ONCE]
            try:
                await self._tell(method, path, json={"ids": some, **more})
                changes += (Change(asset_id, done) for asset_id in some)
            except ServerRefused as refusal:
                if refusal.status != 400:
                    raise
                changes += [await self._one(method, path, i, done, more) for i in some]
        return changes

    async def _one(
        self, method: str, path: str, asset_id: str, done: Outcome, more: dict[str, Any]
    ) -> Change:
        try:
            await self._tell(method, path, json={"ids": [asset_id], **more})
        except ServerRefused as refusal:
            reason = "not yours, or no such asset" if is_gone(refusal) else refusal.message
            return Change(asset_id, "refused", reason)
        return Change(asset_id, done)

"""Tags: paths like `Trips/Sea`, and putting them on assets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from immich_transfer.errors import ServerRefused, UsageError
from immich_transfer.immich.compat import KEY_PERMISSIONS
from immich_transfer.immich.wire import IdResult

from .albums import ADDED_AT_ONCE, change_of
from .calls import Calls, no_such, path_of
from .models import Change, Tag


class _OldResult(msgspec.Struct, gc=False, rename="camel"):
    """What became of one asset before 1.113."""

    asset_id: str
    success: bool
    error: str | None = None


class Tags(Calls):
    """`server.tags`. Every call exists on all versions from 1.106 on; before 1.113 tags are plain
    names, each made by itself."""

    async def list(self) -> Sequence[Tag]:
        """Every tag of the key's user, by path (`GET /tags`, every version, permission
        `tag.read`)."""
        self._need("tag.read", purpose="listing tags")
        tags = await self._ask("GET", "tags", list[Tag], what="listing tags")
        return sorted(tags, key=lambda tag: (tag.path.casefold(), tag.id))

    async def upsert(self, *paths: str) -> Sequence[Tag]:
        """The tags of these paths, made with their parents where they are missing (`PUT /tags`,
        permission `tag.create`; before 1.113 `POST /tags` for what `GET /tags` does not have).
        Raises UsageError for a path that names nothing, like `/`."""
        self._need("tag.create", purpose="making a tag")
        for path in paths:
            if not path.strip(" /"):
                raise UsageError(f"{path!r} names no tag: a path is like Trips/Sea")
        if self._release >= KEY_PERMISSIONS:
            return await self._ask("PUT", "tags", list[Tag], json={"tags": [*paths]})
        known = {tag.path: tag for tag in await self.list()}
        for path in paths:
            if path not in known:
                body = {"name": path, "type": "CUSTOM"}
                known[path] = await self._ask("POST", "tags", Tag, json=body)
        return [known[path] for path in paths]

    async def add(self, tag_id: str, assets: Iterable[str]) -> Sequence[Change]:
        """Put a tag on assets, and say of each what became of it (`PUT /tags/{id}/assets`,
        every version, permission `tag.asset`)."""
        self._need("tag.asset", purpose="tagging")
        ids = [*assets]
        changes: list[Change] = []
        for at in range(0, len(ids), ADDED_AT_ONCE):
            try:
                results = await self._put(tag_id, ids[at : at + ADDED_AT_ONCE])
            except ServerRefused as refusal:
                no_such("tag", tag_id, refusal)
            changes += (change_of(result, "added", "already-in") for result in results)
        return changes

    async def _put(self, tag_id: str, ids: Sequence[str]) -> Sequence[IdResult]:
        path = path_of("tags", tag_id, "assets")
        if self._release >= KEY_PERMISSIONS:
            return await self._ask("PUT", path, list[IdResult], json={"ids": ids})
        old = await self._ask("PUT", path, list[_OldResult], json={"assetIds": ids})
        return [IdResult(result.asset_id, result.success, result.error) for result in old]

"""Tags: paths like `Trips/Sea`, and putting them on assets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from immich_transfer.errors import ServerRefused
from immich_transfer.immich.compat import KEY_PERMISSIONS
from immich_transfer.immich.wire import IdResult

from .albums import ADDED_AT_ONCE, change_of
from .calls import Calls, no_such, path_of
from .models import Change, Tag


class Tags(Calls):
    """`server.tags`."""

    async def list(self) -> Sequence[Tag]:
        """Every tag of the key's user, by path (`GET /tags`, permission `tag.read`)."""
        self._need("tag.read", purpose="listing tags")
        tags = await self._ask("GET", "tags", list[Tag], what="listing tags")
        return sorted(tags, key=lambda tag: (tag.path.casefold(), tag.id))

    async def upsert(self, *paths: str) -> Sequence[Tag]:
        """The tags of these paths, made with their parents where they are missing (`PUT /tags`,
        since 1.113, permission `tag.create`)."""
        self._since(KEY_PERMISSIONS, "making tags by their path")
        self._need("tag.create", purpose="making a tag")
        return await self._ask("PUT", "tags", list[Tag], json={"tags": [*paths]})

    async def add(self, tag_id: str, assets: Iterable[str]) -> Sequence[Change]:
        """Put a tag on assets, and say of each what became of it (`PUT /tags/{id}/assets`,
        permission `tag.asset`)."""
        self._need("tag.asset", purpose="tagging")
        ids = [*assets]
        changes: list[Change] = []
        for at in range(0, len(ids), ADDED_AT_ONCE):
            some = {"ids": ids[at : at + ADDED_AT_ONCE]}
            path = path_of("tags", tag_id, "assets")
            try:
                results = await self._ask("PUT", path, list[IdResult], json=some)
            except ServerRefused as refusal:
                no_such("tag", tag_id, refusal)
            changes += (change_of(result, "added", "already-in") for result in results)
        return changes

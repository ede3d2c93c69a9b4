"""Searches: by what is known of an asset, or by what it shows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

from immich_transfer.errors import CannotContinue, ServerRefused, UsageError
from immich_transfer.immich.compat import ALBUM_SEARCH, VISIBILITY, Version
from immich_transfer.immich.listing import Listing

from .albums import Albums
from .calls import Calls
from .models import Asset, Person
from .names import is_id, pick
from .streams import first, newest_first
from .tags import Tags
from .walk import FullListing

TAG_SEARCH = Version(1, 126, 0)
"""Searches know `tagIds`."""
_SINCE = {"rating": Version(1, 120, 0), "description": Version(1, 130, 0)}
"""Older servers take no notice of these, and would find everything."""


class Filters(TypedDict, total=False):
    """What a search may be narrowed by; all of it must hold at once."""

    name: str
    """A part of the file's name."""
    description: str
    """A part of it (since 1.130)."""
    type: Literal["image", "video"]
    favorite: bool
    archived: bool
    """Only the archive; without it a metadata search finds timeline and archive."""
    taken_after: datetime | str
    taken_before: datetime | str
    make: str
    model: str
    city: str
    country: str
    rating: int
    """Stars, 1 to 5 (since 1.120)."""
    people: Sequence[str]
    """Ids or exact names; assets that show all of them (permission `person.read` for names)."""
    tags: Sequence[str]
    """Ids or full paths (since 1.126; permission `tag.read` for paths)."""
    albums: Sequence[str]
    """Ids or exact names (since 1.135; permission `album.read`). Before 3.0 the server finds one's
    own photos in an album only."""
    not_in_album: bool


_PLAIN = {
    "name": "originalFileName",
    "description": "description",
    "favorite": "isFavorite",
    "make": "make",
    "model": "model",
    "city": "city",
    "country": "country",
    "rating": "rating",
    "not_in_album": "isNotInAlbum",
}


class Search(Calls):
    """`server.search`."""

    async def metadata(
        self, filters: Filters | None = None, *, take: int | None = None, details: bool = False
    ) -> AsyncGenerator[Asset, None]:
        """What matches all `filters`, the newest first, each asset once, at most `take`, streamed;
        with `details` also sizes, cameras and places.

        `POST /search/metadata`, permission `asset.read`, on all versions. Assets of partners whose
        photos are shown in the timeline are among them.
        """
        self._need("asset.read", purpose="searching")
        listing = FullListing(self._connection)
        wanted = filters or {}
        asked = await self._asked(wanted)
        streams = [
            listing.matches({**asked, **shown}, details=details) for shown in self._shown(wanted)
        ]
        merged = newest_first(streams, lambda asset: asset.taken)
        async with aclosing(first(merged, take)) as found:
            async for asset in found:
                yield asset

    async def smart(
        self,
        query: str,
        filters: Filters | None = None,
        *,
        take: int = 100,
        details: bool = False,
    ) -> AsyncGenerator[Asset, None]:
        """The `take` best matches for what photos show, the best first, among those that are not
        archived (with the filter `archived` among those that are).

        `POST /search/smart`, permission `asset.read`, on all versions. Raises CannotContinue when
        the server's smart search is switched off.
        """
        self._need("asset.read", purpose="searching")
        if not query.strip():
            raise UsageError("there is nothing to search for: the query is empty")
        wanted = filters or {}
        if "name" in wanted or "description" in wanted:
            # The server would take no notice of them (recorded).
            raise UsageError("names and descriptions narrow a metadata search only")
        asked = {**await self._asked(wanted), **self._shown(wanted)[0]}
        listing = FullListing(self._connection)
        try:
            async with aclosing(listing.ranked(query, take, asked, details=details)) as found:
                async for asset in found:
                    yield asset
        except ServerRefused as refusal:
            if "smart search is not enabled" in refusal.message.lower():
                raise CannotContinue(
                    "smart search is switched off on this server",
                    hint="search by metadata, or switch machine learning on in its settings",
                ) from None
            raise

    async def people(self) -> Sequence[Person]:
        """Everybody recognised, hidden ones included (`GET /people`, every version, permission
        `person.read`)."""
        self._need("person.read", purpose="listing people")
        known = await Listing(self._connection).people()
        names = {person_id: name for name, person_id in known.items() if name != person_id}
        return [Person(i, names.get(i, "")) for i in sorted({*known.values()})]

    async def _asked(self, filters: Filters) -> dict[str, Any]:
        """The filters in the server's words, names turned to ids."""
        for name, since in _SINCE.items():
            if name in filters:
                self._since(since, f"searching by {name}")
        asked: dict[str, Any] = {
            theirs: filters[ours]  # type: ignore[literal-required]
            for ours, theirs in _PLAIN.items()
            if ours in filters
        }
        if "type" in filters:
            asked["type"] = filters["type"].upper()
        for ours, theirs in (("taken_after", "takenAfter"), ("taken_before", "takenBefore")):
            if ours in filters:
                asked[theirs] = _instant(filters[ours])  # type: ignore[literal-required]
        if filters.get("people"):
            asked["personIds"] = await self._people(filters["people"])
        if filters.get("tags"):
            self._since(TAG_SEARCH, "searching by tag")
            asked["tagIds"] = await self._tags(filters["tags"])
        if filters.get("albums"):
            self._since(ALBUM_SEARCH, "searching in albums")
            albums = Albums(self._connection)
            asked["albumIds"] = [(await albums.find(wanted)).id for wanted in filters["albums"]]
        return asked

    async def _people(self, wanted: Sequence[str]) -> list[str]:
        if all(is_id(text) for text in wanted):
            return [text.lower() for text in wanted]
        people = [(person.id, person.name) for person in await self.people()]
        return [pick("person", text, people) for text in wanted]

    async def _tags(self, wanted: Sequence[str]) -> list[str]:
        if all(is_id(text) for text in wanted):
            return [text.lower() for text in wanted]
        tags = [(tag.id, tag.path) for tag in await Tags(self._connection).list()]
        return [pick("tag", text, tags) for text in wanted]

    def _shown(self, filters: Filters) -> list[dict[str, Any]]:
        """Timeline and archive, or the archive alone, in the words of this server's version: what
        a search shows by itself differs between all of them (recorded)."""
        archived = filters.get("archived", False)
        if self._release >= VISIBILITY:
            kinds = ("archive",) if archived else ("timeline", "archive")
            return [{"visibility": kind} for kind in kinds]
        return [
            {"isVisible": True, **({"isArchived": True} if archived else {"withArchived": True})}
        ]


def _instant(moment: datetime | str) -> str:
    """The form that every version takes; a datetime without a zone is local time."""
    if isinstance(moment, str):
        return moment
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"

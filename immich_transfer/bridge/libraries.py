"""External libraries: list, create, check, scan, and the whole walk that `sync` is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from immich_transfer.errors import CannotContinue, KeyRefused, ServerRefused, UsageError
from immich_transfer.immich.admin import admin_only
from immich_transfer.immich.compat import ALBUM_SEARCH, BARE_SCAN

from .calls import Calls, path_of
from .jobs import Jobs
from .names import pick
from .server_models import Library, LibraryStatistics, PathCheck, Queue, Synced

LONG_AGO = "1970-01-01T00:00:00.000Z"
SCAN_QUEUE = "library"
PAGE = 1000
"""The largest a search takes."""


class _Total(msgspec.Struct):
    """`POST /search/statistics`."""

    total: int


class _Page(msgspec.Struct, rename="camel"):
    count: int
    next_page: str | None = None


class _Found(msgspec.Struct):
    """`POST /search/metadata`, as far as counting goes."""

    assets: _Page


class _Checked(msgspec.Struct, rename="camel"):
    import_paths: tuple[PathCheck, ...] = ()


class Libraries(Calls):
    """`/libraries`. Every version; always the key of an admin, with the permission named."""

    async def list(self) -> list[Library]:
        """All of them, whoever owns them. Every version; permission `library.read`."""
        with self._admin("library.read", purpose="listing libraries"):
            return await self._ask("GET", "libraries", list[Library])

    async def find(self, wanted: str) -> Library:
        """The one with this id or exact name. Raises UsageError when there is none, or when
        several have the name (listing them). Every version; permission `library.read`."""
        known = await self.list()
        found = pick("library", wanted, ((library.id, library.name) for library in known))
        return next(library for library in known if library.id == found)

    async def create(
        self,
        name: str,
        *,
        paths: Sequence[str] = (),
        exclude: Sequence[str] = (),
        owner: str | None = None,
    ) -> Library:
        """A new one. `paths` are folders as the server sees them; `owner` is a user's id, by
        default the key's own. Every version; permission `library.create`."""
        with self._admin("library.create", purpose="creating a library"):
            user = self._connection.user
            if owner is None:
                if user is None:
                    self._need("user.read", purpose="owning a library")
                    raise UsageError("the key does not say whose it is: name the owner")
                owner = user.id
            body = {
                "ownerId": owner,
                "name": name,
                "importPaths": list(paths),
                "exclusionPatterns": list(exclude),
            }
            return await self._ask("POST", "libraries", Library, json=body)

    async def statistics(self, library_id: str) -> LibraryStatistics:
        """Photos, videos and bytes. Every version; permission `library.statistics`."""
        with self._admin("library.statistics", purpose="the statistics of a library"):
            path = path_of("libraries", library_id, "statistics")
            return await self._ask("GET", path, LibraryStatistics)

    async def validate(
        self, library_id: str, paths: Sequence[str], exclude: Sequence[str] = ()
    ) -> tuple[PathCheck, ...]:
        """Whether the server can read these folders. Every version; permission `all`: it names
        none of its own."""
        with self._admin("all", purpose="checking a library's folders"):
            path = path_of("libraries", library_id, "validate")
            body = {"importPaths": list(paths), "exclusionPatterns": list(exclude)}
            return (await self._ask("POST", path, _Checked, json=body)).import_paths

    async def scan(self, library_id: str, *, modified: bool = False, every: bool = False) -> None:
        """Have it look for what is new and what is gone; it does so later (queue `library`).

        Servers before 1.116 look at known files only when told to: those that were `modified`, or
        `every` one. Newer ones always take in what was modified. Permission `library.update`.
        """
        with self._admin("library.update", purpose="scanning a library"):
            body = None
            if self._release < BARE_SCAN:
                body = {"refreshModifiedFiles": modified, "refreshAllFiles": every}
            await self._tell("POST", path_of("libraries", library_id, "scan"), json=body)

    async def offline(self, library: Library) -> int | None:
        """How many of its assets have lost their file; None where the server does not say: of
        other users' libraries, or to a key with neither permission.

        Since 1.135 one question (`POST /search/statistics`, permission `asset.statistics`); before
        it, or without that permission, the pages of a search are counted (`POST /search/metadata`,
        permission `asset.read`).
        """
        user, missing = self._connection.user, self._connection.missing
        if user is None or user.id != library.owner_id:
            return None
        lost = {"libraryId": library.id, "isOffline": True}
        try:
            if self._release >= ALBUM_SEARCH and not missing("asset.statistics"):
                # They are in the trash, which is counted only when a date of it is named.
                body = {**lost, "trashedAfter": LONG_AGO}
                return (await self._ask("POST", "search/statistics", _Total, json=body)).total
            return None if missing("asset.read") else await self._pages_of(lost)
        except (KeyRefused, ServerRefused):
            return None

    async def _pages_of(self, lost: dict[str, Any]) -> int:
        """Equal dates make pages repeat assets, but all are full: the sum of their counts is that
        of the assets (recorded). Before 1.116 they are not in the trash, later they are."""
        total, page = 0, 1
        while True:
            body = {**lost, "withDeleted": True, "size": PAGE, "page": page}
            found = (await self._ask("POST", "search/metadata", _Found, json=body)).assets
            total += found.count
            if found.next_page is None:
                return total
            page = int(found.next_page)

    async def sync(
        self,
        library: Library,
        *,
        timeout: float | None = None,
        heard: Callable[[Sequence[Queue]], None] | None = None,
    ) -> Synced:
        """Scan, wait until the queue `library` is idle, and compare. `heard` is called with the
        queue's state while it works.

        Raises CannotContinue when that queue is paused, LimitReached after `timeout` seconds (the
        scan goes on). Every version; permissions: those of `statistics`, `scan` and `Jobs.list`.
        """
        jobs = Jobs(self._connection)
        needed = ("library.update", "library.statistics", jobs.reading)
        with admin_only(self._connection, *needed, purpose="syncing a library"):
            queues = await jobs.list()
        for queue in queues:
            if queue.name == SCAN_QUEUE and queue.paused:
                raise CannotContinue(
                    f"the queue {SCAN_QUEUE} is paused on the server: a scan would not begin",
                    hint=f"resume it with `immich-transfer jobs resume {SCAN_QUEUE}`",
                )
        before, gone_before = await self.statistics(library.id), await self.offline(library)
        await self.scan(library.id, modified=True)
        await jobs.wait([SCAN_QUEUE], timeout=timeout, heard=heard)
        after, gone_after = await self.statistics(library.id), await self.offline(library)
        return Synced(library, before, after, gone_before, gone_after)

    @contextmanager
    def _admin(self, permission: str, *, purpose: str) -> Iterator[None]:
        with admin_only(self._connection, permission, purpose=purpose):
            yield

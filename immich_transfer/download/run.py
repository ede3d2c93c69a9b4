"""The state of one download: what every stage shares, and the books that must balance.

A file enters the books when the plan is sealed and leaves them with its one outcome (law 3). A byte
for each tells whether it has one, so that what a stop left over is found again in the catalog.
"""

from __future__ import annotations

import msgspec

from immich_transfer.config.options import DownloadOptions
from immich_transfer.disk.place import Destination
from immich_transfer.errors import TransferError
from immich_transfer.immich.archives import Archives
from immich_transfer.immich.listing import Listing
from immich_transfer.immich.originals import Originals
from immich_transfer.manifest.catalog import Catalog, Wanted
from immich_transfer.model import AssetId, ItemResult, Outcome, Part, Placed, Sha1
from immich_transfer.pipeline.run import Books, Parts, Run
from immich_transfer.policy.layout import Layout
from immich_transfer.policy.pacing import TokenBucket


class Source(msgspec.Struct):
    """One thing that was asked for: an album, the library, or a search."""

    number: int
    """Of the collection in the manifest; negative where a dry run has none."""
    kind: str
    name: str
    """What stays when titles change: the album's id, or the search as text."""
    title: str
    folder: str
    """Stands for `{album}` in the layout."""
    layout: Layout
    album_id: str | None = None
    searches: tuple[dict[str, object], ...] = ()
    """Filters for `POST /search/metadata`, together what is meant."""
    smart: str | None = None
    gone: bool = False
    """An album we have kept that the server does not show any more."""
    complete: bool = True
    """False once its list disagreed with the server's own count: then nothing is removed."""


class DownloadRun(Run):
    """Everything the stages of one download share."""

    def __init__(self, parts: Parts, options: DownloadOptions, root: str) -> None:
        super().__init__(parts)
        self.options = options
        self.books = Books(parts.listener, parts.totals, max_errors=parts.transfer.max_errors)
        self.destination = Destination(root)
        self.catalog = Catalog()
        self.listing = Listing(parts.connection)
        self.archives = Archives(parts.connection)
        self.originals = Originals(parts.connection)
        self.limiter = self.new_limiter()
        down = parts.transfer.bwlimit_down
        self.bucket = TokenBucket(down) if down else None
        self.mirror = parts.manifest.mirror(self.account, root)
        self.sources: list[Source] = []
        self.decided = bytearray(1)
        """By number of the wanted file: 1 once it has its outcome."""
        self.bytes_planned = 0
        """Of all wanted files, as far as the listing told."""
        self.moved: dict[tuple[int, AssetId], str] = {}
        """Files that were renamed in this run, and what they were called."""

        self.parts: dict[AssetId, Part] = {}
        """Part files that earlier runs left, and those that broken attempts of this one leave."""
        self.arrived: list[Placed] = []
        """Files of a killed run that are not placed, in a run that only looks."""
        self.left_folders: set[str] = set()
        """Folders that files of ours left: they may be empty now."""

    def close(self) -> None:
        self.destination.close()
        self.catalog.close()

    @property
    def complete(self) -> bool:
        """Every list agreed with the server's own count."""
        return all(source.complete for source in self.sources)

    def planned(self, count: int) -> None:
        """So many files there are to be: they are in the books from now on."""
        self.totals.discovered += count
        self.decided = bytearray(count + 1)

    def enter_extra(self, item: ItemResult) -> None:
        """An item beside the planned files: one that left, or that could not even be listed."""
        self.totals.discovered += 1
        self.books.enter(item)

    def finish(
        self,
        wanted: Wanted,
        outcome: Outcome,
        *,
        size: int | None = None,
        sha1: Sha1 | None = None,
        reason: str | None = None,
        note: str | None = None,
    ) -> None:
        """Give a wanted file its outcome; a second one is ignored."""
        if self.decided[wanted.number]:
            return
        self.decided[wanted.number] = 1
        asset = wanted.asset
        self.books.enter(
            ItemResult(
                outcome,
                wanted.path,
                asset.size or 0 if size is None else size,
                asset_id=asset.id,
                sha1=sha1 or asset.sha1,
                reason=reason,
                note=note,
            )
        )

    def fail(self, wanted: Wanted, error: TransferError) -> None:
        """The file cannot be had in this run, for a reason of its own."""
        if self.decided[wanted.number]:
            return
        self.decided[wanted.number] = 1
        self.books.blame(error)
        asset = wanted.asset
        self.books.enter(
            ItemResult(
                Outcome.FAILED,
                wanted.path,
                asset.size or 0,
                asset_id=asset.id,
                sha1=asset.sha1,
                error=error.message,
                hint=error.hint,
            )
        )
        self.mind_limit(self.books)

    def fail_unlisted(self, asset_id: AssetId, error: TransferError) -> None:
        """The server lists an asset but cannot say what it is."""
        self.enter_extra(
            ItemResult(
                Outcome.FAILED,
                f"asset {asset_id}",
                asset_id=asset_id,
                error=error.message,
                hint=error.hint,
            )
        )
        self.mind_limit(self.books)

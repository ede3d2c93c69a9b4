"""The state of one upload run: what every stage shares, and the books that must balance.

A file enters the books when it is discovered and leaves them with its one outcome (law 3). What
is still in them when the run is cut short is `pending`; when it was not cut short, that is a
defect and the file is `failed`, never missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from immich_transfer.config.options import UploadOptions
from immich_transfer.errors import TransferError
from immich_transfer.events import Listener
from immich_transfer.immich.albums import Albums
from immich_transfer.immich.assets import Assets
from immich_transfer.immich.tags import Tags
from immich_transfer.immich.wire import MediaTypesAnswer
from immich_transfer.model import AssetId, ItemResult, LocalFile, Outcome, Sha1, Totals
from immich_transfer.pipeline.run import Books, Parts, Run

CARRY_BYTES = 16 << 20
"""Small photos read for hashing keep their bytes until they are sent, up to this much in all."""
CARRY_FULL = 6 << 20
"""Above this the hashers wait: reading a photo once costs 15 % less CPU than reading it twice
(2,000 x 50 KB), and every hasher may add a group of 4 MiB before it looks."""


class Candidate(msgspec.Struct, gc=False):
    """A file whose checksum is known, on its way to the server."""

    file: LocalFile
    sha1: Sha1
    content: bytes | None = None
    """The very bytes that were hashed, when they were few."""


class FileBooks(Books):
    """Totals, outcomes, and the files that have none yet."""

    def __init__(self, listener: Listener, totals: Totals, *, max_errors: int | None) -> None:
        super().__init__(listener, totals, max_errors=max_errors)
        self._open: dict[str, LocalFile] = {}

    def discovered(self, files: Sequence[LocalFile], others: int = 0) -> None:
        self.totals.discovered += len(files) + others
        for file in files:
            self._open[file.path] = file

    def undecided(self) -> list[LocalFile]:
        return list(self._open.values())

    def settle(self, item: ItemResult, file: LocalFile | None) -> None:
        """Give a file its outcome; a second outcome for the same file is ignored."""
        if file is not None and self._open.pop(file.path, None) is None:
            return
        self.enter(item)


class UploadRun(Run):
    """Everything the stages of one upload share."""

    def __init__(self, parts: Parts, options: UploadOptions) -> None:
        super().__init__(parts)
        self.options = options
        self.books = FileBooks(parts.listener, parts.totals, max_errors=parts.transfer.max_errors)
        self.assets = Assets(
            parts.connection, executor=parts.pool, bwlimit_up=parts.transfer.bwlimit_up
        )
        self.albums = Albums(parts.connection)
        self.tags = Tags(parts.connection)
        self.media = MediaTypesAnswer(image=(), video=())
        """What the server takes; asked before the first file is looked at."""
        self.carried = 0
        self._room = asyncio.Event()
        self.claims: dict[Sha1, list[Candidate]] = {}
        """Contents on their way up in this run, with the twins that wait for them."""
        self.landed: set[Sha1] = set()
        """What arrived since the last check was asked: its answer does not know of these."""
        self.debts_possible = False
        self.target_of: Callable[[LocalFile], str | None] = lambda _: None
        """The album a file's folder asks for (`--album-from`)."""
        self.wanted_albums: set[str] = set()
        """Albums that files of this run are to be in."""
        self.spawn: Callable[[Coroutine[Any, Any, None]], None] = lambda work: work.close()
        """Start a transfer beside those of the queue; set while sending."""

    def finish(
        self,
        file: LocalFile,
        outcome: Outcome,
        *,
        sha1: Sha1 | None = None,
        asset_id: AssetId | None = None,
        reason: str | None = None,
        note: str | None = None,
    ) -> None:
        """Give `file` its outcome."""
        self.books.settle(
            ItemResult(
                outcome,
                file.shown,
                file.size,
                asset_id=asset_id,
                sha1=sha1,
                reason=reason,
                note=note,
            ),
            file,
        )

    def fail(self, file: LocalFile, error: TransferError, sha1: Sha1 | None = None) -> None:
        """The file cannot be transferred in this run, for a reason of its own."""
        self.books.blame(error)
        self.books.settle(
            ItemResult(
                Outcome.FAILED,
                file.shown,
                file.size,
                sha1=sha1,
                error=error.message,
                hint=error.hint,
            ),
            file,
        )
        self.mind_limit(self.books)

    # bytes that travel with their hash

    def carry(self, content: bytes) -> bytes | None:
        """Keep `content` for sending if there is room, else None: it will be read again."""
        if self.carried + len(content) > CARRY_BYTES:
            return None
        self.carried += len(content)
        return content

    def put_down(self, candidate: Candidate) -> None:
        """The bytes of `candidate` are no longer needed."""
        if candidate.content is not None:
            self.carried -= len(candidate.content)
            candidate.content = None
            if self.carried <= CARRY_FULL:
                self._room.set()

    async def room_to_carry(self) -> None:
        """Wait until little enough is carried, or nothing new may start."""
        while self.carried > CARRY_FULL and not self.stopping:
            self._room.clear()
            waits = [asyncio.ensure_future(e.wait()) for e in (self._room, self.stop)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

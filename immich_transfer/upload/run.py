"""The state of one upload run: what every stage shares, and the books that must balance.

A file enters the books when it is discovered and leaves them with its one outcome (law 3). What
is still in them when the run is cut short is `pending`; when it was not cut short, that is a
defect and the file is `failed`, never missing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import msgspec

from immich_transfer.config.options import TransferOptions, UploadOptions
from immich_transfer.errors import (
    Exit,
    Interrupted,
    LimitReached,
    Stumbled,
    TransferError,
    Transient,
    worst,
)
from immich_transfer.events import Listener, Notice, Settled, Stopping
from immich_transfer.immich.albums import Albums
from immich_transfer.immich.assets import Assets
from immich_transfer.immich.connect import Connection
from immich_transfer.immich.tags import Tags
from immich_transfer.manifest.store import Manifest
from immich_transfer.model import AssetId, ItemResult, LocalFile, Outcome, Sha1, Totals

P = ParamSpec("P")
T = TypeVar("T")

CARRY_BYTES = 16 << 20
"""Small photos read for hashing keep their bytes until they are sent, up to this much in all."""
CARRY_FULL = 6 << 20
"""Above this the hashers wait: reading a photo once costs 15 % less CPU than reading it twice
(2,000 x 50 KB), and every hasher may add a group of 4 MiB before it looks."""
REMEMBERED_PROBLEMS = 10_000
"""Failed and pending files kept for `status`; more are counted but not listed."""


class Candidate(msgspec.Struct, gc=False):
    """A file whose checksum is known, on its way to the server."""

    file: LocalFile
    sha1: Sha1
    content: bytes | None = None
    """The very bytes that were hashed, when they were few."""


class Books:
    """Totals, outcomes, and the files that have none yet."""

    def __init__(self, listener: Listener, totals: Totals, *, max_errors: int | None) -> None:
        self.totals = totals
        self._listener = listener
        self._max_errors = max_errors
        self._open: dict[str, LocalFile] = {}
        self.problems: list[ItemResult] = []
        self.transient_failures = 0
        self.over_limit = False

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
        self.totals.count(item.outcome)
        if item.outcome in (Outcome.FAILED, Outcome.PENDING):
            if len(self.problems) < REMEMBERED_PROBLEMS:
                self.problems.append(item)
            failed = self.totals.outcomes.get(Outcome.FAILED, 0)
            if self._max_errors is not None and failed >= self._max_errors:
                self.over_limit = True
        self._listener(Settled(item))


class UploadRun:
    """Everything the stages of one run share."""

    def __init__(
        self,
        *,
        connection: Connection,
        manifest: Manifest,
        transfer: TransferOptions,
        options: UploadOptions,
        listener: Listener,
        totals: Totals,
        stop: asyncio.Event,
        pool: ThreadPoolExecutor,
        hash_pool: ThreadPoolExecutor,
    ) -> None:
        self.connection = connection
        self.manifest = manifest
        self.transfer = transfer
        self.options = options
        self.listener = listener
        self.books = Books(listener, totals, max_errors=transfer.max_errors)
        self.totals = totals
        self.stop = stop
        self.pool = pool
        self.hash_pool = hash_pool
        self.account = 0
        self.assets = Assets(connection, executor=pool, bwlimit_up=transfer.bwlimit_up)
        self.albums = Albums(connection)
        self.tags = Tags(connection)
        self.codes: list[Exit] = []
        self.message: str | None = None
        self.hint: str | None = None
        self.notes: list[str] = []
        self.carried = 0
        self._room = asyncio.Event()
        self.dropped = False
        """True after the second Ctrl-C: even a read that has begun is not worth ending."""
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

    @property
    def dry(self) -> bool:
        return self.transfer.dry_run

    @property
    def stopping(self) -> bool:
        """True once nothing new may start."""
        return self.stop.is_set()

    async def in_thread(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work in the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, lambda: work(*args, **kwargs))

    def cut(self, error: TransferError) -> None:
        """End the run: remember why (the worst reason wins), start nothing new."""
        if isinstance(error, Interrupted) and self.codes:
            return  # it only echoes the reason that is known already
        before = worst(*self.codes)
        self.codes.append(error.exit_code)
        if self.message is None or worst(before, error.exit_code) != before:
            self.message, self.hint = error.message, error.hint
        if not self.stop.is_set():
            self.stop.set()
            self.listener(Stopping(error.message))

    def halt(self, code: Exit) -> None:
        """The user asked to stop."""
        self.codes.append(code)
        self.stop.set()
        self.message = self.message or "interrupted; what is done is saved"
        what = "Ctrl-C" if code is Exit.INTERRUPTED else "SIGTERM"
        self.listener(Stopping(f"{what} (again to drop what is in flight)"))

    def note(self, text: str) -> None:
        """Say something once, now and in the summary."""
        if text not in self.notes:
            self.notes.append(text)
            self.listener(Notice(text))

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
        if isinstance(error, Transient) and not isinstance(error, Stumbled):
            self.books.transient_failures += 1
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
        if self.books.over_limit and not self.stopping:
            self.cut(
                LimitReached(
                    f"{self.transfer.max_errors} files failed (--max-errors)",
                    hint="mend what failed, then run the same command again",
                )
            )

    def still_wanted(self, _: int) -> None:
        """Raises Interrupted inside a long read once everything in flight was dropped."""
        if self.dropped:
            raise Interrupted("dropped")

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


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

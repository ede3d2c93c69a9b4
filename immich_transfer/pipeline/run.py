"""What every run of every flow shares: its books, its reasons to end, its worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, ParamSpec, TypeVar

from immich_transfer.config.options import TransferOptions
from immich_transfer.errors import (
    Exit,
    Interrupted,
    LimitReached,
    NotServed,
    ServerRefused,
    Stumbled,
    TransferError,
    Transient,
    worst,
)
from immich_transfer.events import Listener, Notice, Settled, Stopping
from immich_transfer.immich.connect import Connection
from immich_transfer.manifest.store import Manifest
from immich_transfer.model import ItemResult, Outcome, Totals
from immich_transfer.policy.pacing import Pace, start_for

from .descriptors import most_transfers
from .limiter import Limiter

P = ParamSpec("P")
T = TypeVar("T")

REMEMBERED_PROBLEMS = 10_000
"""Failed and pending items kept for `status`; more are counted but not listed."""


class Books:
    """Totals and outcomes of one run, and what `status` will say of it."""

    def __init__(self, listener: Listener, totals: Totals, *, max_errors: int | None) -> None:
        self.totals = totals
        self._listener = listener
        self._max_errors = max_errors
        self.problems: list[ItemResult] = []
        self.transient_failures = 0
        self.over_limit = False

    def enter(self, item: ItemResult) -> None:
        """Count an item's one outcome and tell it."""
        self.totals.count(item.outcome)
        if item.outcome in (Outcome.FAILED, Outcome.PENDING):
            if len(self.problems) < REMEMBERED_PROBLEMS:
                self.problems.append(item)
            failed = self.totals.outcomes.get(Outcome.FAILED, 0)
            if self._max_errors is not None and failed >= self._max_errors:
                self.over_limit = True
        self._listener(Settled(item))

    def blame(self, error: TransferError) -> None:
        """Note whether a failure was the server's: when all are, running again may help."""
        if isinstance(error, Transient) and not isinstance(error, Stumbled):
            self.transient_failures += 1


class Parts(NamedTuple):
    """What a run is made of; put together by `conduct`."""

    name: str
    """The run's id in the manifest."""
    connection: Connection
    manifest: Manifest
    transfer: TransferOptions
    listener: Listener
    totals: Totals
    stop: asyncio.Event
    pool: ThreadPoolExecutor
    """Threads for the disk and the manifest."""
    hash_pool: ThreadPoolExecutor
    """Threads that compute checksums, as many as `--hashers`."""


class Run:
    """The state that the stages of any flow share."""

    def __init__(self, parts: Parts) -> None:
        self.name = parts.name
        self.connection = parts.connection
        self.manifest = parts.manifest
        self.transfer = parts.transfer
        self.listener = parts.listener
        self.totals = parts.totals
        self.stop = parts.stop
        self.pool = parts.pool
        self.hash_pool = parts.hash_pool
        self.account = parts.manifest.account(parts.connection.user_id)
        self._loop = asyncio.get_running_loop()
        self._most_transfers = most_transfers(parts.transfer.hashers)
        self.codes: list[Exit] = []
        self.message: str | None = None
        self.hint: str | None = None
        self.notes: list[str] = []
        self.dropped = False
        """True after the second Ctrl-C: even a read that has begun is not worth ending."""

    @property
    def dry(self) -> bool:
        return self.transfer.dry_run

    @property
    def stopping(self) -> bool:
        """True once nothing new may start."""
        return self.stop.is_set()

    def new_limiter(self) -> Limiter:
        """Slots for the transfers of this run, no more than the system has open files for."""
        start = start_for(self.connection.http.quickest)
        return Limiter(Pace(self.transfer.transfers, start=start, most=self._most_transfers))

    @property
    def fewer_transfers(self) -> str | None:
        """What to say when there cannot be as many transfers as were asked for."""
        asked, most = self.transfer.transfers, self._most_transfers
        if asked is None or most is None or asked <= most:
            return None
        return (
            f"{most} transfers at once instead of {asked}: the system allows too few open files"
            " (ulimit -n)"
        )

    async def in_thread(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work in the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, lambda: work(*args, **kwargs))

    def cut(self, error: TransferError) -> None:
        """End the run: remember why (the worst reason wins), start nothing new."""
        if isinstance(error, Interrupted) and self.codes:
            return  # it only echoes the reason that is known already
        if isinstance(error, ServerRefused):
            error = NotServed.by(error)
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
        self.listener(Stopping(f"{what} (again to drop what is in flight)", code))

    def note(self, text: str) -> None:
        """Say something once, now and in the summary."""
        if text not in self.notes:
            self.notes.append(text)
            self.listener(Notice(text))

    def note_soon(self, text: str) -> None:
        """The same from a worker thread."""
        self._loop.call_soon_threadsafe(self.note, text)

    def mind_limit(self, books: Books) -> None:
        """End the run once `--max-errors` items failed."""
        if books.over_limit and not self.stopping:
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

    def closing_codes(self, books: Books, arrived: tuple[Outcome, ...]) -> list[Exit]:
        """The exit codes that hold for every flow, once each item has its outcome. When items
        failed and none of `arrived` came about, all for the server's reasons, it is the server's
        trouble (5), not the items' (3)."""
        counts = self.totals.outcomes
        codes = list(self.codes)
        if self.stopping and not codes:
            codes.append(Exit.INTERRUPTED)  # a program set `stop`: no signal and no error told why
        if counts.get(Outcome.FAILED):
            server = books.transient_failures == counts[Outcome.FAILED] and not any(
                counts.get(outcome) for outcome in arrived
            )
            codes.append(Exit.UNAVAILABLE if server else Exit.ITEMS_FAILED)
        lenient = (Outcome.SKIPPED, Outcome.TRASHED, Outcome.DELETED_REMOTELY)
        if self.transfer.strict and any(counts.get(outcome) for outcome in lenient):
            codes.append(Exit.ITEMS_FAILED)
        if not self.totals.balanced():
            codes.append(Exit.FAILED)
            self.note("the books do not balance: a defect, please report it")
        return codes

"""The manifest's port: what the flows may ask of our memory, whatever keeps it.

Every method is synchronous, thread-safe, and atomic: it is committed when it returns. Flows call it
from worker threads, in batches. Deleting the manifest costs time, never correctness (law 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from immich_transfer.model import (
    AssetId,
    Collection,
    Debt,
    Digest,
    ItemResult,
    Known,
    LocalFile,
    Part,
    Placed,
    RunInfo,
    Sha1,
)


class Presence(NamedTuple):
    """The server said: this content is there. Written only after its answer (law 1)."""

    sha1: Sha1
    asset_id: AssetId
    uploaded: bool
    """True when our own upload put it there; once true it stays true."""
    sidecar_stamp: str | None = None


class PausedQueue(NamedTuple):
    """A queue of jobs that we paused and have to resume."""

    server: str
    """Its server's address then."""
    name: str


class Manifest(Protocol):
    """One manifest file, held by one process."""

    notice: str | None
    """Something to say aloud about opening it (it was corrupt and moved aside), or None."""

    def close(self) -> None: ...

    def account(self, user_id: str) -> int:
        """The row number of a server account; made on first sight (in a dry run 0, which owns
        nothing). Users have unique UUIDs."""
        ...

    # runs

    def begin_run(self, command: str, arguments: Sequence[str], cwd: str) -> str:
        """Open a run and return its id (short, unique, sorts by time)."""
        ...

    def end_run(self, run: str, exit_code: int, summary: Mapping[str, Any]) -> None: ...

    def record_items(self, run: str, items: Sequence[ItemResult]) -> None:
        """Keep the failed and pending files of a run, so that `status` can say why."""
        ...

    def runs(self, limit: int = 20) -> list[RunInfo]:
        """Newest first."""
        ...

    def run(self, run: str) -> RunInfo | None: ...

    def run_cwd(self, run: str) -> str:
        """The folder the run was started from: its relative paths start there."""
        ...

    def last_interrupted(self) -> RunInfo | None:
        """The newest run that has no end, or ended with files pending or failed, and that no later
        run of the same command, arguments and folder made good; else None. The run this process
        is in does not count. A dry run never begins a row."""
        ...

    def run_items(self, run: str, limit: int = 1000) -> list[ItemResult]: ...

    # what files contain

    def lookup(self, files: Sequence[LocalFile]) -> list[Sha1 | None]:
        """SHA-1 of each file whose path still has the fingerprint it was hashed under, in the order
        asked. Batches in walk order are twice as fast as scattered ones."""
        ...

    def lookalikes(self, files: Sequence[LocalFile]) -> dict[str, list[Digest]]:
        """For files at unknown paths: digests remembered for the same (size, mtime_ns), by path.
        The caller compares samples before it believes one. Files without a match are left out, and
        so are those whose size and time too many files share to mean anything."""
        ...

    def remember(self, rows: Iterable[tuple[LocalFile, Digest]]) -> None:
        """Save digests under the fingerprints they were computed for."""
        ...

    def forget(self, paths: Iterable[str]) -> None:
        """Drop files that are gone (delete-source)."""
        ...

    # what the server holds

    def known(self, account: int, sha1s: Sequence[Sha1]) -> dict[Sha1, Known]: ...

    def settle(self, account: int, rows: Iterable[Presence]) -> None:
        """Record presences and give their asset ids to debts of the same content: to those that
        wait, and anew to those that were for an asset this content no longer is."""
        ...

    def unsettle(self, account: int, sha1s: Iterable[Sha1]) -> None:
        """The server no longer has these (deleted, and about to be sent again): forget them, and
        let their albums and tags be owed again, waiting for the new asset."""
        ...

    # debts

    def owe(self, account: int, debts: Iterable[Debt]) -> None:
        """Promise album and tag entries; one already paid or owed stays as it is (an asset_id
        that is now known is filled in)."""
        ...

    def waiting_debts(self, account: int) -> bool:
        """True when debts wait for an asset id."""
        ...

    def payable(self, account: int, limit: int = 1000) -> list[Debt]:
        """Owed, with a known asset id, grouped by kind and target."""
        ...

    def pay(self, account: int, debts: Iterable[Debt]) -> None:
        """Strike off; kept as paid so that a later run does not ask for it again."""
        ...

    def defer(self, account: int, debts: Iterable[Debt], reason: str) -> None:
        """Not payable in this run: leave owed, remember why, do not offer again until reopened."""
        ...

    def debts(self, account: int | None = None, limit: int = 1000) -> list[tuple[Debt, str | None]]:
        """What is owed, with the last reason."""
        ...

    def debt_count(self, account: int | None = None) -> int: ...

    def reopen(self, account: int, kind: str, target: str) -> None:
        """The album or tag is gone from the server: what was paid into it is owed again."""
        ...

    def due_count(self, account: int) -> int:
        """Debts of an account whose photo is on the server: those that a run should have paid."""
        ...

    # queues of the server

    def owe_resuming(self, account: int, server: str, queues: Iterable[str]) -> None:
        """Promise, before they are paused, to resume these queues of the server at this address.
        Outlives a power cut."""
        ...

    def paused_queues(
        self, account: int | None = None, server: str | None = None
    ) -> list[PausedQueue]:
        """What waits to be resumed: everything, or what this account paused, wherever its server
        was then, together with what anybody paused at this address."""
        ...

    def resumed(self, queues: Iterable[PausedQueue]) -> None:
        """These go on, or are no longer there."""
        ...

    # what was downloaded

    def mirror(self, account: int, root: str) -> int:
        """The row number of a destination; made on first sight (in a dry run 0, which holds
        nothing)."""
        ...

    def mirrors_at(self, root: str) -> list[int]:
        """Every account's row for a destination."""
        ...

    def collections(self, mirror: int) -> list[Collection]: ...

    def keep_collection(self, mirror: int, kind: str, name: str, title: str, folder: str) -> int:
        """The row number of a collection, with the title and folder of today; 0 when it is unknown
        and nothing may be written."""
        ...

    def drop_collection(self, number: int) -> None:
        """Forget a collection that holds no file any more."""
        ...

    def placed(self, collection: int, ids: Sequence[AssetId]) -> dict[AssetId, Placed]: ...

    def placed_copies(self, mirror: int, ids: Sequence[AssetId]) -> dict[AssetId, list[Placed]]:
        """Every file of these assets below a mirror, whatever the collection."""
        ...

    def name_holders(self, mirror: int, keys: Sequence[str]) -> dict[str, tuple[int, AssetId]]:
        """Which collection and asset hold these path keys (`policy.naming.name_key`)."""
        ...

    def every_placed(self, mirror: int, collection: int | None = None) -> Iterator[list[Placed]]:
        """All files of ours, a page at a time; rows may be dropped meanwhile."""
        ...

    def placed_count(self, collection: int) -> int: ...

    def place(
        self,
        mirror: int,
        rows: Iterable[Placed],
        *,
        arrived: bool = False,
        moving: Mapping[tuple[int, AssetId], str] = ...,
    ) -> None:
        """Remember files of ours as they are now: their part files are over, with `arrived` what
        was promised of their names, too, and whatever move they were on but for those that
        `moving` sends on, by collection and asset."""
        ...

    def stamp(self, rows: Iterable[Placed]) -> None:
        """Remember other sidecar stamps of files that are placed; nothing else of them."""
        ...

    def unplace(self, rows: Iterable[tuple[int, AssetId]]) -> None: ...

    def intend_moves(self, rows: Iterable[tuple[int, AssetId, str]]) -> None:
        """Say where files are about to be renamed to: (collection, asset, path)."""
        ...

    def moves(self, mirror: int) -> list[tuple[Placed, str]]:
        """Files that were being renamed when a run ended, and where to."""
        ...

    def begin_arrivals(self, mirror: int, rows: Iterable[Placed], *, durable: bool = False) -> None:
        """Remember files that are about to get their final names; a durable promise outlives a
        power cut."""
        ...

    def arrivals(self, mirror: int) -> list[Placed]:
        """Files whose run ended after their promise, before they were placed."""
        ...

    def end_arrivals(self, rows: Iterable[tuple[int, AssetId]]) -> None:
        """They did not arrive, by collection and asset."""
        ...

    def begin_parts(self, mirror: int, parts: Iterable[Part]) -> None:
        """Remember part files before they are made. Outlives a power cut."""
        ...

    def parts(self, mirror: int) -> list[Part]: ...

    def end_parts(self, mirror: int, ids: Iterable[AssetId]) -> None: ...

"""Are the files we wrote still what we wrote? Asks no server: the manifest has an xxh3-128 of each.

Bytes that changed while size, date and inode did not are damage: no program saved them. Bytes that
changed with the date are somebody's edit.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import anyio

from immich_transfer.config.options import TransferOptions
from immich_transfer.disk.part import read_hashes
from immich_transfer.disk.place import Destination, split
from immich_transfer.errors import (
    Exit,
    Interrupted,
    ItemError,
    LocalReadError,
    TransferError,
    UsageError,
    worst,
)
from immich_transfer.events import Discovered, Finished, Hashed, Listener, RunStarted, Stopping
from immich_transfer.manifest.sqlite import open_manifest
from immich_transfer.manifest.store import Manifest
from immich_transfer.model import ItemResult, Outcome, Placed, Summary, Totals
from immich_transfer.pipeline.run import Books
from immich_transfer.pipeline.shutdown import heed_signals
from immich_transfer.policy.reconcile import same_file

DAMAGED = "damaged: its bytes changed while size, date and inode did not"
EDITED = "changed here since it was downloaded"


class Finding(NamedTuple):
    """What a file of ours turned out to be."""

    placed: Placed
    outcome: Outcome
    size: int = 0
    """Bytes that were read."""
    note: str | None = None
    error: ItemError | None = None

    @property
    def damaged(self) -> bool:
        return self.note == DAMAGED

    def item(self, *, advice: str | None = None) -> ItemResult:
        note = f"{self.note}; asset {self.placed.asset_id}" if self.note is not None else None
        return ItemResult(
            self.outcome,
            self.placed.path,
            self.placed.fingerprint.size,
            asset_id=self.placed.asset_id,
            sha1=self.placed.sha1,
            note=note,
            error=self.error.message if self.error is not None else None,
            hint=advice,
        )


class Scope(NamedTuple):
    """What a folder means: the mirror it lies in, and the part of it."""

    root: str
    mirrors: tuple[int, ...]
    below: str
    """'' for all of it, else a prefix of paths that ends in '/'."""


def scope_of(manifest: Manifest, folder: str) -> Scope:
    """Which files of ours lie below `folder`. Raises UsageError when there are none."""
    path = os.path.realpath(folder)
    if not os.path.isdir(path):
        raise UsageError(f"the folder {folder} does not exist")
    root, above = path, ""
    while root != above:
        # One without collections was only looked at, by a check.
        mirrors = tuple(m for m in manifest.mirrors_at(root) if manifest.collections(m))
        if mirrors:
            below = os.path.relpath(path, root).replace(os.sep, "/") + "/" if path != root else ""
            scope = Scope(root, mirrors, below)
            if not below or next(pages(manifest, scope), None) is not None:
                return scope
        root, above = os.path.dirname(root), root
    raise UsageError(
        f"nothing was downloaded to {folder}, as far as this manifest knows",
        hint="is it the --state-dir that the download had?",
    )


def pages(manifest: Manifest, scope: Scope) -> Iterator[list[Placed]]:
    """Files of ours in the scope, a page at a time."""
    for mirror in scope.mirrors:
        for page in manifest.every_placed(mirror):
            found = [placed for placed in page if placed.path.startswith(scope.below)]
            if found:
                yield found


def examine(destination: Destination, placed: Placed, on_bytes: Callable[[int], None]) -> Finding:
    """Read one file. Raises Interrupted from `on_bytes` only."""
    folder, name = split(placed.path)
    try:
        with destination.folder(folder) as opened:
            seen, _, xxh3 = read_hashes(opened, name, sha1=False, on_bytes=on_bytes)
    except FileNotFoundError:
        return Finding(placed, Outcome.MISSING_LOCAL)
    except ItemError as error:
        return Finding(placed, Outcome.FAILED, error=error)
    except OSError as error:
        refused = LocalReadError(f"{error.strerror} ({folder or '.'})")
        return Finding(placed, Outcome.FAILED, error=refused)
    if xxh3 == placed.xxh3:
        return Finding(placed, Outcome.EQUAL, seen.size)
    note = DAMAGED if same_file(placed.fingerprint, seen) else EDITED
    return Finding(placed, Outcome.DIFFERS, seen.size, note)


async def examine_all(
    found: Iterator[list[Placed]],
    destination: Destination,
    pool: ThreadPoolExecutor,
    readers: int,
    on_bytes: Callable[[int], None],
    stopping: Callable[[], bool],
    tell: Callable[[Sequence[Placed]], None],
    settle: Callable[[Finding], Awaitable[None]],
) -> None:
    """Read page by page, `readers` files at once; each finding goes to `settle`."""
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(readers)

    async def one(placed: Placed) -> None:
        async with room:
            if stopping():
                return
            try:
                finding = await loop.run_in_executor(pool, examine, destination, placed, on_bytes)
            except Interrupted:
                return
        await settle(finding)

    while not stopping():
        page = await loop.run_in_executor(None, next, found, None)
        if page is None:
            return
        tell(page)
        async with asyncio.TaskGroup() as group:
            for placed in page:
                group.create_task(one(placed))


async def scrub(
    transfer: TransferOptions,
    folder: str,
    *,
    listener: Listener,
    arguments: Sequence[str],
    stop: asyncio.Event | None = None,
) -> Summary:
    """Read every file of ours below `folder`; exit 4 when one is not what we wrote."""
    started = time.monotonic()
    stop = stop or asyncio.Event()
    totals = Totals()
    books = Books(listener, totals, max_errors=None)
    codes: list[Exit] = []
    dropped = False
    undecided: dict[tuple[int, str], Placed] = {}

    def halt(code: Exit) -> None:
        codes.append(code)
        stop.set()
        listener(Stopping("interrupted (again to drop what is being read)"))

    def on_bytes(_: int) -> None:
        if dropped:
            raise Interrupted("dropped")

    def tell(page: Sequence[Placed]) -> None:
        totals.discovered += len(page)
        undecided.update({(placed.collection, placed.asset_id): placed for placed in page})
        listener(Discovered(len(page), sum(placed.fingerprint.size for placed in page)))

    async def settle(finding: Finding) -> None:
        undecided.pop((finding.placed.collection, finding.placed.asset_id), None)
        totals.bytes_hashed += finding.size
        listener(Hashed(finding.size))
        books.enter(finding.item())

    with ExitStack() as closing:
        manifest = open_manifest(transfer.state_dir, who="scrub")
        closing.callback(manifest.close)
        scope = scope_of(manifest, folder)
        destination = Destination(scope.root)
        closing.callback(destination.close)
        name = manifest.begin_run("scrub", arguments, os.getcwd())
        code = Exit.FAILED
        summary: Summary | None = None
        try:
            pool = closing.enter_context(ThreadPoolExecutor(transfer.hashers, "scrub"))
            group = anyio.create_task_group()

            def drop() -> None:
                nonlocal dropped
                dropped = True
                group.cancel_scope.cancel()

            with heed_signals(halt, drop):
                listener(RunStarted(name, "scrub", "", "", ""))
                async with group:
                    group.start_soon(
                        examine_all,
                        pages(manifest, scope),
                        destination,
                        pool,
                        transfer.hashers,
                        on_bytes,
                        stop.is_set,
                        tell,
                        settle,
                    )
            for placed in undecided.values():
                books.enter(Finding(placed, Outcome.PENDING).item())
            code = worst(*codes, *_codes(totals, stopped=stop.is_set() and not codes))
            manifest.record_items(name, books.problems)
            summary = _summary(name, code, totals, time.monotonic() - started)
            listener(Finished(summary))
        except TransferError as error:
            code = error.exit_code
            raise
        finally:
            manifest.end_run(name, code, summary.line() if summary is not None else {})
    return summary


def _codes(totals: Totals, *, stopped: bool) -> list[Exit]:
    codes = [Exit.INTERRUPTED] if stopped else []
    if totals.outcomes.get(Outcome.DIFFERS) or totals.outcomes.get(Outcome.MISSING_LOCAL):
        codes.append(Exit.DIFFERENCES)
    if totals.outcomes.get(Outcome.FAILED):
        codes.append(Exit.ITEMS_FAILED)
    if not totals.balanced():
        codes.append(Exit.FAILED)
    return codes


def _summary(name: str, code: Exit, totals: Totals, seconds: float) -> Summary:
    return Summary(
        run=name,
        command="scrub",
        exit_code=int(code),
        discovered=totals.discovered,
        outcomes={str(outcome): count for outcome, count in sorted(totals.outcomes.items())},
        verified=totals.verified,
        bytes_sent=0,
        bytes_received=0,
        bytes_hashed=totals.bytes_hashed,
        requests=0,
        retries=0,
        seconds=round(seconds, 3),
    )

"""Upload, the wiring on one page.

    walk ─► scan ─┬─────────► check ─► send ─► record ─► verify ─► outcome
                  └─► hash ──►   │                 ▲
                                 └─ owe albums ────┴─ pay albums

Every arrow is a bounded queue, and every stage works from the first file on. A crash is safe at
any point: hashes and debts are committed before what builds on them, presences after the server's
answer, and everything else is asked again. A stop drains the stages; what had no outcome is
`pending`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import aiofiles
import anyio

from immich_transfer.config.options import ServerOptions, TransferOptions, UploadOptions
from immich_transfer.disk.walk import WalkBatch, folders, walk
from immich_transfer.errors import CannotContinue, Exit, TransferError, UsageError, worst
from immich_transfer.events import Finished, Listener, RunStarted
from immich_transfer.immich.assets import CHECK_LIMIT
from immich_transfer.immich.compat import KEY_PERMISSIONS, SCOPED_CHECK, STRICT_ROUTES
from immich_transfer.immich.connect import Connection, connect
from immich_transfer.immich.wire import MediaTypesAnswer
from immich_transfer.manifest.sqlite import open_for_dry_run, open_manifest
from immich_transfer.manifest.store import Manifest
from immich_transfer.model import ItemResult, LocalFile, Outcome, Summary, Totals
from immich_transfer.pipeline.batcher import Batcher
from immich_transfer.pipeline.limiter import Limiter
from immich_transfer.pipeline.shutdown import heed_signals
from immich_transfer.policy.albums_from import FolderAlbums
from immich_transfer.policy.filters import Filters
from immich_transfer.policy.pacing import Pace

from .ahead import count_ahead
from .check import check
from .hash import hash_files
from .owed import pay_debts
from .run import Candidate, Stopwatch, UploadRun
from .scan import scan
from .send import Sent, send_files
from .settle import run_settling

CHECK_SECONDS = 0.05
"""A check waits this long for company: a walk fills 5,000 in it, a lone file hardly notices."""
UNHASHED_GROUPS = 64
UNSENT_FILES = 512
"""Bounds of the queues: enough to keep every stage busy, little enough to forget in memory."""


async def run_upload(
    server: ServerOptions,
    transfer: TransferOptions,
    options: UploadOptions,
    *,
    listener: Listener,
    arguments: Sequence[str],
    command: str = "upload",
    resumed: bool = False,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Upload `options.paths`; the summary's `exit_code` says how it ended.

    Raises a TransferError only for what ends the run before it began: no `run` line was told then.
    Setting `stop` from outside is a first Ctrl-C.
    """
    watch = Stopwatch()
    totals = Totals()
    stop = stop or asyncio.Event()
    lines = await _filter_lines(options)
    with ExitStack() as closing:
        manifest: Manifest = (
            open_for_dry_run(transfer.state_dir)
            if transfer.dry_run
            else open_manifest(transfer.state_dir, who=command)
        )
        closing.callback(manifest.close)
        name = manifest.begin_run(command, arguments, os.getcwd())
        code = Exit.FAILED
        summary: Summary | None = None
        try:
            async with connect(server, transfer, listener, totals=totals, stop=stop) as connection:
                _require(connection, options)
                media = await connection.media_types()
                with (
                    ThreadPoolExecutor(8, "disk") as pool,
                    ThreadPoolExecutor(transfer.hashers, "hash") as hash_pool,
                ):
                    run = UploadRun(
                        connection=connection,
                        manifest=manifest,
                        transfer=transfer,
                        options=options,
                        listener=listener,
                        totals=totals,
                        stop=stop,
                        pool=pool,
                        hash_pool=hash_pool,
                    )
                    run.account = manifest.account(connection.user_id)
                    listener(
                        RunStarted(
                            name,
                            command,
                            connection.version,
                            connection.user_id,
                            connection.user_name,
                            transfer.dry_run,
                            resumed,
                        )
                    )
                    if manifest.notice:
                        run.note(manifest.notice)
                    await _pipeline(run, media, lines)
                    code = _conclude(run)
                    manifest.record_items(name, run.books.problems)
                    summary = _summary(run, name, command, code, watch, server)
                    listener(Finished(summary))
        except TransferError as error:
            code = error.exit_code
            raise
        finally:
            manifest.end_run(name, code, summary.line() if summary is not None else {})
    return summary


def _require(connection: Connection, options: UploadOptions) -> None:
    """Every permission is asked for before the first body."""
    connection.require("asset.upload", purpose="upload")
    if STRICT_ROUTES <= connection.release < SCOPED_CHECK:
        connection.require("all", purpose=f"asking Immich {connection.version} what it has")
    if options.tags and connection.release < KEY_PERMISSIONS:
        raise CannotContinue(
            f"--tag needs Immich {KEY_PERMISSIONS} or newer, this is {connection.version}",
            hint="leave --tag out, or update the server",
        )
    if options.albums or options.album_from:
        connection.require(
            "album.read", "album.create", "albumAsset.create", purpose="adding to albums"
        )
    if options.tags:
        connection.require("tag.create", "tag.asset", purpose="--tag")
    if options.trashed != "skip":
        connection.require("asset.delete", purpose=f"--trashed {options.trashed}")


async def _pipeline(run: UploadRun, media: MediaTypesAnswer, lines: list[str]) -> None:
    """Start every stage, wait for the last. The second Ctrl-C cancels what is in flight."""
    options = run.options
    filters = Filters.build(options, frozenset(media.image), frozenset(media.video), lines)
    walking: dict[str, Any] = {
        "hidden": options.hidden,
        "default_excludes": options.default_excludes,
        "follow_links": options.follow_links,
    }
    if options.album_from is not None:
        run.target_of = await run.in_thread(_targets, run, filters, walking)

    def walker() -> Iterator[WalkBatch]:
        return walk(
            options.paths,
            filters,
            sidecars=options.sidecars,
            sidecar_extensions=frozenset(media.sidecar),
            **walking,
        )

    run.debts_possible = bool(
        options.albums or options.tags or options.album_from
    ) or await run.in_thread(run.manifest.waiting_debts, run.account)

    to_hash: asyncio.Queue[list[LocalFile] | None] = asyncio.Queue(UNHASHED_GROUPS)
    to_check: Batcher[Candidate] = Batcher(
        size=CHECK_LIMIT, linger=CHECK_SECONDS, bound=2 * CHECK_LIMIT
    )
    to_send: asyncio.Queue[Candidate | None] = asyncio.Queue(UNSENT_FILES)
    to_settle: Batcher[Sent] = Batcher(size=500, linger=0.1, bound=1 << 30)
    limiter = Limiter(Pace(run.transfer.transfers))
    walked, sent = asyncio.Event(), asyncio.Event()

    async def scanning() -> None:
        try:
            await scan(run, walker(), to_hash, to_check)
        except TransferError as error:
            run.cut(error)
        finally:
            walked.set()
            to_check.done()
        await to_hash.put(None)

    async def hashing() -> None:
        try:
            await hash_files(run, to_hash, to_check)
        finally:
            to_check.done()

    async def checking() -> None:
        await check(run, to_check, to_send)
        await to_send.put(None)

    async def sending() -> None:
        async with asyncio.TaskGroup() as heirs:
            run.spawn = _spawner(heirs)
            await send_files(run, to_send, to_settle, limiter)
        to_settle.done()

    async def settling() -> None:
        await run_settling(run, to_settle)
        sent.set()

    hashers = run.transfer.hashers
    for _ in range(hashers + 1):
        to_check.open()
    to_settle.open()
    stages: list[Callable[[], Coroutine[Any, Any, None]]] = [
        scanning,
        *[hashing] * hashers,
        checking,
        sending,
        settling,
        lambda: count_ahead(run, walked, walker),
    ]
    if not run.dry:
        stages.append(lambda: pay_debts(run, sent))

    group = anyio.create_task_group()
    with heed_signals(run.halt, lambda: drop(run, group.cancel_scope)):
        async with group:
            for stage in stages:
                group.start_soon(stage)


def drop(run: UploadRun, scope: anyio.CancelScope) -> None:
    """The second Ctrl-C: cancel what is in flight; it stays undecided."""
    run.dropped = True
    scope.cancel()


def _spawner(group: asyncio.TaskGroup) -> Callable[[Coroutine[Any, Any, None]], None]:
    def spawn(work: Coroutine[Any, Any, None]) -> None:
        group.create_task(work)

    return spawn


def _targets(
    run: UploadRun, filters: Filters, walking: dict[str, Any]
) -> Callable[[LocalFile], str | None]:
    """How `--album-from` names the album of a file; the folders are listed ahead for it."""
    if run.options.album_from == "path":
        return lambda file: FolderAlbums.path_name(file.root, file.folder)
    names = FolderAlbums.from_folders(folders(run.options.paths, filters, **walking))
    return lambda file: names.name_of(file.root, file.folder)


async def _filter_lines(options: UploadOptions) -> list[str]:
    """The patterns of all `--filter-from` files; raises UsageError for one that cannot be read."""
    lines: list[str] = []
    for path in options.filter_from:
        try:
            async with aiofiles.open(path, encoding="utf-8") as file:
                lines += (await file.read()).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the filter file {path}: {error}") from None
    return lines


def _conclude(run: UploadRun) -> Exit:
    """Close the books: every file has one outcome, and the exit code says the worst of it."""
    left = run.books.undecided()
    if left and not run.stopping:
        run.codes.append(Exit.FAILED)
        run.note(f"{len(left):,} files were not judged: a defect, please report it")
    for file in left:
        outcome = Outcome.PENDING if run.stopping else Outcome.FAILED
        error = None if run.stopping else "was not judged"
        run.books.settle(ItemResult(outcome, file.shown, file.size, error=error), file)
    counts = run.totals.outcomes
    codes = list(run.codes)
    if run.stopping and not codes:
        codes.append(Exit.INTERRUPTED)  # a program set `stop`: no signal and no error told why
    if counts.get(Outcome.FAILED):
        arrived = counts.get(Outcome.UPLOADED, 0) + counts.get(Outcome.DUPLICATE, 0)
        server = run.books.transient_failures == counts[Outcome.FAILED] and not arrived
        codes.append(Exit.UNAVAILABLE if server else Exit.ITEMS_FAILED)
    # What a stop left unpaid is pending, like the files: the next run pays it.
    if not run.dry and not run.stopping and run.manifest.due_count(run.account):
        codes.append(Exit.ITEMS_FAILED)
    lenient = (Outcome.SKIPPED, Outcome.TRASHED, Outcome.DELETED_REMOTELY)
    if run.transfer.strict and any(counts.get(outcome) for outcome in lenient):
        codes.append(Exit.ITEMS_FAILED)
    if not run.totals.balanced():
        codes.append(Exit.FAILED)
        run.note("the books do not balance: a defect, please report it")
    return worst(*codes)


def _summary(
    run: UploadRun, name: str, command: str, code: Exit, watch: Stopwatch, server: ServerOptions
) -> Summary:
    totals = run.totals
    message = run.message
    if message is not None and run.hint is not None:
        message = f"{message} ({run.hint})"
    return Summary(
        run=name,
        command=command,
        exit_code=int(code),
        discovered=totals.discovered,
        outcomes={str(outcome): count for outcome, count in sorted(totals.outcomes.items())},
        verified=totals.verified,
        bytes_sent=totals.bytes_sent,
        bytes_received=totals.bytes_received,
        bytes_hashed=totals.bytes_hashed,
        requests=totals.requests,
        retries=totals.retries,
        seconds=round(watch.seconds, 3),
        dry_run=run.dry,
        insecure=server.insecure,
        message=message,
        owed=0 if run.dry else run.manifest.due_count(run.account),
        notes=tuple(run.notes[:50]),
    )

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
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import aiofiles
import anyio

from immich_transfer.config.options import ServerOptions, TransferOptions, UploadOptions
from immich_transfer.disk.walk import WalkBatch, folders, walk
from immich_transfer.errors import CannotContinue, Exit, TransferError, UsageError
from immich_transfer.events import Listener
from immich_transfer.immich.assets import CHECK_LIMIT
from immich_transfer.immich.compat import KEY_PERMISSIONS, SCOPED_CHECK, STRICT_ROUTES
from immich_transfer.immich.connect import Connection
from immich_transfer.model import ItemResult, LocalFile, Outcome, Summary
from immich_transfer.pipeline.batcher import Batcher
from immich_transfer.pipeline.conduct import Asked, Ending, conduct
from immich_transfer.pipeline.pausing import jobs_paused
from immich_transfer.pipeline.run import Parts
from immich_transfer.pipeline.shutdown import heed_signals
from immich_transfer.policy.albums_from import FolderAlbums
from immich_transfer.policy.filters import Filters

from .ahead import count_ahead
from .check import check
from .hash import hash_files
from .owed import pay_debts
from .run import Candidate, UploadRun
from .scan import scan
from .send import Sent, send_files
from .settle import run_settling

CHECK_SECONDS = 0.05
"""A check waits this long for company: a walk fills 5,000 in it, a lone file hardly notices."""
Walk = Callable[..., Iterator[WalkBatch]]
"""Finds files as `disk.walk.walk` does, with its arguments."""
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
    walk: Walk = walk,
) -> Summary:
    """Upload `options.paths`; the summary's `exit_code` says how it ended.

    Raises a TransferError only for what ends the run before it began: no `run` line was told then.
    Setting `stop` from outside is a first Ctrl-C. `walk` may know better which files are meant.
    """
    lines = await filter_lines(options)

    async def begin(parts: Parts) -> UploadRun:
        _require(parts.connection, options)
        run = UploadRun(parts, options)
        if parts.connection.permissions is None and (options.albums or options.album_from):
            # An old key does not tell what it may: listing albums does, before the first body.
            await run.albums.missing(())
        run.media = await parts.connection.media_types()
        return run

    return await conduct(
        server,
        transfer,
        Asked(command, arguments, resumed),
        listener=listener,
        stop=stop,
        begin=begin,
        work=lambda run: _pipeline(run, lines, walk),
        conclude=_conclude,
    )


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


async def _pipeline(run: UploadRun, lines: list[str], walk: Walk) -> None:
    """Start every stage, wait for the last. The second Ctrl-C cancels what is in flight."""
    options = run.options
    walker = await walker_of(run, lines, walk)
    run.debts_possible = bool(
        options.albums or options.tags or options.album_from
    ) or await run.in_thread(run.manifest.waiting_debts, run.account)

    to_hash: asyncio.Queue[list[LocalFile] | None] = asyncio.Queue(UNHASHED_GROUPS)
    to_check: Batcher[Candidate] = Batcher(
        size=CHECK_LIMIT, linger=CHECK_SECONDS, bound=2 * CHECK_LIMIT
    )
    to_send: asyncio.Queue[Candidate | None] = asyncio.Queue(UNSENT_FILES)
    to_settle: Batcher[Sent] = Batcher(size=500, linger=0.1, bound=1 << 30)
    limiter = run.new_limiter()
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
        lambda: count_ahead(run, walked, lambda: to_hash.full() or to_send.full(), walker),
    ]
    if not run.dry:
        stages.append(lambda: pay_debts(run, sent))

    group = anyio.create_task_group()
    with heed_signals(run.halt, lambda: drop(run, group.cancel_scope)):
        # Inside: a Ctrl-C must not leave the server paused.
        async with jobs_paused(run, wanted=options.pause_jobs), group:
            for stage in stages:
                group.start_soon(stage)


async def walker_of(
    run: UploadRun, lines: Sequence[str], walk: Walk = walk
) -> Callable[[], Iterator[WalkBatch]]:
    """Walks what the options mean; `lines` are the patterns of the filter files."""
    options, media = run.options, run.media
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

    return walker


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


async def filter_lines(options: UploadOptions) -> list[str]:
    """The patterns of all `--filter-from` files; raises UsageError for one that cannot be read."""
    lines: list[str] = []
    for path in options.filter_from:
        try:
            async with aiofiles.open(path, encoding="utf-8") as file:
                lines += (await file.read()).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the filter file {path}: {error}") from None
    return lines


def _conclude(run: UploadRun) -> Ending:
    """Close the books: every file has one outcome, and the exit code says the worst of it."""
    left = run.books.undecided()
    if left and not run.stopping:
        run.codes.append(Exit.FAILED)
        run.note(f"{len(left):,} files were not judged: a defect, please report it")
    for file in left:
        outcome = Outcome.PENDING if run.stopping else Outcome.FAILED
        error = None if run.stopping else "was not judged"
        run.books.settle(ItemResult(outcome, file.shown, file.size, error=error), file)
    codes = run.closing_codes(run.books, (Outcome.UPLOADED, Outcome.DUPLICATE))
    owed = 0 if run.dry else run.manifest.due_count(run.account)
    # What a stop left unpaid is pending, like the files: the next run pays it.
    if owed and not run.stopping:
        codes.append(Exit.ITEMS_FAILED)
    return Ending(codes, run.books.problems, owed)

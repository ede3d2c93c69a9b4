"""Download and mirror, the wiring on one page.

    choose ─► list ─► plan ─► (renames) ─► compare ─► fetch ─► settle ─► outcome ─► (removals)

Listing and planning end before the first body is asked for: only a complete list gives every asset
the same name in every run. From there on every arrow is a bounded queue. A crash is safe at any
point: nothing has its final name before its checksum matched; names and renames are promised first;
what is not in the manifest is found by its name and adopted by its bytes. What a stop left is
`pending`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import anyio

from immich_transfer.config.options import DownloadOptions, ServerOptions, TransferOptions
from immich_transfer.disk.place import split
from immich_transfer.errors import CannotContinue, Exit, ItemError, TransferError
from immich_transfer.events import Listener
from immich_transfer.model import AssetId, ItemResult, Outcome, Part, Summary
from immich_transfer.pipeline.batcher import Batcher
from immich_transfer.pipeline.conduct import Asked, Ending, conduct
from immich_transfer.pipeline.run import Parts
from immich_transfer.pipeline.shutdown import stages_of
from immich_transfer.policy.layout import Layout
from immich_transfer.policy.naming import part_name
from immich_transfer.policy.reconcile import Step

from .arrivals import read_arrivals, settle_arrivals
from .compare import Job, compare, keep, look
from .fetch import Done, Fetcher
from .list import list_sources
from .move import follow_renames, recover
from .plan import plan
from .promise import remove_part
from .prune import prune
from .run import DownloadRun
from .select import choose, require
from .settle import settle
from .sidecars import is_part_of_sidecar, list_albums

UNFETCHED_JOBS = 512
"""Bound of the queue: enough to keep every transfer busy, little enough to forget in memory."""


async def run_download(
    server: ServerOptions,
    transfer: TransferOptions,
    options: DownloadOptions,
    *,
    listener: Listener,
    arguments: Sequence[str],
    resumed: bool = False,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Bring what `options.selection` means to `options.output`; the summary's `exit_code` says how
    it ended.

    Raises a TransferError only for what ends the run before it began: no `run` line was told then.
    Setting `stop` from outside is a first Ctrl-C.
    """
    layout = Layout.parse(options.layout) if options.layout is not None else None
    root = os.path.realpath(options.output)

    async def begin(parts: Parts) -> DownloadRun:
        require(parts.connection, options.selection)
        run = DownloadRun(parts, options, root)
        try:
            run.sources = await choose(run, layout)
            if not run.dry:
                run.destination.make()
        except BaseException:
            run.close()
            raise
        return run

    async def work(run: DownloadRun) -> None:
        try:
            await _pipeline(run)
        finally:
            await finish_books(run)
            run.close()

    return await conduct(
        server,
        transfer,
        Asked("mirror" if options.mirror else "download", arguments, resumed),
        listener=listener,
        stop=stop,
        begin=begin,
        work=work,
        conclude=_conclude,
    )


async def _pipeline(run: DownloadRun) -> None:
    """Everything, under the signals. The second Ctrl-C cancels what is in flight."""
    async with stages_of(run) as group:
        group.start_soon(_work, run)


async def _work(run: DownloadRun) -> None:
    try:
        if run.dry:
            await run.in_thread(read_arrivals, run)
        else:
            await run.in_thread(settle_arrivals, run)
            await run.in_thread(recover, run)
        if run.options.sidecars != "none":
            await list_albums(run)
        await list_sources(run)
        if run.stopping:
            return
        await plan(run)
        if run.options.mirror and not run.dry:
            await follow_renames(run)
        if run.dry:
            await _rehearse(run)
        else:
            await _mind_free_space(run)
            await _bring(run)
        if run.options.mirror and run.complete and not run.stopping:
            await prune(run)
    except* TransferError as errors:
        cut_all(run, errors)


def cut_all(run: DownloadRun, errors: BaseExceptionGroup[TransferError]) -> None:
    """End the run for everything that went wrong side by side."""
    for error in _flat(errors):
        run.cut(error)


def _flat(group: BaseExceptionGroup[TransferError]) -> list[TransferError]:
    found: list[TransferError] = []
    for error in group.exceptions:
        found += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


async def _bring(run: DownloadRun) -> None:
    """Compare, fetch and settle, side by side."""
    to_fetch: asyncio.Queue[Job | None] = asyncio.Queue(UNFETCHED_JOBS)
    to_settle: Batcher[Done] = Batcher(size=500, linger=0.1, bound=1 << 30)
    to_settle.open()
    run.parts = {p.asset_id: p for p in await run.in_thread(run.manifest.parts, run.mirror)}
    listed = {source.number for source in run.sources}
    kept = await run.in_thread(run.manifest.collections, run.mirror)
    others = any(collection.number not in listed for collection in kept)
    fetcher = Fetcher(run, to_settle, others)

    async def comparing() -> None:
        try:
            await compare(run, to_fetch)
        except TransferError as error:
            run.cut(error)
        await to_fetch.put(None)

    async def fetching() -> None:
        await fetcher.run(to_fetch)
        to_settle.done()

    stages: list[Callable[[], Coroutine[Any, Any, None]]] = [
        comparing,
        fetching,
        lambda: settle(run, to_settle),
    ]
    async with anyio.create_task_group() as group:
        for stage in stages:
            group.start_soon(stage)
    if not run.stopping:
        await run.in_thread(_sweep_parts, run, others)
        await run.in_thread(partial(settle_arrivals, run, last=True))


def _sweep_parts(run: DownloadRun, others: bool) -> None:
    """Part files that nobody goes on with: their assets left, or are here by now. With `others`,
    collections that were not listed may want what these do not."""
    parts = run.manifest.parts(run.mirror)
    needed = _needed(run, parts, others)
    ended = [part for part in parts if part.asset_id not in needed]
    for part in ended:
        remove_part(run, part)
    run.manifest.end_parts(run.mirror, [part.asset_id for part in ended])


def _needed(run: DownloadRun, parts: Sequence[Part], others: bool) -> set[AssetId]:
    """Whose part file a later run goes on with: of a content that is listed and not yet there."""
    ids = [part.asset_id for part in parts if not is_part_of_sidecar(part)]
    assets = run.catalog.assets(ids)
    copies = run.manifest.placed_copies(run.mirror, ids)
    held = [(source.number, run.catalog.holds(source.number, ids)) for source in run.sources]
    needed = set()
    for part in parts:
        asset = assets.get(part.asset_id)
        wanting = {number for number, holds in held if part.asset_id in holds}
        if asset is None or not wanting:
            if others and not is_part_of_sidecar(part):
                needed.add(part.asset_id)
            continue
        here = {
            copy.collection
            for copy in copies.get(asset.id, ())
            if asset.sha1 is None or copy.sha1 == asset.sha1
        }
        if wanting - here and split(part.path)[1] == part_name(asset.id, asset.sha1):
            needed.add(asset.id)
    return needed


async def _mind_free_space(run: DownloadRun) -> None:
    """Refuse to begin what cannot fit: better now than in the middle of the night."""
    free = await run.in_thread(run.destination.free_bytes)
    if free is None or run.bytes_planned <= free:
        return
    missing = await run.in_thread(_bytes_missing, run)
    if missing > free:
        raise CannotContinue(
            f"{missing:,} bytes are to come, but the disk of {run.destination.root} has only"
            f" {free:,} left",
            hint="make room, or choose another --output",
        )


def _bytes_missing(run: DownloadRun) -> int:
    """What is to come of every asset, once (other places are links), less what parts hold."""
    parts = {part.asset_id: part for part in run.manifest.parts(run.mirror)}
    counted: set[AssetId] = set()
    total = 0
    for batch in run.catalog.wanted():
        for seen in look(run, batch):
            asset = seen.wanted.asset
            if seen.step not in (Step.FETCH, Step.REPLACE, Step.DIFFERS) or asset.id in counted:
                continue
            if len(run.sources) > 1:
                counted.add(asset.id)
            total += max(0, (asset.size or 0) - _bytes_held(run, parts.get(asset.id)))
    return total


def _bytes_held(run: DownloadRun, part: Part | None) -> int:
    if part is None:
        return 0
    folder, name = split(part.path)
    try:
        with run.destination.folder(folder) as opened:
            status = opened.look(name)
    except (OSError, ItemError):
        return 0
    return status.st_size if status is not None else 0


async def _rehearse(run: DownloadRun) -> None:
    """A dry run: what would be fetched is said, nothing is."""
    to_fetch: asyncio.Queue[Job | None] = asyncio.Queue(UNFETCHED_JOBS)

    async def comparing() -> None:
        await compare(run, to_fetch)
        await to_fetch.put(None)

    async def telling() -> None:
        while (job := await to_fetch.get()) is not None:
            if job.here and job.known is not None:
                keep(run, job.wanted, job.known)
                continue
            conflict = job.occupied and not job.replace
            run.finish(job.wanted, Outcome.CONFLICT if conflict else Outcome.DOWNLOADED)

    async with anyio.create_task_group() as group:
        group.start_soon(comparing)
        group.start_soon(telling)


async def finish_books(run: DownloadRun) -> None:
    """What has no outcome is `pending` after a stop, and a defect otherwise."""
    if 0 not in run.decided[1:]:
        return
    if not run.stopping:
        run.codes.append(Exit.FAILED)
        run.note("some files were not judged: a defect, please report it")
    for batch in run.catalog.wanted():
        for wanted in batch:
            if run.decided[wanted.number]:
                continue
            if run.stopping:
                run.finish(wanted, Outcome.PENDING)
            else:
                run.fail(wanted, ItemError("was not judged"))


def _conclude(run: DownloadRun) -> Ending:
    arrived = (Outcome.DOWNLOADED, Outcome.UNCHANGED, Outcome.MOVED, Outcome.CONFLICT)
    codes = run.closing_codes(run.books, arrived)
    if not run.complete:
        codes.append(Exit.ITEMS_FAILED)
    problems: Sequence[ItemResult] = run.books.problems
    return Ending(codes, problems)

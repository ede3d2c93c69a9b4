"""Is every asset on disk, bit for bit? Listed and planned like a download; then the disk is asked.

`+` are files of ours below these albums whose assets the server does not list there any more;
other people's files in the folder are nobody's business, and a check makes none of them ours: a
mirror may remove what is.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from immich_transfer.config.options import (
    CheckOptions,
    DownloadOptions,
    ServerOptions,
    TransferOptions,
)
from immich_transfer.download.arrivals import read_arrivals
from immich_transfer.download.compare import Seen, look, read
from immich_transfer.download.flow import cut_all, finish_books
from immich_transfer.download.list import list_sources
from immich_transfer.download.plan import plan
from immich_transfer.download.prune import leaving
from immich_transfer.download.run import DownloadRun
from immich_transfer.download.select import choose, require
from immich_transfer.errors import Exit, ItemError, TransferError, UsageError
from immich_transfer.events import Listener
from immich_transfer.model import ItemResult, Outcome, Placed, RemoteAsset, Summary
from immich_transfer.pipeline.conduct import Asked, Ending, conduct
from immich_transfer.pipeline.run import Parts
from immich_transfer.pipeline.shutdown import stages_of
from immich_transfer.policy.layout import Layout
from immich_transfer.policy.reconcile import Step

from .verdicts import Proof, ending

READS_AT_ONCE = 4


async def check_assets(
    server: ServerOptions,
    transfer: TransferOptions,
    options: CheckOptions,
    *,
    listener: Listener,
    arguments: Sequence[str],
    stop: asyncio.Event | None = None,
) -> Summary:
    """Compare what `options.download` selects with what is below its output."""
    wanted = options.download
    if wanted is None:
        raise UsageError("nothing to check")
    layout = Layout.parse(wanted.layout) if wanted.layout is not None else None
    root = os.path.realpath(wanted.output)
    if not os.path.isdir(root):
        raise UsageError(f"the folder {wanted.output} does not exist")
    proof = Proof()

    async def begin(parts: Parts) -> DownloadRun:
        require(parts.connection, wanted.selection)
        run = DownloadRun(parts, _reading(wanted, options), root)
        try:
            run.sources = await choose(run, layout, keep=False)
        except BaseException:
            run.close()
            raise
        return run

    async def work(run: DownloadRun) -> None:
        try:
            await _pipeline(run, proof)
        finally:
            await finish_books(run)
            run.close()

    return await conduct(
        server,
        transfer,
        Asked("check", arguments),
        listener=listener,
        stop=stop,
        begin=begin,
        work=work,
        conclude=lambda run: _conclude(run, proof),
    )


def _reading(wanted: DownloadOptions, options: CheckOptions) -> DownloadOptions:
    return DownloadOptions(
        output=wanted.output,
        selection=wanted.selection,
        layout=wanted.layout,
        checksum=options.read,
    )


async def _pipeline(run: DownloadRun, proof: Proof) -> None:
    async with stages_of(run) as group:
        group.start_soon(_work, run, proof)


async def _work(run: DownloadRun, proof: Proof) -> None:
    try:
        await run.in_thread(read_arrivals, run)
        await list_sources(run)
        if run.stopping:
            return
        await plan(run)
        batches = run.catalog.wanted()
        while not run.stopping:
            batch = await run.in_thread(next, batches, None)
            if batch is None:
                break
            await _judge(run, await run.in_thread(look, run, batch), proof)
        if run.complete and not run.stopping:
            await _left_here(run)
    except* TransferError as errors:
        cut_all(run, errors)


async def _judge(run: DownloadRun, batch: Sequence[Seen], proof: Proof) -> None:
    room = asyncio.Semaphore(READS_AT_ONCE)

    async def one(seen: Seen) -> None:
        async with room:
            if run.stopping:
                return
            await _read(run, seen, proof)

    async with asyncio.TaskGroup() as reading:
        for seen in batch:
            if seen.error is not None:
                run.fail(seen.wanted, seen.error)
            elif seen.step is Step.READ:
                reading.create_task(one(seen))
            else:
                _settle(run, seen, seen.step, proof)


async def _read(run: DownloadRun, seen: Seen, proof: Proof) -> None:
    known = seen.known
    if known is None and seen.wanted.asset.sha1 is None:
        await _size_up(run, seen, proof)
        return
    try:
        found, step = await read(run, seen)
    except FileNotFoundError:
        step, found = Step.FETCH, None
    except ItemError as error:
        run.fail(seen.wanted, error)
        return
    except TransferError:
        return  # dropped: it stays undecided
    if known is not None and found is not None:
        # Its new time is remembered.
        await run.in_thread(run.manifest.place, run.mirror, [found])
    _settle(run, seen, step, proof, read_now=True)


async def _size_up(run: DownloadRun, seen: Seen, proof: Proof) -> None:
    """No checksum there and no memory here: nothing but the size can be compared."""
    asset: RemoteAsset | None = seen.wanted.asset
    try:
        if asset is not None and asset.size is None:
            asset = await run.listing.asset(asset.id)
    except ItemError as error:
        run.fail(seen.wanted, error)
        return
    here = seen.fingerprint.size if seen.fingerprint is not None else None
    if asset is None or asset.size in (None, here):
        run.finish(seen.wanted, Outcome.UNVERIFIABLE, size=here)
    else:
        seen = seen._replace(wanted=seen.wanted._replace(asset=asset))
        _settle(run, seen, Step.DIFFERS, proof)


def _settle(
    run: DownloadRun, seen: Seen, step: Step, proof: Proof, *, read_now: bool = False
) -> None:
    wanted, asset = seen.wanted, seen.wanted.asset
    here = seen.fingerprint.size if seen.fingerprint is not None else 0
    match step:
        case Step.KEEP:
            if read_now:
                proof.read += here
            else:
                proof.known += here
            outcome = Outcome.UNVERIFIABLE if asset.sha1 is None else Outcome.EQUAL
            run.finish(wanted, outcome, size=here)
        case Step.FETCH | Step.LEAVE:
            run.finish(wanted, Outcome.MISSING_LOCAL)
        case Step.DIFFERS | Step.REPLACE | Step.READ:
            run.finish(wanted, Outcome.DIFFERS, size=here, note=_how(run, seen, here))


def _how(run: DownloadRun, seen: Seen, here: int) -> str:
    asset, known = seen.wanted.asset, seen.known
    path = os.path.join(run.destination.root, *seen.wanted.path.split("/"))
    if os.path.islink(path) or not os.path.isfile(path):
        return "not a regular file"
    there = asset.size
    if there is None and known is not None and known.sha1 == asset.sha1:
        there = known.fingerprint.size
    if there is None:
        return "other bytes"
    return (
        "the same size, but other bytes"
        if there == here
        else (f"here {here:,} bytes, there {there:,}")
    )


async def _left_here(run: DownloadRun) -> None:
    """Files of ours whose assets are not listed any more."""
    for source in run.sources:
        if source.number <= 0:
            continue
        pages = leaving(run, source)
        while (page := await run.in_thread(next, pages, None)) is not None:
            for placed in await run.in_thread(_still_here, run, page):
                run.enter_extra(
                    ItemResult(
                        Outcome.MISSING_REMOTE,
                        placed.path,
                        placed.fingerprint.size,
                        asset_id=placed.asset_id,
                        sha1=placed.sha1,
                    )
                )


def _still_here(run: DownloadRun, page: Sequence[Placed]) -> list[Placed]:
    return [
        placed
        for placed in page
        if os.path.lexists(os.path.join(run.destination.root, *placed.path.split("/")))
    ]


def _conclude(run: DownloadRun, proof: Proof) -> Ending:
    if not run.complete:
        run.codes.append(Exit.ITEMS_FAILED)
    return ending(run, run.books, proof)

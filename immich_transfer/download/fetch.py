"""Fourth stage: bring the bodies here, as many at once as the pace allows.

A small body is held in memory, checked, and written in one go. A large one grows in a part file
that survives us: the next attempt, or the next run, goes on where it ends (Range and If-Range), and
its SHA-1 decides before it gets its name. An asset that is wanted in several places comes once; the
other names are hard links, or copies where there are none.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from immich_transfer.disk.place import split
from immich_transfer.errors import (
    Interrupted,
    ItemError,
    RunError,
    ServerRefused,
    Stumbled,
    TransferError,
    Transient,
    WrongBytes,
)
from immich_transfer.manifest.catalog import Wanted
from immich_transfer.model import AssetId, Outcome, Part, Placed, RemoteAsset
from immich_transfer.pipeline.batcher import Batcher
from immich_transfer.pipeline.limiter import Slot

from .bodies import SMALL_BYTES, fetch_large, fetch_small
from .compare import Job
from .places import InPlace, link, part_of
from .promise import promise_parts
from .run import DownloadRun
from .sidecars import write_sidecar
from .store import SmallStore

WAITING_TASKS = 128
"""Transfers that exist at once, in flight or waiting to try again."""
UNPROVEN = "from an external library: the server has no checksum of its bytes"
INTENTS = 200
"""Part files are promised to the manifest in groups of this many."""


class Done(NamedTuple):
    """A file has its final name: what is left is to make that durable and to remember it."""

    wanted: Wanted
    placed: Placed
    outcome: Outcome
    folder: str
    note: str | None = None


class Fetcher:
    """The fetching stage of one run."""

    def __init__(self, run: DownloadRun, to_settle: Batcher[Done], others: bool) -> None:
        self._run = run
        self._others = others
        """Other collections are kept below this mirror: they may have what we want."""
        self._store = SmallStore(run)
        self._to_settle = to_settle
        self._claims: dict[AssetId, list[Job]] = {}
        """Assets on their way, with the other places that wait for them."""
        self._intended: dict[AssetId, str] = {}
        """The promised part files of large ones."""

    async def run(self, to_fetch: asyncio.Queue[Job | None]) -> None:
        """Start a transfer for every job; a stop lets those in flight finish."""
        run = self._run
        room = asyncio.Semaphore(WAITING_TASKS)
        async with asyncio.TaskGroup() as transfers:
            while (group := await self._next(to_fetch)) is not None:
                if not run.stopping:
                    await self._intend(group)
                for job in group:
                    if run.stopping or self._waits(job):
                        continue
                    await room.acquire()
                    await run.limiter.acquire()
                    if run.stopping:
                        run.limiter.release()
                        room.release()
                        continue
                    task = transfers.create_task(self._transfer(job))
                    task.add_done_callback(lambda _: room.release())

    async def _next(self, to_fetch: asyncio.Queue[Job | None]) -> list[Job] | None:
        """All jobs that are there, up to a group; None at the end."""
        job = await to_fetch.get()
        if job is None:
            return None
        group = [job]
        while len(group) < INTENTS and not to_fetch.empty():
            job = to_fetch.get_nowait()
            if job is None:
                to_fetch.put_nowait(None)
                break
            group.append(job)
        return group

    async def _intend(self, group: list[Job]) -> None:
        """Promise the part files of large bodies, so that a crash leaves none that nobody knows.
        An asset has one, wherever else it is wanted."""
        first: dict[AssetId, Part] = {}
        for job in group:
            asset = job.wanted.asset
            if not (job.here or _small(asset) or asset.id in self._claims):
                first.setdefault(asset.id, part_of(job.wanted))
        self._intended.update((part.asset_id, part.path) for part in first.values())
        parts = [part for part in first.values() if not _known(self._run, part)]
        if not parts:
            return
        try:
            await self._run.in_thread(promise_parts, self._run, parts)
        except TransferError as error:
            self._run.cut(error)

    def _waits(self, job: Job) -> bool:
        """Whether the asset of a job is on its way to another place already."""
        if job.here:
            return False
        waiting = self._claims.get(job.wanted.asset.id)
        if waiting is None:
            self._claims[job.wanted.asset.id] = []
            return False
        waiting.append(job)
        return True

    async def _transfer(self, job: Job) -> None:
        """Bring one asset to all its places. Holds a slot when called, and gives it back."""
        run = self._run
        slot = Slot(run.limiter)
        heirs: list[Job] = []
        try:
            arrived = await self._bring(job, slot)
            slot.release()
            if not job.here:
                heirs = self._claims.pop(job.wanted.asset.id, [])
            await self._deliver(job, arrived)
            for heir in heirs:
                await self._share(heir, arrived.placed)
        except Interrupted:
            pass  # it stays undecided: `pending`
        except (ItemError, Transient) as error:
            await self._give_up(job, error)
        except RunError as error:
            run.cut(error)
        finally:
            slot.release()
            self._intended.pop(job.wanted.asset.id, None)

    async def _bring(self, job: Job, slot: Slot) -> InPlace:
        """The file in its place, by a link to a copy we have or by its body."""
        run = self._run
        if job.here:
            assert job.known is not None
            return InPlace(job.known)
        if len(run.sources) > 1 or self._others:
            copy = await run.in_thread(link, run, job)
            if copy is not None:
                return copy
        return await self._persist(job, slot)

    async def _persist(self, job: Job, slot: Slot) -> InPlace:
        """Attempts until the file is there."""
        run, wanted = self._run, job.wanted
        small = _small(wanted.asset)
        part = part_of(wanted)
        if not small and self._intended.get(wanted.asset.id) != part.path:
            # It was to be linked to another file of the asset, which did not come.
            await run.in_thread(promise_parts, run, [part])

        async def attempt(number: int) -> InPlace:
            await slot.take()
            if run.stopping and number > 1:
                raise Interrupted("stopped before the next attempt")
            if small:
                return await fetch_small(run, job, number, slot, self._store)
            return await fetch_large(run, job, number, self._run.parts)

        def failed(failure: Transient) -> None:
            slot.release()
            if not isinstance(failure, Stumbled):
                run.limiter.trouble()

        return await run.connection.http.persist(attempt, wanted.path, on_failure=failed)

    async def _deliver(self, job: Job, arrived: InPlace) -> None:
        """Write the sidecar, if asked for, then pass the file on to be settled."""
        run, wanted = self._run, job.wanted
        placed, note = arrived.placed, arrived.note
        if run.options.sidecars != "none":
            try:
                placed, said = await write_sidecar(run, wanted, placed)
            except (ItemError, Transient) as error:
                # The body stays where it is: the next run asks for the sidecar alone.
                if not job.here:
                    await run.in_thread(_place, run, placed)
                error.message = f"sidecar: {error.message}"
                run.fail(wanted, error)
                return
            note = note or said
        was = run.moved.get((wanted.collection, wanted.asset.id)) if job.here else None
        if job.here or arrived.shared:
            outcome = Outcome.UNCHANGED if was is None else Outcome.MOVED
        else:
            outcome = Outcome.CONFLICT if arrived.conflict else Outcome.DOWNLOADED
        if not job.here and wanted.asset.sha1 is None:
            note = note or UNPROVEN
        folder, _ = split(placed.path)
        note = note if was is None else f"was {was}"
        self._to_settle.put_now([Done(wanted, placed, outcome, folder, note)])

    async def _share(self, heir: Job, placed: Placed) -> None:
        """Give an asset that is here another name."""
        run = self._run
        try:
            copy = await run.in_thread(link, run, heir, placed)
            if copy is None:
                raise WrongBytes("the file it was to be linked to changed meanwhile")
            await self._deliver(heir, copy)
        except (ItemError, Transient) as error:
            run.fail(heir.wanted, error)

    async def _give_up(self, job: Job, error: TransferError) -> None:
        """The asset cannot be had: so it is for every place that waits for it."""
        run = self._run
        asset = job.wanted.asset
        gone = False
        if isinstance(error, ServerRefused | Stumbled) and not isinstance(error, WrongBytes):
            gone = await self._gone(asset.id, error)
        heirs = [] if job.here else self._claims.pop(asset.id, [])
        for one in (job, *heirs):
            if gone:
                run.finish(one.wanted, Outcome.SKIPPED, reason="left the server meanwhile")
            else:
                run.fail(one.wanted, error)

    async def _gone(self, asset_id: AssetId, error: TransferError) -> bool:
        """Whether the asset is no more; else the hint says that its file is what is missing."""
        run = self._run
        if run.stopping:
            return False
        try:
            if await run.listing.asset(asset_id) is None:
                return True
        except TransferError:
            return False
        error.hint = error.hint or (
            "the server knows the asset but cannot send its file: look for it on the server's disk"
        )
        return False


def _place(run: DownloadRun, placed: Placed) -> None:
    run.manifest.place(run.mirror, [placed], arrived=True)


def _known(run: DownloadRun, part: Part) -> bool:
    """An earlier run promised it, in this very place."""
    old = run.parts.get(part.asset_id)
    return old is not None and old.path == part.path


def _small(asset: RemoteAsset) -> bool:
    return asset.size is not None and asset.size <= SMALL_BYTES

"""`check --scrub DIR --repair`: what a scrub found damaged or gone is fetched again.

A damaged file is replaced once its new bytes have the server's checksum; one that somebody edited
is kept beside the new one as `name (local).ext`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import anyio

from immich_transfer.config.options import (
    DownloadOptions,
    Selection,
    ServerOptions,
    TransferOptions,
)
from immich_transfer.download.arrivals import settle_arrivals
from immich_transfer.download.compare import Job
from immich_transfer.download.fetch import Done, Fetcher
from immich_transfer.download.flow import cut_all, finish_books
from immich_transfer.download.run import DownloadRun
from immich_transfer.download.settle import settle
from immich_transfer.errors import Exit, ItemError, TransferError, UsageError
from immich_transfer.events import Discovered, Hashed, Listener
from immich_transfer.manifest.names import Naming
from immich_transfer.model import AssetId, ItemResult, Outcome, Placed, RemoteAsset, Summary
from immich_transfer.pipeline.batcher import Batcher
from immich_transfer.pipeline.conduct import Asked, Ending, conduct
from immich_transfer.pipeline.run import Parts
from immich_transfer.pipeline.shutdown import stages_of
from immich_transfer.policy.naming import name_key

from .scrub import Finding, Scope, examine_all, pages, scope_of


async def repair(
    server: ServerOptions,
    transfer: TransferOptions,
    folder: str,
    *,
    listener: Listener,
    arguments: Sequence[str],
    stop: asyncio.Event | None = None,
) -> Summary:
    """Scrub `folder`, then fetch what is not what we wrote; exit 0 when all is well again."""
    repairs: list[_Repair] = []

    async def begin(parts: Parts) -> DownloadRun:
        parts.connection.require("asset.read", "asset.download", purpose="--repair")
        scope = scope_of(parts.manifest, folder)
        options = DownloadOptions(output=scope.root, selection=Selection())
        run = DownloadRun(parts, options, scope.root)
        if run.mirror not in scope.mirrors:
            run.close()
            raise UsageError(f"{folder} was downloaded with another account's key")
        repairs.append(_Repair(run, scope._replace(mirrors=(run.mirror,))))
        return run

    async def work(run: DownloadRun) -> None:
        try:
            await repairs[0].pipeline()
        finally:
            await repairs[0].close_books()
            await finish_books(run)
            run.close()

    return await conduct(
        server,
        transfer,
        Asked("scrub", arguments),
        listener=listener,
        stop=stop,
        begin=begin,
        work=work,
        conclude=_conclude,
    )


class _Repair:
    """One scrub, with what it found."""

    def __init__(self, run: DownloadRun, scope: Scope) -> None:
        self._run = run
        self._scope = scope
        self._undecided: dict[tuple[int, AssetId], Placed] = {}
        self._bad: dict[tuple[int, AssetId], Finding] = {}

    async def pipeline(self) -> None:
        async with stages_of(self._run) as group:
            group.start_soon(self._work)

    async def _work(self) -> None:
        run = self._run
        try:
            if not run.dry:
                await run.in_thread(settle_arrivals, run)
            await examine_all(
                pages(run.manifest, self._scope),
                run.destination,
                run.hash_pool,
                run.transfer.hashers,
                run.still_wanted,
                lambda: run.stopping,
                self._tell,
                self._settle,
            )
            if not run.stopping:
                await self._plan()
                await self._fetch()
        except* TransferError as errors:
            cut_all(run, errors)

    def _tell(self, page: Sequence[Placed]) -> None:
        self._undecided.update({(p.collection, p.asset_id): p for p in page})
        size = sum(placed.fingerprint.size for placed in page)
        self._run.listener(Discovered(len(page), size))

    async def _settle(self, finding: Finding) -> None:
        run = self._run
        run.totals.bytes_hashed += finding.size
        run.listener(Hashed(finding.size))
        key = (finding.placed.collection, finding.placed.asset_id)
        if finding.outcome in (Outcome.DIFFERS, Outcome.MISSING_LOCAL):
            self._bad[key] = finding
            return
        del self._undecided[key]
        run.enter_extra(finding.item())

    async def _plan(self) -> None:
        """Everything bad becomes a wanted file at its own path, if the server still has it."""
        run = self._run
        names: dict[tuple[int, AssetId], Naming] = {}
        known: dict[AssetId, RemoteAsset | None] = {}
        for key, finding in self._bad.items():
            placed = finding.placed
            try:
                if placed.asset_id not in known:
                    known[placed.asset_id] = await run.listing.asset(placed.asset_id)
            except ItemError as error:
                self._lost(key, error.message)
                continue
            asset = known[placed.asset_id]
            if asset is None:
                self._lost(key, "it left the server: it cannot be fetched again")
                continue
            run.catalog.add_assets([asset])
            names[key] = Naming(
                placed.collection,
                placed.asset_id,
                placed.base,
                name_key(placed.base),
                placed.path,
                name_key(placed.path),
                None,
            )
        await run.in_thread(run.catalog.name, [*names.values()])
        run.planned(await run.in_thread(run.catalog.seal))
        for key in names:
            del self._undecided[key]  # from here on they are in the books of the run

    def _lost(self, key: tuple[int, AssetId], why: str) -> None:
        placed = self._undecided.pop(key)
        self._run.enter_extra(
            ItemResult(
                Outcome.FAILED,
                placed.path,
                placed.fingerprint.size,
                asset_id=placed.asset_id,
                sha1=placed.sha1,
                error=why,
            )
        )

    async def _fetch(self) -> None:
        run = self._run
        to_fetch: asyncio.Queue[Job | None] = asyncio.Queue(512)
        to_settle: Batcher[Done] = Batcher(size=500, linger=0.1, bound=1 << 30)
        to_settle.open()
        run.parts = {p.asset_id: p for p in await run.in_thread(run.manifest.parts, run.mirror)}
        fetcher = Fetcher(run, to_settle, others=False)

        async def feeding() -> None:
            for batch in run.catalog.wanted():
                for wanted in batch:
                    finding = self._bad[(wanted.collection, wanted.asset.id)]
                    edited = finding.outcome is Outcome.DIFFERS and not finding.damaged
                    await to_fetch.put(
                        Job(wanted, finding.placed, occupied=edited, replace=finding.damaged)
                    )
            await to_fetch.put(None)

        async def fetching() -> None:
            await fetcher.run(to_fetch)
            to_settle.done()

        async with anyio.create_task_group() as group:
            group.start_soon(feeding)
            group.start_soon(fetching)
            group.start_soon(settle, run, to_settle)

    async def close_books(self) -> None:
        """What was not even read, or not fetched, when the run was stopped."""
        for placed in self._undecided.values():
            self._run.enter_extra(Finding(placed, Outcome.PENDING).item())
        self._undecided.clear()


def _conclude(run: DownloadRun) -> Ending:
    arrived = (Outcome.DOWNLOADED, Outcome.CONFLICT)
    codes: list[Exit] = run.closing_codes(run.books, arrived)
    return Ending(codes, run.books.problems)

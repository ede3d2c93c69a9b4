"""Albums and tags: paid from the ledger, never from memory.

An entry is written down as owed before its photo goes up and struck off after the server's
answer, so a crash at any point leaves either nothing to do or a debt that the next run pays. What
an earlier run still owes is paid here too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import groupby

from immich_transfer.errors import (
    KeyRefused,
    RunError,
    ServerRefused,
    ServerUnavailable,
    TransferError,
)
from immich_transfer.immich.listing import Listing
from immich_transfer.model import Debt

from .run import UploadRun

PAY_COUNT = 1000
"""Entries per call: 0.05 s for the server (recorded), and small enough for any proxy."""
PAY_SECONDS = 2.0
REFUSED = "no_permission"
"""What the server says of assets that are not ours to put there, and of those it does not have."""


async def pay_debts(run: UploadRun, sent: asyncio.Event) -> None:
    """Pay every couple of seconds while photos go up, and to the end when all are `sent`."""
    while not sent.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(sent.wait(), PAY_SECONDS)
        try:
            await _pay_all(run)
        except TransferError as error:
            run.cut(error)
            await sent.wait()
    if not run.stopping:
        try:
            await _reopen_deleted(run)
            await _pay_all(run)
        except TransferError as error:
            run.cut(error)


async def _reopen_deleted(run: UploadRun) -> None:
    """An album asked for in this run that does not exist is filled anew, whatever was paid into
    one of that name before. Single photos that somebody took out of an album stay out."""
    if not run.wanted_albums:
        return
    try:
        gone = await run.albums.missing(sorted(run.wanted_albums))
    except (ServerRefused, ServerUnavailable):
        return  # paying meets the same trouble, and leaves the debts with the reason
    for name in gone:
        await run.in_thread(run.manifest.reopen, run.account, "album", name)


async def _pay_all(run: UploadRun) -> None:
    while debts := await run.in_thread(run.manifest.payable, run.account, PAY_COUNT):
        for (kind, target), group in groupby(debts, key=lambda debt: (debt.kind, debt.target)):
            await _pay(run, kind, target, list(group))


async def _pay(run: UploadRun, kind: str, target: str, debts: list[Debt]) -> None:
    """One call for one album or tag; what cannot be paid stays owed, with the reason."""
    book = run.albums if kind == "album" else run.tags
    assets = [debt.asset_id for debt in debts if debt.asset_id is not None]
    try:
        results = await book.add(await book.id_of(target), list(dict.fromkeys(assets)))
    except (KeyRefused, ServerRefused, ServerUnavailable) as error:
        book.forget(target)
        await run.in_thread(run.manifest.defer, run.account, debts, error.message)
        run.note(f"{kind} {target!r}: {len(debts):,} entries could not be added: {error.message}")
        if run.connection.http.outage.gave_up:
            raise  # the server is away, not only its albums
        if isinstance(error, KeyRefused):
            run.codes.append(error.exit_code)  # the photos go on, and the key is to be mended
        return
    except RunError as error:
        await run.in_thread(run.manifest.defer, run.account, debts, error.message)
        raise
    refused = {
        result.id: result.error or "refused"
        for result in results
        if not result.success and result.error != "duplicate"
    }
    paid = [debt for debt in debts if debt.asset_id not in refused]
    if paid:
        await run.in_thread(run.manifest.pay, run.account, paid)
    left = [debt for debt in debts if debt.asset_id in refused]
    doubtful = [d for d in left if d.asset_id and refused[d.asset_id] == REFUSED]
    gone = await _gone(run, doubtful)
    if gone:
        # Deleted on the server since: nothing is owed to what is not there. Sent again, it is.
        await run.in_thread(run.manifest.pay, run.account, gone)
        left = [debt for debt in left if debt not in gone]
    if left:
        reason = next(iter(refused.values()))
        await run.in_thread(run.manifest.defer, run.account, left, reason)
        run.note(f"{kind} {target!r}: {len(left):,} entries were refused ({reason})")


async def _gone(run: UploadRun, debts: list[Debt]) -> list[Debt]:
    """Which debts are for assets that are no more: the server says `no_permission` of them, as of
    somebody else's (recorded). Where it cannot be asked, none is given up."""
    listing = Listing(run.connection)
    gone = []
    for debt in debts:
        try:
            if debt.asset_id is not None and await listing.asset(debt.asset_id) is None:
                gone.append(debt)
        except TransferError:
            break
    return gone

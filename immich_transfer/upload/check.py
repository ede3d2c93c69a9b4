"""Third stage: ask the server, in batches, which contents it has. Known files are asked too.

The server is the truth: 5,000 answers cost one request, so every file of every run is asked for.
What it has is settled here; what it lacks goes on to be sent, after its albums and tags have been
written down as owed. A content already on its way up keeps its twins waiting for it.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, nullcontext

from immich_transfer.errors import ItemError, TransferError
from immich_transfer.immich.assets import Found
from immich_transfer.manifest.seen import Seen
from immich_transfer.manifest.store import Presence
from immich_transfer.model import AssetId, Debt, Known, LocalFile, Outcome, Sha1
from immich_transfer.pipeline.batcher import Batcher

from .remove import remove_sources
from .run import Candidate, UploadRun

CLEARED_SECONDS = 60.0
"""How long the server's job may take to forget a trashed copy that is to be sent again."""


async def check(
    run: UploadRun, to_check: Batcher[Candidate], to_send: asyncio.Queue[Candidate | None]
) -> None:
    """Settle what is there, pass on what is not."""
    with closing(Seen()) if run.dry else nullcontext() as foreseen:
        async for batch in to_check.batches():
            if run.stopping:
                for candidate in batch:
                    run.put_down(candidate)
                continue
            try:
                await _judge(run, batch, to_send, foreseen)
            except TransferError as error:
                run.cut(error)


async def _judge(
    run: UploadRun,
    batch: list[Candidate],
    to_send: asyncio.Queue[Candidate | None],
    foreseen: Seen | None,
) -> None:
    """Ask about a batch and act on the answer."""
    run.landed.clear()
    found = await run.assets.check([candidate.sha1 for candidate in batch])
    absent = await _settle_present(run, batch, found)
    landed = await _pass_on(run, absent, to_send, foreseen)
    if landed:
        await _judge(run, landed, to_send, foreseen)


async def _settle_present(
    run: UploadRun, batch: list[Candidate], found: list[Found | None]
) -> list[Candidate]:
    """Give every file the server has its outcome; return those it lacks."""
    absent: list[Candidate] = []
    trashed: list[tuple[Candidate, AssetId]] = []
    present: list[tuple[Candidate, AssetId]] = []
    for candidate, seen in zip(batch, found, strict=True):
        if seen is None:
            absent.append(candidate)
        elif seen.trashed:
            trashed.append((candidate, seen.asset_id))
        else:
            present.append((candidate, seen.asset_id))
    note = None
    if trashed:
        match run.options.trashed:
            case "restore":
                note = "restored from the trash"
                if not run.dry:
                    await run.assets.restore(sorted({asset_id for _, asset_id in trashed}))
                present += trashed
            case "reupload":
                absent += await _clear_trashed(run, trashed)
            case _:
                for candidate, asset_id in trashed:
                    run.finish(
                        candidate.file, Outcome.TRASHED, sha1=candidate.sha1, asset_id=asset_id
                    )
                    run.put_down(candidate)
    if present:
        await settle_duplicates(run, present, restored={a for _, a in trashed} if note else None)
    return absent


async def settle_duplicates(
    run: UploadRun,
    present: list[tuple[Candidate, AssetId]],
    *,
    restored: set[AssetId] | None = None,
) -> None:
    """Files whose content the server itself has just named: verified, and owed their albums."""
    if not run.dry and run.debts_possible:
        debts = [
            debt
            for candidate, asset_id in present
            for debt in debts_of(run, candidate.file, candidate.sha1, asset_id)
        ]
        await run.in_thread(_record, run, debts, [Presence(c.sha1, a, False) for c, a in present])
    gone = await remove_sources(run, [candidate.file for candidate, _ in present])
    changed = await _changed_sidecars(run, [candidate for candidate, _ in present])
    for candidate, asset_id in present:
        file = candidate.file
        note = gone.get(file.path)
        if restored and asset_id in restored:
            note = "restored from the trash"
        elif note is None and file.path in changed:
            note = "its sidecar was not sent: the server takes none for a photo it has"
        run.totals.verified += 1
        run.finish(file, Outcome.DUPLICATE, sha1=candidate.sha1, asset_id=asset_id, note=note)
        run.put_down(candidate)
    if changed:
        run.note(
            "new or changed sidecars beside photos that are already there were not sent: "
            "the server takes none for a duplicate"
        )


def _record(run: UploadRun, debts: list[Debt], rows: list[Presence]) -> None:
    if debts:
        run.manifest.owe(run.account, debts)
    run.manifest.settle(run.account, rows)


def debts_of(run: UploadRun, file: LocalFile, sha1: Sha1, asset_id: AssetId | None) -> list[Debt]:
    """The albums and tags this file is to be in."""
    debts = [Debt(sha1, "album", name, asset_id) for name in run.options.albums]
    target = run.target_of(file)
    if target is not None and target not in run.options.albums:
        debts.append(Debt(sha1, "album", target, asset_id))
    run.wanted_albums.update(debt.target for debt in debts)
    debts += [Debt(sha1, "tag", path, asset_id) for path in run.options.tags]
    return debts


async def _changed_sidecars(run: UploadRun, present: list[Candidate]) -> set[str]:
    """Paths whose sidecar is new or differs from the one that went up with the photo."""
    with_sidecar = [c for c in present if c.file.sidecar_stamp is not None]
    if not with_sidecar:
        return set()
    known = await run.in_thread(
        run.manifest.known, run.account, [candidate.sha1 for candidate in with_sidecar]
    )
    nothing = Known(AssetId(""), uploaded=False)
    return {
        c.file.path
        for c in with_sidecar
        if known.get(c.sha1, nothing).sidecar_stamp != c.file.sidecar_stamp
    }


async def _clear_trashed(
    run: UploadRun, trashed: list[tuple[Candidate, AssetId]]
) -> list[Candidate]:
    """`--trashed reupload`: make the server forget its trashed copies, so that it takes new ones.

    The local file is the counterpart that makes this safe: it was hashed in this very run.
    """
    if run.dry:
        return [candidate for candidate, _ in trashed]
    # First forget that we uploaded them: a crash after the deletion must not leave them looking
    # like photos that somebody deleted on purpose.
    await run.in_thread(run.manifest.unsettle, run.account, [c.sha1 for c, _ in trashed])
    await run.assets.delete_for_good(sorted({asset_id for _, asset_id in trashed}))
    waiting = [candidate for candidate, _ in trashed]
    cleared: list[Candidate] = []
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CLEARED_SECONDS
    while waiting and loop.time() < deadline:
        found = await run.assets.check([candidate.sha1 for candidate in waiting])
        still = [c for c, seen in zip(waiting, found, strict=True) if seen is not None]
        cleared += [c for c, seen in zip(waiting, found, strict=True) if seen is None]
        waiting = still
        if waiting:
            await run.connection.http.outage.pause(1.0)
    for candidate in waiting:
        run.put_down(candidate)
        late = ItemError(
            "the server still has its trashed copy",
            hint="it deletes it by a job of its own; run again to send the file",
        )
        run.fail(candidate.file, late, candidate.sha1)
    return cleared


async def _pass_on(
    run: UploadRun,
    absent: list[Candidate],
    to_send: asyncio.Queue[Candidate | None],
    foreseen: Seen | None,
) -> list[Candidate]:
    """Drop what the user deleted on the server, write down debts, and queue the rest. A dry run
    tells what would go up instead: of each content in `foreseen` once.

    Returns those whose content arrived since the server was asked: it has to be asked again.
    """
    if not absent:
        return []
    if run.options.deleted == "skip":
        known = await run.in_thread(
            run.manifest.known, run.account, [candidate.sha1 for candidate in absent]
        )
        if known:
            absent = [c for c in absent if not _deleted_remotely(run, c, known.get(c.sha1))]
    if foreseen is not None:
        firsts = await run.in_thread(foreseen.add, [candidate.sha1 for candidate in absent])
        for candidate, first in zip(absent, firsts, strict=True):
            run.finish(
                candidate.file,
                Outcome.UPLOADED if first else Outcome.DUPLICATE,
                sha1=candidate.sha1,
            )
            run.put_down(candidate)
        return []
    debts = [
        debt for candidate in absent for debt in debts_of(run, candidate.file, candidate.sha1, None)
    ]
    if debts:
        await run.in_thread(run.manifest.owe, run.account, debts)
    landed: list[Candidate] = []
    for candidate in absent:
        twins = run.claims.get(candidate.sha1)
        if candidate.sha1 in run.landed:
            landed.append(candidate)
        elif twins is not None:
            run.put_down(candidate)
            twins.append(candidate)
        else:
            run.claims[candidate.sha1] = []
            await to_send.put(candidate)
    return landed


def _deleted_remotely(run: UploadRun, candidate: Candidate, known: Known | None) -> bool:
    if known is None or not known.uploaded:
        return False
    if candidate.sha1 in run.claims or candidate.sha1 in run.landed:
        return False  # it went up while the server was being asked
    run.finish(
        candidate.file, Outcome.DELETED_REMOTELY, sha1=candidate.sha1, asset_id=known.asset_id
    )
    run.put_down(candidate)
    return True

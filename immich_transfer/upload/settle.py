"""Fifth stage: write down what the server answered, then ask it for its own checksums.

Law 1: a presence is recorded after the answer and before anything that builds on it. Verified
means that bulk-upload-check, which compares with the SHA-1 the server computed from what it
received, names the very content we hashed. Only then does a file get its outcome, and only then
may its source be deleted.
"""

from __future__ import annotations

import anyio

from immich_transfer.errors import ServerRefused, TransferError
from immich_transfer.manifest.store import Presence
from immich_transfer.model import Outcome
from immich_transfer.pipeline.batcher import Batcher

from .remove import remove_sources
from .run import UploadRun
from .send import Sent

VERIFY_COUNT = 1000
VERIFY_SECONDS = 5.0
"""A verdict waits for this many files or this long: one request then serves them all."""


async def record(run: UploadRun, to_settle: Batcher[Sent], to_verify: Batcher[Sent]) -> None:
    """Commit presences in groups, then pass them on to be verified."""
    async for batch in to_settle.batches():
        rows = [
            Presence(sent.candidate.sha1, sent.asset_id, sent.created, sent.sidecar_stamp)
            for sent in batch
        ]
        try:
            await run.in_thread(run.manifest.settle, run.account, rows)
        except TransferError as error:
            run.cut(error)
            continue
        to_verify.put_now(batch)
    to_verify.done()


async def verify(run: UploadRun, to_verify: Batcher[Sent]) -> None:
    """Compare with the server's own checksums and give every sent file its outcome."""
    async for batch in to_verify.batches():
        try:
            found = await run.assets.check([sent.candidate.sha1 for sent in batch])
        except TransferError as error:
            run.cut(error)
            for sent in batch:
                _settle(
                    run, sent, verified=False, note="not verified: the server went away", gone={}
                )
            continue
        good = [sent for sent, seen in zip(batch, found, strict=True) if seen is not None]
        files = [
            candidate.file
            for sent, seen in zip(batch, found, strict=True)
            if seen is not None and not seen.trashed
            for candidate in (sent.candidate, *sent.twins)
        ]
        try:
            gone = await remove_sources(run, files)
        except TransferError as error:
            run.cut(error)
            gone = {}
        trashed = {
            sent.asset_id
            for sent, seen in zip(batch, found, strict=True)
            if seen is not None and seen.trashed
        }
        for sent in good:
            _settle(
                run, sent, verified=True, note=None, gone=gone, trashed=sent.asset_id in trashed
            )
        bad = [sent for sent, seen in zip(batch, found, strict=True) if seen is None]
        if bad:
            await _refuse(run, bad)


def _settle(
    run: UploadRun,
    sent: Sent,
    *,
    verified: bool,
    note: str | None,
    gone: dict[str, str],
    trashed: bool = False,
) -> None:
    outcome = Outcome.UPLOADED if sent.created else Outcome.DUPLICATE
    if trashed:
        outcome = Outcome.TRASHED
    for place, candidate in enumerate((sent.candidate, *sent.twins)):
        if place and not trashed:
            outcome = Outcome.DUPLICATE
        run.totals.verified += verified and not trashed
        run.finish(
            candidate.file,
            outcome,
            sha1=sent.candidate.sha1,
            asset_id=sent.asset_id,
            note=note or gone.get(candidate.file.path),
        )


async def _refuse(run: UploadRun, bad: list[Sent]) -> None:
    """The server does not hold what it said it took: never call that done."""
    await run.in_thread(run.manifest.unsettle, run.account, [s.candidate.sha1 for s in bad])
    for sent in bad:
        error = ServerRefused(
            f"the server took it as asset {sent.asset_id} but does not hold these bytes",
            status=200,
            hint="run again to send it again",
        )
        for candidate in (sent.candidate, *sent.twins):
            run.fail(candidate.file, error, candidate.sha1)


async def run_settling(run: UploadRun, to_settle: Batcher[Sent]) -> None:
    """Both halves, so that commits never wait for verdicts."""
    to_verify: Batcher[Sent] = Batcher(
        size=VERIFY_COUNT, linger=VERIFY_SECONDS, bound=100 * VERIFY_COUNT
    )
    to_verify.open()
    async with anyio.create_task_group() as halves:
        halves.start_soon(record, run, to_settle, to_verify)
        halves.start_soon(verify, run, to_verify)

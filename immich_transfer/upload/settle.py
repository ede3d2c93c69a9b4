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
                _settle(run, sent, verified=False, note="not verified: the server went away")
            continue
        held: list[Sent] = []
        trashed: list[Sent] = []
        missing: list[Sent] = []
        for sent, seen in zip(batch, found, strict=True):
            (missing if seen is None else trashed if seen.trashed else held).append(sent)
        gone: dict[str, str] = {}
        try:
            if missing:
                lost = [sent.candidate.sha1 for sent in missing]
                await run.in_thread(run.manifest.unsettle, run.account, lost)
            proven = [c.file for sent in held for c in (sent.candidate, *sent.twins)]
            gone = await remove_sources(run, proven)
        except TransferError as error:
            run.cut(error)
        for sent in held:
            _settle(run, sent, verified=True, gone=gone)
        for sent in trashed:
            for candidate in (sent.candidate, *sent.twins):
                run.finish(
                    candidate.file, Outcome.TRASHED, sha1=candidate.sha1, asset_id=sent.asset_id
                )
        for sent in missing:
            _refuse(run, sent)


def _settle(
    run: UploadRun,
    sent: Sent,
    *,
    verified: bool,
    note: str | None = None,
    gone: dict[str, str] | None = None,
) -> None:
    """One is `uploaded`, if it was new; its twins are duplicates of it."""
    outcome = Outcome.UPLOADED if sent.created else Outcome.DUPLICATE
    for candidate in (sent.candidate, *sent.twins):
        run.totals.verified += verified
        run.finish(
            candidate.file,
            outcome,
            sha1=candidate.sha1,
            asset_id=sent.asset_id,
            note=note or (gone or {}).get(candidate.file.path),
        )
        outcome = Outcome.DUPLICATE


def _refuse(run: UploadRun, sent: Sent) -> None:
    """The server does not hold what it said it took: never call that done."""
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

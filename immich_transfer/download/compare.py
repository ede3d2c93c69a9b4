"""Third stage: what is there already? Nothing is read while a fingerprint can be trusted.

wanted ─► look (stat) ─► unchanged
                     ├─► read ─► unchanged | conflict
                     └─► to fetch, with what stands in its place
"""

from __future__ import annotations

import asyncio
import stat
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.part import drop_part, read_hashes
from immich_transfer.disk.place import is_file, split
from immich_transfer.errors import ItemError, LocalReadError, LocalWriteError, TransferError
from immich_transfer.events import Hashed
from immich_transfer.manifest.catalog import Wanted
from immich_transfer.model import Fingerprint, Outcome, Placed
from immich_transfer.policy.naming import part_name
from immich_transfer.policy.reconcile import Step, first_step, second_step

from .run import DownloadRun
from .sidecars import sidecar_due

READS_AT_ONCE = 4


class Job(NamedTuple):
    """A file to bring here, or one that is here and lacks its sidecar."""

    wanted: Wanted
    known: Placed | None
    occupied: bool = False
    """Something is in its place that we do not vouch for."""
    replace: bool = False
    """What is in its place may be replaced: ours and untouched, or given up by the user."""
    here: bool = False
    """The body is there: only the sidecar is due."""


class Seen(NamedTuple):
    """One wanted file beside what is known and seen of it."""

    wanted: Wanted
    known: Placed | None
    step: Step
    fingerprint: Fingerprint | None
    error: TransferError | None = None
    borrowed: bool = False
    """It is known from another collection that has it in the same place."""


async def compare(run: DownloadRun, to_fetch: asyncio.Queue[Job | None]) -> None:
    """Settle what is there, pass on what is not."""
    batches = run.catalog.wanted()
    while not run.stopping:
        batch = await run.in_thread(next, batches, None)
        if batch is None:
            break
        seen = await run.in_thread(look, run, batch)
        await _remember(run, seen)
        await _read_doubtful(run, [s for s in seen if s.step is Step.READ], to_fetch)
        for one in seen:
            if one.step is not Step.READ:
                await _judge(run, one, one.step, to_fetch)


async def _remember(run: DownloadRun, seen: Sequence[Seen]) -> None:
    """Files that are there for another collection, or that were renamed along with it."""
    rows = [
        msgspec.structs.replace(one.known, path=one.wanted.path, base=one.wanted.base)
        for one in seen
        if one.step is Step.KEEP
        and one.known is not None
        and (one.borrowed or one.known.path != one.wanted.path)
    ]
    if rows and not run.dry:
        await run.in_thread(run.manifest.place, run.mirror, rows)


def look(run: DownloadRun, batch: Sequence[Wanted]) -> list[Seen]:
    """`lstat` every file of a batch, a folder at a time."""
    ids = defaultdict(list)
    for wanted in batch:
        ids[wanted.collection].append(wanted.asset.id)
    known = {number: run.manifest.placed(number, found) for number, found in ids.items()}
    borrowed = _borrowed(run, [w for w in batch if w.asset.id not in known[w.collection]])
    folders: defaultdict[str, list[tuple[str, Wanted, Placed | None]]] = defaultdict(list)
    for wanted in batch:
        placed = known[wanted.collection].get(wanted.asset.id) or borrowed.get(wanted.number)
        # A dry run has moved nothing: the file is looked for where it still is.
        path = placed.path if placed is not None and run.dry else wanted.path
        folder, name = split(path)
        folders[folder].append((name, wanted, placed))
    options = run.options
    found: list[Seen] = []
    for folder, rows in folders.items():
        try:
            with run.destination.folder(folder) as opened:
                statuses = [opened.look(name) for name, _, _ in rows]
        except FileNotFoundError:
            statuses = [None] * len(rows)
        except ItemError as error:
            found += (Seen(w, p, Step.FETCH, None, error) for _, w, p in rows)
            continue
        except OSError as error:
            refusal = LocalReadError(f"{error.strerror} ({folder or '.'})")
            found += (Seen(w, p, Step.FETCH, None, refusal) for _, w, p in rows)
            continue
        for (_, wanted, placed), status in zip(rows, statuses, strict=True):
            seen = None if status is None else fingerprint(status)
            refused = None
            if status is not None and not is_file(status):
                step = Step.DIFFERS
                if stat.S_ISDIR(status.st_mode) and options.on_conflict == "overwrite":
                    refused = _folder_in_place(wanted.path)
            else:
                step = first_step(
                    wanted.asset, placed, seen, deleted=options.deleted, checksum=options.checksum
                )
            found.append(Seen(wanted, placed, step, seen, refused, wanted.number in borrowed))
    return found


def _borrowed(run: DownloadRun, unknown: Sequence[Wanted]) -> dict[int, Placed]:
    """What other collections have in the very same place, by number of the wanted file."""
    copies = run.manifest.placed_copies(run.mirror, [wanted.asset.id for wanted in unknown])
    return {
        wanted.number: msgspec.structs.replace(copy, collection=wanted.collection)
        for wanted in unknown
        for copy in copies.get(wanted.asset.id, ())
        if copy.path == wanted.path
    }


def _folder_in_place(path: str) -> LocalWriteError:
    return LocalWriteError(
        f"a folder is in its place, and no folder is overwritten ({path})",
        hint="move it away, or let --on-conflict keep-both rename it",
    )


async def _read_doubtful(
    run: DownloadRun, doubtful: Sequence[Seen], to_fetch: asyncio.Queue[Job | None]
) -> None:
    room = asyncio.Semaphore(READS_AT_ONCE)

    async def one(seen: Seen) -> None:
        async with room:
            if run.stopping:
                return
            try:
                adopted, step = await read(run, seen)
            except FileNotFoundError:
                adopted, step = None, Step.FETCH
            except ItemError as error:
                run.fail(seen.wanted, error)
                return
            except TransferError:
                return  # dropped: it stays undecided
        if adopted is not None and not run.dry:
            await run.in_thread(_adopt, run, seen, adopted)
        await _judge(run, seen._replace(known=adopted or seen.known), step, to_fetch)

    async with asyncio.TaskGroup() as group:
        for seen in doubtful:
            group.create_task(one(seen))


def _adopt(run: DownloadRun, seen: Seen, adopted: Placed) -> None:
    """A file that is the right one is ours from now on."""
    if seen.known is None:
        asset, (folder, _) = seen.wanted.asset, split(adopted.path)
        drop_part(run.destination, folder, part_name(asset.id, asset.sha1))
    run.manifest.place(run.mirror, [adopted])


async def read(run: DownloadRun, seen: Seen) -> tuple[Placed | None, Step]:
    """Hash what is there: it is ours from now on if it is the right thing."""
    wanted = seen.wanted
    path = seen.known.path if seen.known is not None and run.dry else wanted.path
    folder, name = split(path)

    def work() -> tuple[Placed | None, Step]:
        with run.destination.folder(folder) as opened:
            now, sha1, xxh3 = read_hashes(opened, name, on_bytes=run.still_wanted)
        assert sha1 is not None
        step = second_step(wanted.asset, seen.known, now, sha1)
        if step is not Step.KEEP:
            return None, step
        stamp = seen.known.sidecar_stamp if seen.known is not None else None
        return (
            Placed(
                wanted.collection,
                wanted.asset.id,
                path,
                # That its asset has a new name is for a mirror to see, not forgotten by reading.
                wanted.base if seen.known is None else seen.known.base,
                sha1,
                now,
                xxh3,
                wanted.asset.sha1 is not None,
                stamp,
            ),
            step,
        )

    loop = asyncio.get_running_loop()
    result = await loop.run_in_executor(run.hash_pool, work)
    size = seen.fingerprint.size if seen.fingerprint is not None else 0
    run.totals.bytes_hashed += size
    run.listener(Hashed(size))
    return result


async def _judge(
    run: DownloadRun, seen: Seen, step: Step, to_fetch: asyncio.Queue[Job | None]
) -> None:
    wanted = seen.wanted
    if seen.error is not None:
        run.fail(wanted, seen.error)
        return
    match step:
        case Step.KEEP if seen.known is not None:
            if run.options.sidecars != "none" and sidecar_due(run, wanted, seen.known):
                await to_fetch.put(Job(wanted, seen.known, here=True))
            else:
                keep(run, wanted, seen.known)
        case Step.KEEP:
            raise AssertionError("what is kept is known")
        case Step.LEAVE:
            run.finish(wanted, Outcome.SKIPPED, reason="deleted here (--deleted skip)")
        case Step.FETCH:
            await to_fetch.put(Job(wanted, seen.known))
        case Step.REPLACE:
            await to_fetch.put(Job(wanted, seen.known, replace=True))
        case Step.DIFFERS if run.options.on_conflict == "skip":
            run.finish(wanted, Outcome.SKIPPED, reason="differs here (--on-conflict skip)")
        case Step.DIFFERS:
            overwrite = run.options.on_conflict == "overwrite"
            await to_fetch.put(Job(wanted, seen.known, occupied=True, replace=overwrite))
        case Step.READ:
            raise AssertionError("read before")


def keep(run: DownloadRun, wanted: Wanted, known: Placed) -> None:
    """It is there, in its place. What the server's own checksum bears out counts as verified."""
    run.totals.verified += wanted.asset.sha1 is not None
    was = run.moved.get((wanted.collection, wanted.asset.id))
    if was is None and known.path != wanted.path:
        was = known.path  # a dry run: it would move
    size = known.fingerprint.size
    if was is None:
        run.finish(wanted, Outcome.UNCHANGED, size=size)
    else:
        run.finish(wanted, Outcome.MOVED, size=size, note=f"was {was}")

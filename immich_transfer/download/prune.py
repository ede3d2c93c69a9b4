"""Last stage of a mirror: files whose asset left its album, or the server.

Only after lists that are proven complete (law 5), only files that the manifest knows to be ours and
that nobody touched since, never more than `--max-delete` at once, and into a trash folder: what is
removed wrongly is a rename away.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Iterator, Sequence

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.part import read_hashes
from immich_transfer.disk.place import Destination, Folder, is_file, split
from immich_transfer.disk.refusals import write_error
from immich_transfer.errors import LimitReached, RunError, TransferError
from immich_transfer.model import AssetId, ItemResult, Outcome, Placed
from immich_transfer.policy.naming import part_name, with_suffix
from immich_transfer.policy.reconcile import same_file
from immich_transfer.policy.removal import allowed

from .move import remove_empty_folders
from .run import DownloadRun, Source
from .sidecars import SIDECARS, as_written, sidecar_name

COPY_BYTES = 1 << 20


async def prune(run: DownloadRun) -> None:
    """Remove, or count, what is ours and not wanted any more."""
    counts: dict[int, int] = {}
    emptied: list[str] = []
    total = 0
    for source in run.sources:
        here = await run.in_thread(run.manifest.placed_count, source.number)
        here += sum(placed.collection == source.number for placed in run.arrived)
        total += here
        gone = await run.in_thread(_count, run, source) if here else 0
        if gone:
            counts[source.number] = gone
        if here and gone == here:
            how = "gone from" if source.gone else "empty on"
            emptied.append(f"{source.title} is {how} the server, {here:,} files of it are here")
    count = sum(counts.values())
    if not run.options.delete:
        if count:
            run.note(
                f"{count:,} files here are not in their albums any more; --delete removes them"
            )
        return
    refusal = _refusal(run, count, total, emptied)
    if refusal is not None:
        run.cut(refusal)
        return
    trash = None if run.options.trash_dir == "" else Trash(_trash(run))
    try:
        for source in run.sources:
            if source.number in counts:
                await _prune(run, source, trash)
    finally:
        if trash is not None:
            trash.close()
    await run.in_thread(remove_empty_folders, run)
    if trash is not None and trash.used:
        run.note(f"removed files are in {trash.path}")
    for source in run.sources:
        if source.gone and not run.stopping:
            await run.in_thread(run.manifest.drop_collection, source.number)


def _refusal(run: DownloadRun, count: int, total: int, emptied: list[str]) -> LimitReached | None:
    """Why nothing may be removed at all."""
    if emptied and not _everything_may_go(run):
        # An album that is suddenly empty is likelier a mistake than a wish.
        more = f" (and {len(emptied) - 1:,} more like it)" if len(emptied) > 1 else ""
        return LimitReached(
            f"{emptied[0]}{more}: nothing was removed", hint="--max-delete 100% removes them all"
        )
    most = allowed(run.options.max_delete, total)
    if count > most:
        return LimitReached(
            f"{count:,} of {total:,} files would be removed, more than the {most:,} that"
            " --max-delete allows: none was",
            hint="look at it with --dry-run, then raise --max-delete",
        )
    return None


async def _prune(run: DownloadRun, source: Source, trash: Trash | None) -> None:
    """Remove what left one collection."""
    for page in leaving(run, source):
        if run.stopping:
            return
        items, error = await run.in_thread(_remove, run, page, trash)
        for item in items:
            run.enter_extra(item)
        if error is not None:
            run.cut(error)


def _everything_may_go(run: DownloadRun) -> bool:
    most = run.options.max_delete
    return isinstance(most, float) and most >= 1.0


def _count(run: DownloadRun, source: Source) -> int:
    return sum(len(page) for page in leaving(run, source))


def leaving(run: DownloadRun, source: Source) -> Iterator[list[Placed]]:
    """Files of a collection whose asset is not in it any more."""
    arrived = [placed for placed in run.arrived if placed.collection == source.number]
    for page in itertools.chain(run.manifest.every_placed(run.mirror, source.number), [arrived]):
        held = run.catalog.holds(source.number, [placed.asset_id for placed in page])
        left = [placed for placed in page if placed.asset_id not in held]
        if left:
            yield left


def _trash(run: DownloadRun) -> str:
    """Where removed files go."""
    return run.options.trash_dir or os.path.join(run.transfer.state_dir, "trash", run.name)


def _remove(
    run: DownloadRun, page: list[Placed], trash: Trash | None
) -> tuple[list[ItemResult], RunError | None]:
    """Remove one page of files; what became of each, and what ended it before its end."""
    items: list[ItemResult] = []
    forgotten: list[tuple[int, AssetId]] = []
    cut: RunError | None = None
    copies = run.manifest.placed_copies(run.mirror, [placed.asset_id for placed in page])
    for placed in page:
        if _held_by_another(run, placed, copies.get(placed.asset_id, ())):
            forgotten.append((placed.collection, placed.asset_id))
            continue
        try:
            outcome, said = _remove_one(run, placed, trash)
        except RunError as error:
            cut = error
            break
        except TransferError as error:
            run.books.blame(error)
            items.append(_item(placed, Outcome.FAILED, error=error.message))
            continue
        # What was changed is the user's own from now on, so it is said once.
        forgotten.append((placed.collection, placed.asset_id))
        if outcome is Outcome.REMOVED:
            items.append(_item(placed, outcome, note=said))
        else:
            items.append(_item(placed, outcome, reason=said))
    if not run.dry:
        run.manifest.unplace(forgotten)
    return items, cut


def _held_by_another(run: DownloadRun, placed: Placed, copies: Sequence[Placed]) -> bool:
    """Whether the file is there for another collection, too: then only this one lets go of it.
    The last to let go removes it; in a dry run, where none does, the one with the highest number
    stands for the last."""
    others = [c for c in copies if c.path == placed.path and c.collection != placed.collection]
    if not run.dry or not others:
        return bool(others)
    listed = {source.number for source in run.sources}
    staying = any(
        c.collection not in listed or run.catalog.holds(c.collection, [c.asset_id]) for c in others
    )
    return staying or placed.collection < max(c.collection for c in others)


def _item(placed: Placed, outcome: Outcome, **said: str | None) -> ItemResult:
    return ItemResult(
        outcome,
        placed.path,
        placed.fingerprint.size,
        asset_id=placed.asset_id,
        sha1=placed.sha1,
        **said,
    )


def _remove_one(
    run: DownloadRun, placed: Placed, trash: Trash | None
) -> tuple[Outcome, str | None]:
    folder, name = split(placed.path)
    note = None
    try:
        with run.destination.folder(folder) as opened:
            status = opened.look(name)
            if status is None:
                note = "was not there any more"
            elif not _untouched(run, placed, opened, name, status):
                return Outcome.SKIPPED, "left the server, but was changed here: it stays"
            if run.dry:
                return Outcome.REMOVED, note
            # Sidecars first: a crash in between leaves the photo, which the next run takes up.
            names = [] if status is None else [name]
            for kind in SIDECARS:
                sidecar = sidecar_name(name, kind)
                if as_written(opened, sidecar, placed.sidecar_stamp):
                    names.insert(0, sidecar)
                elif placed.sidecar_stamp is not None and opened.look(sidecar) is not None:
                    note = note or f"{sidecar} was made or edited by somebody else: it stays"
            for each in names:
                if trash is None:
                    opened.remove(each)
                else:
                    trash.take(opened, each, folder)
            opened.sync()
    except FileNotFoundError:
        return Outcome.REMOVED, "was not there any more"
    except OSError as error:
        raise write_error(error, placed.path) from None
    run.left_folders.add(folder)
    return Outcome.REMOVED, note


def _untouched(
    run: DownloadRun, placed: Placed, folder: Folder, name: str, status: os.stat_result
) -> bool:
    """Whether a file is as we wrote it. A folder that was copied to another disk has new inodes
    everywhere, so there its bytes decide."""
    if not is_file(status):
        return False
    if same_file(placed.fingerprint, fingerprint(status)):
        return True
    if status.st_size != placed.fingerprint.size:
        return False
    _, sha1, _ = read_hashes(folder, name, on_bytes=run.still_wanted)
    run.totals.bytes_hashed += status.st_size
    return sha1 == placed.sha1


class Trash:
    """A folder that removed files go to, below the same path as before. Never over another one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.used = False
        self._place = Destination(path)

    def take(self, folder: Folder, name: str, below: str) -> None:
        """Move a file out of `folder`, across file systems if need be. Raises OSError."""
        os.makedirs(self.path, exist_ok=True)
        with self._place.folder(below, make=True) as target:
            for number in itertools.count(1):
                new = name if number == 1 else with_suffix(name, str(number))
                try:
                    _move(folder, name, target, new)
                except FileExistsError:
                    continue
                break
            target.sync()
        self.used = True

    def close(self) -> None:
        self._place.close()


def _move(folder: Folder, name: str, target: Folder, new: str) -> None:
    """Rename, or where that is not possible copy; the original goes once its copy is on disk."""
    try:
        folder.move(name, target, new)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    part = part_name(name, None)
    try:
        _copy(folder, name, target, part)
        target.move(part, target, new)
    except OSError:
        if target.look(part) is not None:
            target.remove(part)
        raise
    target.sync()
    folder.remove(name)


def _copy(folder: Folder, name: str, target: Folder, part: str) -> None:
    """Copy a file with its time, whole and durable."""
    with (
        os.fdopen(folder.open_read(name), "rb", buffering=0) as source,
        os.fdopen(target.open_write(part), "r+b") as copy,
    ):
        copy.truncate()
        shutil.copyfileobj(source, copy, COPY_BYTES)
        copy.flush()
        status = os.fstat(source.fileno())
        if os.utime in os.supports_fd:
            os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(copy.fileno())
        whole = os.fstat(copy.fileno()).st_size == status.st_size
    if not whole:
        raise OSError(errno.EIO, "the copy is not whole")

"""Last stage of a mirror: files whose asset left its album, or the server.

Only after lists that are proven complete (law 5), only files that the manifest knows to be ours and
that nobody touched since, never more than `--max-delete` at once, and into a trash folder: what is
removed wrongly is a rename away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.place import split, write_error
from immich_transfer.errors import LimitReached, TransferError
from immich_transfer.model import AssetId, ItemResult, Outcome, Placed
from immich_transfer.policy.reconcile import same_file
from immich_transfer.policy.removal import allowed

from .move import remove_empty_folders
from .run import DownloadRun, Source
from .sidecars import sidecar_name


async def prune(run: DownloadRun) -> None:
    """Remove, or count, what is ours and not wanted any more."""
    counts: dict[int, int] = {}
    total = 0
    for source in run.sources:
        here = await run.in_thread(run.manifest.placed_count, source.number)
        total += here
        gone = await run.in_thread(_count, run, source) if here else 0
        if gone:
            counts[source.number] = gone
        if here and gone == here and not _everything_may_go(run):
            # An album that is suddenly empty is likelier a mistake than a wish.
            what = f"{source.title} is {'gone from' if source.gone else 'empty on'} the server"
            if not run.options.delete:
                run.note(f"{what}; its {gone:,} files here stay")
                return
            run.cut(
                LimitReached(
                    f"{what}: its {gone:,} files here were not removed",
                    hint="--max-delete 100% removes them all",
                )
            )
            return
    count = sum(counts.values())
    if not count:
        return
    if not run.options.delete:
        run.note(f"{count:,} files here are not in their albums any more; --delete removes them")
        return
    most = allowed(run.options.max_delete, total)
    if count > most:
        run.cut(
            LimitReached(
                f"{count:,} of {total:,} files would be removed, more than the {most:,} that"
                " --max-delete allows: none was",
                hint="look at it with --dry-run, then raise --max-delete",
            )
        )
        return
    trash = _trash(run)
    for source in run.sources:
        if source.number in counts:
            for page in leaving(run, source):
                if run.stopping:
                    return
                for item in await run.in_thread(_remove, run, page, trash):
                    run.enter_extra(item)
    await run.in_thread(remove_empty_folders, run)
    if trash is not None and not run.dry:
        run.note(f"removed files are in {trash}")
    for source in run.sources:
        if source.gone:
            await run.in_thread(run.manifest.drop_collection, source.number)


def _everything_may_go(run: DownloadRun) -> bool:
    most = run.options.max_delete
    return isinstance(most, float) and most >= 1.0


def _count(run: DownloadRun, source: Source) -> int:
    return sum(len(page) for page in leaving(run, source))


def leaving(run: DownloadRun, source: Source) -> Iterator[list[Placed]]:
    """Files of a collection whose asset is not in it any more."""
    for page in run.manifest.every_placed(run.mirror, source.number):
        held = run.catalog.holds(source.number, [placed.asset_id for placed in page])
        left = [placed for placed in page if placed.asset_id not in held]
        if left:
            yield left


def _trash(run: DownloadRun) -> str | None:
    """Where removed files go; None when they are deleted for good."""
    asked = run.options.trash_dir
    if asked == "":
        return None
    return asked or os.path.join(run.transfer.state_dir, "trash", run.name)


def _remove(run: DownloadRun, page: list[Placed], trash: str | None) -> list[ItemResult]:
    items: list[ItemResult] = []
    forgotten: list[tuple[int, AssetId]] = []
    for placed in page:
        try:
            outcome, said = _remove_one(run, placed, trash)
        except TransferError as error:
            items.append(_item(placed, Outcome.FAILED, error=error.message))
            continue
        if outcome is Outcome.REMOVED:
            forgotten.append((placed.collection, placed.asset_id))
            items.append(_item(placed, outcome, note=said))
        else:
            items.append(_item(placed, outcome, reason=said))
    if not run.dry:
        run.manifest.unplace(forgotten)
    return items


def _item(placed: Placed, outcome: Outcome, **said: str | None) -> ItemResult:
    return ItemResult(
        outcome,
        placed.path,
        placed.fingerprint.size,
        asset_id=placed.asset_id,
        sha1=placed.sha1,
        **said,
    )


def _remove_one(run: DownloadRun, placed: Placed, trash: str | None) -> tuple[Outcome, str | None]:
    folder, name = split(placed.path)
    try:
        with run.destination.folder(folder) as opened:
            status = opened.look(name)
            if status is None:
                return Outcome.REMOVED, "was not there any more"
            if not same_file(placed.fingerprint, fingerprint(status)):
                return Outcome.SKIPPED, "left the server, but was changed here: it stays"
            if run.dry:
                return Outcome.REMOVED, None
            names = [name]
            if placed.sidecar_stamp is not None:
                names += [sidecar_name(name, kind) for kind in ("xmp", "json")]
            for each in names:
                if opened.look(each) is None:
                    continue
                if trash is None:
                    opened.remove(each)
                else:
                    _to_trash(opened.path, each, os.path.join(trash, folder))
            opened.sync()
    except FileNotFoundError:
        return Outcome.REMOVED, "was not there any more"
    except OSError as error:
        raise write_error(error, placed.path) from None
    run.left_folders.add(folder)
    return Outcome.REMOVED, None


def _to_trash(folder: str, name: str, trash: str) -> None:
    """Move a file out, across file systems if need be; never over another one."""
    os.makedirs(trash, exist_ok=True)
    target = os.path.join(trash, name)
    number = 1
    while os.path.lexists(target):
        number += 1
        target = os.path.join(trash, f"{number} {name}"[:255])
    source = os.path.join(folder, name)
    with suppress(OSError):
        os.rename(source, target)
        return
    shutil.copy2(source, target, follow_symlinks=False)
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    os.unlink(source)

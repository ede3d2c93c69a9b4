"""Mirror: files whose album was renamed, or whose name changed on the server, are renamed here.

Each rename is promised to the manifest before it is made, so that a crash in between is seen and
finished by the next run. A name that another file of ours is about to leave is reached in two
steps, over a name of its own. A local file that we do not know is never in danger: it is set aside.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.place import is_file, split, write_error
from immich_transfer.errors import ItemError, TransferError
from immich_transfer.manifest.catalog import Wanted
from immich_transfer.model import Placed
from immich_transfer.policy.naming import name_key, part_name
from immich_transfer.policy.reconcile import same_file

from .places import set_aside
from .run import DownloadRun
from .sidecars import sidecar_name


def recover(run: DownloadRun) -> None:
    """Find out how the renames ended that a crash interrupted."""
    rows = []
    for placed, target in run.manifest.moves(run.mirror):
        arrived = _looks_like(run, placed, target)
        if arrived and _looks_like(run, placed, placed.path):
            _remove(run, placed.path)  # linked to its new name, but not yet unlinked
        rows.append(msgspec.structs.replace(placed, path=target) if arrived else placed)
    run.manifest.place(run.mirror, rows)


def _looks_like(run: DownloadRun, placed: Placed, path: str) -> bool:
    folder, name = split(path)
    try:
        with run.destination.folder(folder) as opened:
            status = opened.look(name)
    except (OSError, ItemError):
        return False
    return (
        status is not None
        and is_file(status)
        and same_file(placed.fingerprint, fingerprint(status))
    )


def _remove(run: DownloadRun, path: str) -> None:
    folder, name = split(path)
    with run.destination.folder(folder) as opened:
        opened.remove(name)


async def follow_renames(run: DownloadRun) -> None:
    """Give every file of ours the name the plan has for it."""
    batches = run.catalog.wanted()
    parked: list[tuple[Wanted, Placed]] = []
    while not run.stopping:
        batch = await run.in_thread(next, batches, None)
        if batch is None:
            break
        await run.in_thread(_follow, run, batch, parked)
    if parked and not run.stopping:
        await run.in_thread(_unpark, run, parked)
    await run.in_thread(remove_empty_folders, run)


def _follow(run: DownloadRun, batch: Sequence[Wanted], parked: list[tuple[Wanted, Placed]]) -> None:
    moving: list[tuple[Wanted, Placed, str]] = []
    for number in {wanted.collection for wanted in batch}:
        here = {w.asset.id: w for w in batch if w.collection == number}
        for asset_id, placed in run.manifest.placed(number, list(here)).items():
            wanted = here[asset_id]
            if placed.path == wanted.path:
                continue
            folder, _ = split(wanted.path)
            temporary = part_name(f"{asset_id}-m", placed.sha1)
            way = f"{folder}/{temporary}" if folder else temporary
            moving.append((wanted, placed, way if _occupied_by_ours(run, wanted) else wanted.path))
    if not moving:
        return
    run.manifest.intend_moves((w.collection, w.asset.id, target) for w, _, target in moving)
    done: list[Placed] = []
    for wanted, placed, target in moving:
        arrived = _rename(run, wanted, placed, target)
        if arrived is None:
            done.append(placed)  # it could not move, or is not there: comparing will tell
            continue
        done.append(arrived)
        if target != wanted.path:
            parked.append((wanted, arrived))
        run.moved.setdefault((wanted.collection, wanted.asset.id), placed.path)
    run.manifest.place(run.mirror, done)


def _unpark(run: DownloadRun, parked: Sequence[tuple[Wanted, Placed]]) -> None:
    """Second step of those whose name was still taken by another file of ours."""
    run.manifest.intend_moves((w.collection, w.asset.id, w.path) for w, _ in parked)
    arrived = [(_rename(run, w, placed, w.path), placed) for w, placed in parked]
    run.manifest.place(run.mirror, [after or before for after, before in arrived])


def _occupied_by_ours(run: DownloadRun, wanted: Wanted) -> bool:
    """Whether the name still belongs to a file of ours that is yet to move."""
    key = name_key(wanted.path)
    holder = run.manifest.name_holders(run.mirror, [key]).get(key)
    return holder is not None and holder != (wanted.collection, wanted.asset.id)


def _rename(run: DownloadRun, wanted: Wanted, placed: Placed, target: str) -> Placed | None:
    """Rename one file, its sidecar with it. None when it is not there or cannot be moved."""
    from_folder, from_name = split(placed.path)
    to_folder, to_name = split(target)
    try:
        with run.destination.folder(from_folder) as source:
            if source.look(from_name) is None:
                return None
            with run.destination.folder(to_folder, make=True) as folder:
                try:
                    source.move(from_name, folder, to_name)
                except FileExistsError:
                    aside = set_aside(folder, to_name)
                    run.note_soon(f"{target} was in the way of ours and is now {aside}")
                    source.move(from_name, folder, to_name)
                if placed.sidecar_stamp is not None:
                    for kind in ("xmp", "json"):
                        old = sidecar_name(from_name, kind)
                        if source.look(old) is not None:
                            source.move(old, folder, sidecar_name(to_name, kind))
                folder.sync()
            source.sync()
    except FileExistsError:
        pass  # the sidecar's name is taken: it stays where it was
    except (OSError, TransferError) as error:
        if isinstance(error, OSError):
            error = write_error(error, os.path.join(run.destination.root, target))
        run.note_soon(f"{placed.path} could not be renamed: {error.message}")
        return None
    run.left_folders.add(from_folder)
    base = wanted.base if target == wanted.path else placed.base
    return msgspec.structs.replace(placed, path=target, base=base)


def remove_empty_folders(run: DownloadRun) -> None:
    """Folders that files of ours left and that hold nothing now, and their parents."""
    for relative in sorted(run.left_folders, key=lambda path: path.count("/"), reverse=True):
        while relative:
            parent, name = split(relative)
            run.destination.forget(relative)
            try:
                with run.destination.folder(parent) as folder:
                    folder.remove_folder(name)
                    folder.sync()
            except (OSError, ItemError):
                break  # not empty, or not there
            relative = parent
    run.left_folders.clear()

"""Mirror: files whose album was renamed, or whose name changed on the server, are renamed here.

Each rename is promised to the manifest before it is made, so that a crash in between is seen and
finished by the next run. A name that a file of ours holds - another one that is about to leave it,
or the same one in other letters - is reached in two steps, over a name of its own: first everything
leaves, then everything arrives. A local file that we do not know is never in danger: it is set
aside, and a sidecar that is not as we wrote it stays where it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.place import is_file, join, split
from immich_transfer.disk.refusals import write_error
from immich_transfer.errors import ItemError
from immich_transfer.manifest.catalog import Wanted
from immich_transfer.model import AssetId, Placed
from immich_transfer.policy.naming import is_part, name_key, part_name, with_suffix
from immich_transfer.policy.reconcile import same_file

from .places import set_aside
from .run import DownloadRun
from .sidecars import SIDECARS, as_written, sidecar_name

HOME_TRIES = 100


class _Trip(msgspec.Struct):
    """What the renames of one run share."""

    parked: set[int]
    """Numbers of wanted files that wait under a name of their own."""
    touched: set[str]
    """Folders whose names changed since they were last synced."""
    stayed: int = 0
    """Sidecars that were left behind, and the first of them."""
    first_stayed: str = ""


# after a crash


def recover(run: DownloadRun) -> None:
    """Settle the renames that a crash or a stop interrupted."""
    rows = []
    trip = _Trip(set(), set())
    for placed, target in run.manifest.moves(run.mirror):
        path = _settle_interrupted(run, placed, target, trip)
        if path is not None:
            rows.append(msgspec.structs.replace(placed, path=path))
    _sync(run, trip)
    run.manifest.place(run.mirror, rows)


def _settle_interrupted(run: DownloadRun, placed: Placed, target: str, trip: _Trip) -> str | None:
    """The path of a file that was on its way; None when it cannot be settled now."""
    parked = next((p for p in (placed.path, target) if is_part(split(p)[1])), None)
    if parked is None:
        old, new = placed.path, target
        if not _looks_like(run, placed, new):
            _carry_sidecars(run, placed, new, old, trip)  # went ahead of a photo that is not there
            return old
    else:
        old, new = parked, target if parked == placed.path else placed.path
        if not _looks_like(run, placed, new):
            return _bring_home(run, placed, parked, new, trip)
    if _looks_like(run, placed, old):
        _remove(run, old)  # linked to its new name, but not yet unlinked
    _carry_sidecars(run, placed, old, new, trip)
    return new


def _bring_home(
    run: DownloadRun, placed: Placed, parked: str, home: str, trip: _Trip
) -> str | None:
    """Give a parked file a name that people see: its own, or one like it."""
    folder, name = split(home)
    suffix = placed.asset_id.replace("-", "")[:8]
    for number in range(HOME_TRIES):
        end = suffix if number == 1 else f"{suffix} {number}"
        path = join(folder, with_suffix(name, end) if number else name)
        try:
            there = _rename(run, placed, parked, path, trip, aside=False)
        except FileExistsError:
            continue
        except ItemError as error:
            run.note_soon(f"{parked} could not be renamed to {path}: {error.message}")
            return None
        return path if there else home
    return None


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
    run.left_folders.add(folder)


# in a run


async def follow_renames(run: DownloadRun) -> None:
    """Give every file of ours the name the plan has for it."""
    trip = _Trip(set(), set())
    await _in_batches(run, lambda batch: _follow(run, batch, trip))
    if trip.parked:
        await _in_batches(run, lambda batch: _arrive(run, batch, trip))
    if trip.stayed:
        more = f" and {trip.stayed - 1:,} more" if trip.stayed > 1 else ""
        run.note(
            f"{trip.first_stayed}{more}: made or edited by somebody else, left where it was when"
            " the photo was renamed"
        )
    await run.in_thread(remove_empty_folders, run)


async def _in_batches(run: DownloadRun, work: Callable[[list[Wanted]], None]) -> None:
    batches = run.catalog.wanted()
    while not run.stopping:
        batch = await run.in_thread(next, batches, None)
        if batch is None:
            break
        await run.in_thread(work, batch)


def _pairs(run: DownloadRun, batch: Sequence[Wanted]) -> list[tuple[Wanted, Placed]]:
    """Wanted files that are ours already."""
    pairs = []
    for number in sorted({wanted.collection for wanted in batch}):
        here = {w.asset.id: w for w in batch if w.collection == number}
        placed = run.manifest.placed(number, list(here))
        pairs += [(here[asset_id], row) for asset_id, row in placed.items()]
    return pairs


def _follow(run: DownloadRun, batch: Sequence[Wanted], trip: _Trip) -> None:
    """First step: files whose name is free take it, the others leave theirs."""
    moving: list[tuple[Wanted, Placed]] = []
    done: list[Placed] = []
    pairs = [(w, p) for w, p in _pairs(run, batch) if (p.path, p.base) != (w.path, w.base)]
    copies = run.manifest.placed_copies(run.mirror, [w.asset.id for w, _ in pairs])
    for wanted, placed in pairs:
        having = copies[placed.asset_id]
        others = [c for c in having if c.path == placed.path and c.collection != placed.collection]
        if placed.path != wanted.path and not others:
            moving.append((wanted, placed))
            continue
        # Another collection has the file in this very place: the last one to leave takes it along,
        # to where the others will find it, or it is linked to.
        done.append(msgspec.structs.replace(placed, path=wanted.path, base=wanted.base))
        if placed.path != wanted.path:
            having.remove(placed)
    held = run.manifest.name_holders(run.mirror, [name_key(w.path) for w, _ in moving])
    ways = [
        (w, placed, _parking(placed, w.path) if name_key(w.path) in held else w.path)
        for w, placed in moving
    ]
    run.manifest.intend_moves((w.collection, w.asset.id, way) for w, _, way in ways)
    on_the_way: dict[tuple[int, AssetId], str] = {}
    for wanted, placed, way in ways:
        own = (wanted.collection, wanted.asset.id)
        try:
            there = _rename(run, placed, placed.path, way, trip)
        except ItemError as error:
            run.note_soon(f"{placed.path} could not be renamed: {error.message}")
            done.append(placed)
            continue
        if there and way != wanted.path:
            trip.parked.add(wanted.number)
            on_the_way[own] = wanted.path
            done.append(msgspec.structs.replace(placed, path=way))
        else:
            if not there:
                # It moves in our memory alone: comparing will tell. Its sidecar waits for it there.
                _carry_sidecars(run, placed, placed.path, wanted.path, trip)
            done.append(msgspec.structs.replace(placed, path=wanted.path, base=wanted.base))
        if there:
            run.moved.setdefault(own, placed.path)
    _sync(run, trip)
    run.manifest.place(run.mirror, done, moving=on_the_way)


def _arrive(run: DownloadRun, batch: Sequence[Wanted], trip: _Trip) -> None:
    """Second step: what waits takes its name, which all others of ours have left."""
    waiting = [w for w in batch if w.number in trip.parked]
    pairs = _pairs(run, waiting)
    held = run.manifest.name_holders(run.mirror, [name_key(w.path) for w, _ in pairs])
    done: list[Placed] = []
    evicted: list[tuple[int, AssetId]] = []
    for wanted, placed in pairs:
        try:
            there = _rename(run, placed, placed.path, wanted.path, trip)
        except ItemError as error:
            # Its promise stays, so the next run finds it where it waits.
            run.note_soon(f"{wanted.path} could not be reached: {error.message}")
            continue
        holder = held.get(name_key(wanted.path))
        if there and holder is not None and holder[1] != wanted.asset.id:
            evicted.append(holder)  # it could not be renamed, and is set aside like a stranger's
        done.append(msgspec.structs.replace(placed, path=wanted.path, base=wanted.base))
    _sync(run, trip)
    run.manifest.unplace(evicted)
    run.manifest.place(run.mirror, done)


def _parking(placed: Placed, path: str) -> str:
    """A name of its own beside where the file is to be."""
    own = f"{placed.asset_id}-m{placed.collection}"
    return join(split(path)[0], part_name(own, placed.sha1))


def _rename(
    run: DownloadRun, placed: Placed, path: str, target: str, trip: _Trip, *, aside: bool = True
) -> bool:
    """Rename one file, its sidecar with it. False when it is not there.

    What is in the way is set aside, or with `aside` False is a FileExistsError. Other refusals are
    what `write_error` makes of them.
    """
    from_folder, from_name = split(path)
    to_folder, to_name = split(target)
    try:
        with run.destination.folder(from_folder) as source:
            status = source.look(from_name)
            if status is None or not is_file(status):
                return False
            with run.destination.folder(to_folder, make=True) as folder:
                try:
                    source.move(from_name, folder, to_name)
                except FileExistsError:
                    if not aside:
                        raise
                    gone_to = set_aside(folder, to_name)
                    run.note_soon(f"{target} was in the way of ours and is now {gone_to}")
                    source.move(from_name, folder, to_name)
    except FileNotFoundError:
        return False
    except OSError as error:
        if isinstance(error, FileExistsError) and not aside:
            raise
        raise write_error(error, os.path.join(run.destination.root, target)) from None
    _carry_sidecars(run, placed, path, target, trip)
    run.left_folders.add(from_folder)
    trip.touched |= {from_folder, to_folder}
    return True


def _carry_sidecars(run: DownloadRun, placed: Placed, path: str, target: str, trip: _Trip) -> None:
    """Rename the sidecar of a file that was renamed, if it is as we wrote it."""
    if placed.sidecar_stamp is None:
        return
    from_folder, from_name = split(path)
    to_folder, to_name = split(target)
    try:
        with run.destination.folder(from_folder) as source:
            for kind in SIDECARS:
                old = sidecar_name(from_name, kind)
                if as_written(source, old, placed.sidecar_stamp):
                    with run.destination.folder(to_folder, make=True) as folder:
                        source.move(old, folder, sidecar_name(to_name, kind))
                    run.left_folders.add(from_folder)
                    trip.touched |= {from_folder, to_folder}
                elif source.look(old) is not None:
                    trip.stayed += 1
                    trip.first_stayed = trip.first_stayed or join(from_folder, old)
    except (OSError, ItemError):
        pass  # what stays behind is made anew for the new name


def _sync(run: DownloadRun, trip: _Trip) -> None:
    """Make the renames durable, before the manifest says that they are done."""
    sync_folders(run, trip.touched)
    trip.touched.clear()


def sync_folders(run: DownloadRun, folders: Iterable[str]) -> None:
    """Make the names in them durable, as far as they are still there."""
    for relative in sorted(folders):
        with suppress(OSError, ItemError), run.destination.folder(relative) as folder:
            folder.sync()


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

"""After a crash: files that had got their final names, and that the manifest only had a promise of.

They are placed before anything else is looked at, so that a mirror whose asset left meanwhile knows
them as its own. The very file tells, not its bytes: a copy of the same photo that somebody put
there is somebody's. (An asset that is still wanted has its file recognised by its bytes later.)
"""

from __future__ import annotations

from enum import Enum, auto

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.part import drop_part
from immich_transfer.disk.place import is_file, split
from immich_transfer.errors import ItemError
from immich_transfer.model import Placed
from immich_transfer.policy.naming import part_name
from immich_transfer.policy.reconcile import same_file

from .move import sync_folders
from .run import DownloadRun
from .sidecars import SIDECARS, as_written, sidecar_name


class _Seen(Enum):
    """What is to be seen of a promise."""

    ARRIVED = auto()
    WAS_THERE = auto()
    """Its sidecar is; somebody changed or removed the photo since."""
    NEVER = auto()
    UNKNOWN = auto()
    """Its folder is not there, or cannot be looked into: a disk that is not mounted, for one."""


def settle_arrivals(run: DownloadRun, *, last: bool = False) -> None:
    """Place what arrived, and strike off what did not. What cannot be known stays promised; but at
    the end of a run that went well (`last`) what is not there never came."""
    came: list[Placed] = []
    gone: list[Placed] = []
    for promised in run.manifest.arrivals(run.mirror):
        match _look(run, promised):
            case _Seen.ARRIVED:
                came.append(promised)
            case _Seen.WAS_THERE if _is_new(run, promised):
                came.append(promised)
            case _Seen.WAS_THERE | _Seen.NEVER:
                gone.append(promised)
            case _Seen.UNKNOWN:
                if last:
                    gone.append(promised)
    for placed in came:
        folder, _ = split(placed.path)
        listed = placed.sha1 if placed.proven else None
        drop_part(run.destination, folder, part_name(placed.asset_id, listed))
    sync_folders(run, {split(placed.path)[0] for placed in came})
    run.manifest.place(run.mirror, came, arrived=True)
    run.manifest.end_arrivals((placed.collection, placed.asset_id) for placed in gone)


def read_arrivals(run: DownloadRun) -> None:
    """For a run that changes nothing: what a real one would place."""
    run.arrived = [
        promised
        for promised in run.manifest.arrivals(run.mirror)
        if _look(run, promised) in (_Seen.ARRIVED, _Seen.WAS_THERE) and _is_new(run, promised)
    ]


def _look(run: DownloadRun, promised: Placed) -> _Seen:
    relative, name = split(promised.path)
    try:
        with run.destination.folder(relative) as folder:
            status = folder.look(name)
            seen = fingerprint(status) if status is not None and is_file(status) else None
            if seen is not None and same_file(promised.fingerprint, seen):
                return _Seen.ARRIVED
            names = (sidecar_name(name, kind) for kind in SIDECARS)
            if any(as_written(folder, each, promised.sidecar_stamp) for each in names):
                return _Seen.WAS_THERE
    except (OSError, ItemError):
        return _Seen.UNKNOWN
    return _Seen.NEVER


def _is_new(run: DownloadRun, promised: Placed) -> bool:
    """No earlier file of the asset is placed there: its row would know the sidecar, too."""
    return not run.manifest.placed(promised.collection, [promised.asset_id])

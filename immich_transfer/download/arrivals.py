"""After a crash: files that had got their final names, and that the manifest only had a promise of.

They are placed before anything else is looked at, so that a mirror whose asset left meanwhile knows
them as its own. What stands under a promised name and is not what was promised is somebody else's.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.part import drop_part
from immich_transfer.disk.place import Folder, split
from immich_transfer.errors import ItemError
from immich_transfer.model import Placed
from immich_transfer.policy.naming import part_name

from .places import untouched
from .run import DownloadRun
from .sidecars import SIDECARS, as_written, sidecar_name


def settle_arrivals(run: DownloadRun) -> None:
    """Place what arrived, and strike off what did not."""
    came: list[Placed] = []
    gone: list[Placed] = []
    for promised in run.manifest.arrivals(run.mirror):
        with suppress(OSError, ItemError):  # what cannot be judged now stays promised
            arrived = _arrived(run, promised)
            if arrived is None:
                gone.append(promised)
            else:
                came.append(arrived)
    for relative in sorted({split(placed.path)[0] for placed in came}):
        with suppress(OSError, ItemError), run.destination.folder(relative) as folder:
            folder.sync()
    run.manifest.place(run.mirror, came)
    run.manifest.end_arrivals((placed.collection, placed.asset_id) for placed in gone)


def _arrived(run: DownloadRun, promised: Placed) -> Placed | None:
    """The file as it is; None when there is none, or another."""
    relative, name = split(promised.path)
    known = run.manifest.placed(promised.collection, [promised.asset_id]).get(promised.asset_id)
    before = None if known is None else known.sidecar_stamp
    try:
        with run.destination.folder(relative) as folder:
            status = folder.look(name)
            if status is None or not untouched(run, promised, folder, name, status):
                return None
            stamp = _sidecar(folder, name, promised.sidecar_stamp, before)
    except FileNotFoundError:
        return None
    listed = promised.sha1 if promised.proven else None
    drop_part(run.destination, relative, part_name(promised.asset_id, listed))
    return msgspec.structs.replace(promised, fingerprint=fingerprint(status), sidecar_stamp=stamp)


def _sidecar(folder: Folder, name: str, promised: str | None, before: str | None) -> str | None:
    """The stamp of the sidecar that is there: the promised one, or that of before. One of the other
    kind goes once the new one is there."""
    if promised == before:
        return before
    names = [sidecar_name(name, kind) for kind in SIDECARS]
    if not any(as_written(folder, each, promised) for each in names):
        return before
    for each in names:
        if as_written(folder, each, before) and not as_written(folder, each, promised):
            folder.remove(each)
    return promised

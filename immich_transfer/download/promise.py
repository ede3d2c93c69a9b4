"""What is about to appear below the destination is told to the manifest first, part files and final
names alike: a crash leaves nothing that nobody knows. `arrivals` reads the names after one."""

from __future__ import annotations

from collections.abc import Sequence

from immich_transfer.disk.place import split
from immich_transfer.errors import ItemError
from immich_transfer.model import Part, Placed

from .run import DownloadRun


def promise_names(run: DownloadRun, rows: Sequence[Placed], *, durable: bool = False) -> None:
    """Remember files that are about to get their final names, as they will be placed; through a
    power cut, too, if asked for: where their bytes were just synced, one sync more costs little."""
    run.manifest.begin_arrivals(run.mirror, rows, durable=durable)


def promise_parts(run: DownloadRun, parts: Sequence[Part]) -> None:
    """Remember part files that are about to be made.

    One that an earlier run left elsewhere (its album had another name) goes first: it is forgotten
    with this.
    """
    for part in parts:
        old = run.parts.get(part.asset_id)
        if old is not None and old.path != part.path:
            remove_part(run, old)
            run.parts[part.asset_id] = part
    run.manifest.begin_parts(run.mirror, parts)


def remove_part(run: DownloadRun, part: Part) -> None:
    folder, name = split(part.path)
    try:
        with run.destination.folder(folder) as opened:
            if opened.look(name) is not None:
                opened.remove(name)
    except (OSError, ItemError):
        pass  # its folder is gone, or not ours to touch

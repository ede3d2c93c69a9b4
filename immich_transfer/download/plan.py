"""Second stage: every asset gets its place below the destination, the same in every run.

A file we placed keeps its path as long as the layout makes the same of its asset; `download` keeps
it in any case, `mirror` follows. The others are named in the order of their ids: of several that
want one name the lowest id gets it, the rest carry a piece of their own id.
"""

from __future__ import annotations

from collections.abc import Sequence

from immich_transfer.disk.place import join, split
from immich_transfer.events import Discovered, WalkDone
from immich_transfer.manifest.names import Naming
from immich_transfer.model import AssetId, RemoteAsset
from immich_transfer.policy.naming import distinct, live_video_name, name_key

from .run import DownloadRun, Source


async def plan(run: DownloadRun) -> None:
    """Name all files and put them into the books."""
    count = await run.in_thread(_plan, run)
    run.planned(count)
    run.bytes_planned = await run.in_thread(run.catalog.bytes_wanted)
    run.listener(Discovered(count, run.bytes_planned))
    run.listener(WalkDone())


def _plan(run: DownloadRun) -> int:
    for source in run.sources:
        for batch in run.catalog.members(source.number, videos=False):
            assets = [asset for asset, _ in batch]
            bases = [join(*source.layout.render(a, album=source.folder)) for a in assets]
            _name(run, source, assets, bases)
    _settle_names(run)
    for source in run.sources:
        for batch in run.catalog.members(source.number, videos=True):
            stills = run.catalog.paths(source.number, [still for _, still in batch if still])
            videos, bases = [], []
            for video, still in batch:
                path = stills.get(still) if still is not None else None
                if path is None:
                    # Its still is not there any more: then it is a video like any other.
                    base = join(*source.layout.render(video, album=source.folder))
                else:
                    folder, name = split(path)
                    base = join(folder, live_video_name(name, video.name))
                videos.append(video)
                bases.append(base)
            _name(run, source, videos, bases)
    _settle_names(run)
    return run.catalog.seal()


def _name(
    run: DownloadRun, source: Source, assets: Sequence[RemoteAsset], bases: Sequence[str]
) -> None:
    """Files of earlier runs keep their names, the others wait for theirs. What another collection
    has put in the same place is there for this one, too."""
    placed = run.manifest.placed(source.number, [asset.id for asset in assets])
    new = [asset.id for asset in assets if asset.id not in placed]
    copies = run.manifest.placed_copies(run.mirror, new)
    rows = []
    for asset, base in zip(assets, bases, strict=True):
        known = placed.get(asset.id)
        path = was = None
        if known is None:
            path = next((c.path for c in copies.get(asset.id, ()) if c.base == base), None)
        else:
            if known.base == base or not run.options.mirror:
                path = known.path
            else:
                was = name_key(known.path)
        rows.append(
            Naming(
                source.number,
                asset.id,
                base,
                name_key(base),
                path,
                None if path is None else name_key(path),
                was,
            )
        )
    run.catalog.name(rows)


def _settle_names(run: DownloadRun) -> None:
    """Name the files that wait, a group of one wish at a time."""
    for groups in run.catalog.unnamed():
        keys = [group[0].base_key for group in groups]
        held = _held(run, keys)
        given: list[tuple[int, AssetId, str, str]] = []
        made: set[str] = set()
        crowded: list[list[Naming]] = []
        for group in groups:
            first = group[0]
            if len(group) == 1 and first.base_key not in held:
                given.append((first.collection, first.asset_id, first.base, first.base_key))
                made.add(first.base_key)
            else:
                crowded.append(group)
        for group in crowded:
            for row, path in _apart(run, group, group[0].base_key in held, made):
                key = name_key(path)
                made.add(key)
                given.append((row.collection, row.asset_id, path, key))
        run.catalog.give(given)


def _held(run: DownloadRun, keys: Sequence[str]) -> set[str]:
    """Which names belong to files that keep them: named in this run, or ours from other runs."""
    held = run.catalog.taken(keys)
    others = set(run.manifest.name_holders(run.mirror, keys))
    return held | (others - run.catalog.leaving(list(others)) if others else others)


def _apart(
    run: DownloadRun, group: Sequence[Naming], held: bool, made: set[str]
) -> list[tuple[Naming, str]]:
    """Different names for files that want the same one."""
    folder, _ = split(group[0].base)
    prefix = f"{name_key(folder)}/" if folder else ""
    own = group[0].base_key

    def taken(name: str) -> bool:
        key = prefix + name
        if key == own:
            return held
        return key in made or run.catalog.literal(key) or bool(_held(run, [key]))

    # An asset that is wanted here by several collections is one file.
    wishes = {row.asset_id: split(row.base)[1] for row in group}
    names = distinct(wishes.items(), taken)
    return [(row, join(folder, names[row.asset_id])) for row in group]

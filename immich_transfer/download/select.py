"""Zeroth stage: names become ids, before anything is listed or written.

What does not exist is a usage error that names what is near. A mirror remembers the ids of its
albums: one that was renamed is followed, one that is gone is an empty list, never a mistake of the
user's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from immich_transfer.config.options import Selection
from immich_transfer.errors import UsageError
from immich_transfer.immich.compat import VISIBILITY
from immich_transfer.immich.connect import Connection
from immich_transfer.immich.wire import Album
from immich_transfer.model import AssetId, Collection
from immich_transfer.policy.layout import ALBUM_LAYOUT, LIBRARY_LAYOUT, Layout
from immich_transfer.policy.naming import distinct, name_key, safe_name

from .run import DownloadRun, Source

LIBRARY_TITLE = "Library"


def require(connection: Connection, selection: Selection) -> None:
    """Every permission is asked for before the first list."""
    connection.require("asset.read", "asset.download", purpose="download")
    if selection.albums or selection.album_ids:
        connection.require("album.read", purpose="--album")
    if selection.people:
        connection.require("person.read", purpose="--person")
    if selection.tags:
        connection.require("tag.read", purpose="--tag")


async def choose(run: DownloadRun, layout: Layout | None, *, keep: bool = True) -> list[Source]:
    """What was asked for, as sources whose collections are in the manifest; with `keep` those that
    are new, or have a new title, are written there."""
    selection = run.options.selection
    known = run.manifest.collections(run.mirror)
    sources: list[Source] = []
    if selection.albums or selection.album_ids:
        sources += await _albums(run, selection, known, layout or Layout.parse(ALBUM_LAYOUT))
    library = layout or Layout.parse(LIBRARY_LAYOUT)
    if selection.everything:
        sources.append(_source("library", "all", LIBRARY_TITLE, library))
    if selection.filtered:
        sources.append(await _search(run, selection, library))
    kept = {(collection.kind, collection.name): collection for collection in known}
    for place, source in enumerate(sources):
        before = kept.get((source.kind, source.name))
        number = before.number if before is not None else 0
        if keep and (before is None or run.options.mirror):
            # A download leaves a renamed album its folder, and with it the title it is named after:
            # a mirror that comes later still sees that there is a new one.
            number = run.manifest.keep_collection(
                run.mirror, source.kind, source.name, source.title, source.folder
            )
        source.number = number or -(place + 1)
    return sources


def _source(kind: str, name: str, title: str, layout: Layout) -> Source:
    return Source(0, kind, name, title, safe_name(title), layout)


async def _albums(
    run: DownloadRun, selection: Selection, known: Sequence[Collection], layout: Layout
) -> list[Source]:
    listed = {album.id: album for album in await run.listing.albums()}
    kept = {c.name: c for c in known if c.kind == "album"}
    chosen: dict[str, Album | None] = {}
    for title in selection.albums:
        chosen |= _by_title(title, listed, kept if run.options.mirror else {})
    for album_id in selection.album_ids:
        chosen[album_id] = await _by_id(run, album_id, listed, kept)
    folders = _folders(listed.values(), kept, follow=run.options.mirror)
    sources = []
    for album_id, album in sorted(chosen.items()):
        title = album.album_name if album is not None else kept[album_id].title
        source = _source("album", album_id, title, layout)
        source.folder = folders.get(album_id) or kept[album_id].folder
        source.album_id = album_id
        source.gone = album is None
        sources.append(source)
    return sources


def _by_title(
    title: str, listed: Mapping[str, Album], kept: Mapping[str, Collection]
) -> dict[str, Album | None]:
    """The albums of this title, or that match it when it has a `*`; all of one name are meant."""
    if "*" in title:
        found = {i: a for i, a in listed.items() if fnmatchcase(a.album_name, title)}
    else:
        found = {i: a for i, a in listed.items() if a.album_name == title}
    chosen: dict[str, Album | None] = dict(found)
    # One that we keep under this title: renamed since, or gone.
    for album_id, collection in kept.items():
        same = fnmatchcase(collection.title, title) if "*" in title else collection.title == title
        if same and album_id not in chosen:
            chosen[album_id] = listed.get(album_id)
    if not chosen:
        names = sorted({album.album_name for album in listed.values()})
        raise UsageError(f"no album {title!r} on the server{_near(title, names)}")
    return chosen


async def _by_id(
    run: DownloadRun, album_id: str, listed: Mapping[str, Album], kept: Mapping[str, Collection]
) -> Album | None:
    album = listed.get(album_id) or await run.listing.album(album_id)
    if album is None and not (run.options.mirror and album_id in kept):
        raise UsageError(
            f"no album with the id {album_id} on the server, or not one this key may see"
        )
    return album


def _folders(
    albums: Iterable[Album], kept: Mapping[str, Collection], *, follow: bool
) -> dict[str, str]:
    """The folder name of every album on the server, asked for or not: so an album gets the same
    one whatever else is asked for. One that is kept under its title stays what it was; with
    `follow` a renamed one is named anew."""
    folders: dict[str, str] = {}
    new: list[tuple[AssetId, str]] = []
    for album in albums:
        collection = kept.get(album.id)
        if collection is not None and (not follow or collection.title == album.album_name):
            folders[album.id] = collection.folder
        else:
            new.append((AssetId(album.id), album.album_name))
    gone = [c.folder for i, c in kept.items() if i not in folders]
    held = {name_key(folder) for folder in (*folders.values(), *gone)}
    leaving = {name_key(kept[i].folder) for i, _ in new if i in kept}
    taken = held - leaving | {name_key(folder) for folder in folders.values()}
    return folders | dict(distinct(new, lambda key: key in taken, folders=True))


async def _search(run: DownloadRun, selection: Selection, layout: Layout) -> Source:
    filters: dict[str, object] = {}
    if selection.favorites:
        filters["isFavorite"] = True
    if selection.type is not None:
        filters["type"] = selection.type.upper()
    if selection.taken_after is not None:
        filters["takenAfter"] = selection.taken_after
    if selection.taken_before is not None:
        filters["takenBefore"] = selection.taken_before
    if selection.people:
        people = await run.listing.people()
        filters["personIds"] = [_named("person", name, people) for name in selection.people]
    if selection.tags:
        tags = await run.listing.tags()
        filters["tagIds"] = [_named("tag", name, tags) for name in selection.tags]
    name = json.dumps([filters, selection.search, selection.archived], sort_keys=True)
    title = "Favorites" if filters == {"isFavorite": True} else selection.search or "Search"
    source = _source("search", name, title, layout)
    source.smart = selection.search
    shown = _shown(run.connection, archived_only=selection.archived)
    if source.smart is not None:
        # A ranking tells no scores: two of them cannot be merged into the best of both.
        del shown[1:]
    source.searches = tuple({**filters, **one} for one in shown)
    return source


def _shown(connection: Connection, *, archived_only: bool) -> list[dict[str, object]]:
    """Timeline and archive, or the archive alone, in the words of this server's version: what a
    search shows by itself differs between all of them (recorded)."""
    if connection.release >= VISIBILITY:
        kinds = ("archive",) if archived_only else ("timeline", "archive")
        return [{"visibility": kind} for kind in kinds]
    archived: dict[str, object] = {"isArchived": True} if archived_only else {"withArchived": True}
    return [{"isVisible": True, **archived}]


def _named(what: str, name: str, ids: Mapping[str, str]) -> str:
    if name not in ids:
        raise UsageError(f"no {what} {name!r} on the server{_near(name, list(ids))}")
    return ids[name]


def _near(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, [n for n in names if n], n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""

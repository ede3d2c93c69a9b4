"""`--sidecars`: what the server knows and the original does not carry, in a file beside it.

Written when the asset, its albums or its name changed since, or when there is none. A sidecar that
somebody else wrote, or edited after us, is left alone and named. The stamp in the manifest tells:
what the sidecar was made from, and the hash of what was written ('-': it is somebody else's). While
one is about to be replaced, and after a crash then, there are several hashes: what is there is one
of them, and ours.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence

import msgspec
import xxhash

from immich_transfer.disk.place import Folder, is_file, join, split
from immich_transfer.disk.refusals import write_error
from immich_transfer.disk.unnamed import AVAILABLE, Unnamed
from immich_transfer.errors import ItemError
from immich_transfer.immich.wire import Album
from immich_transfer.manifest.catalog import Wanted
from immich_transfer.model import AssetId, Part, Placed
from immich_transfer.policy.naming import LONGEST_NAME, part_name, with_suffix

from .promise import promise_names, promise_parts
from .run import DownloadRun

ALBUMS_AT_ONCE = 4
READ_BYTES = 256 << 10


SIDECARS = ("xmp", "json")
_SIDECAR_PART = re.compile(r".+-s\d+", re.DOTALL)


def sidecar_name(name: str, kind: str) -> str:
    """`a.jpg` has `a.jpg.xmp`; of a name that is too long for that, a piece and its hash."""
    whole = f"{name}.{kind}"
    if len(whole.encode()) <= LONGEST_NAME:
        return whole
    return with_suffix(whole, xxhash.xxh3_64(whole.encode()).hexdigest()[:8])


def as_written(folder: Folder, name: str, *stamps: str | None) -> bool:
    """Whether a sidecar is there just as we wrote it, whichever of the stamps tells of that."""
    ours = {each for stamp in stamps for each in _hashes(stamp)}
    return bool(ours) and _digest(folder, name) in ours


def _hashes(stamp: str | None) -> list[str]:
    """Of what a stamp says was written."""
    return [each for each in (stamp or "").split()[1:] if each != "-"]


def _also(placed: Placed, digest: str) -> Placed:
    """A file whose sidecar may be the one of this hash by now, and is due as much as before."""
    made_from = (placed.sidecar_stamp or "?").split()[0]
    hashes = dict.fromkeys([*_hashes(placed.sidecar_stamp), digest])
    return msgspec.structs.replace(placed, sidecar_stamp=" ".join([made_from, *hashes]))


def _inputs(run: DownloadRun, wanted: Wanted) -> str:
    """Changes when what is to be written may have changed."""
    mix = xxhash.xxh3_64()
    for text in (
        run.options.sidecars,
        wanted.asset.updated,
        split(wanted.path)[1],
        wanted.asset.name,
        *run.catalog.albums_of(wanted.asset.id),
    ):
        mix.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return mix.hexdigest()


def sidecar_due(run: DownloadRun, wanted: Wanted, known: Placed) -> bool:
    """Whether the sidecar is not there, or was made from something else than what the server lists
    today."""
    made_from = (known.sidecar_stamp or "").partition(" ")[0]
    if made_from != _inputs(run, wanted):
        return True
    if run.options.deleted == "skip":
        return False
    folder, name = split(known.path)
    try:
        with run.destination.folder(folder) as opened:
            return opened.look(sidecar_name(name, run.options.sidecars)) is None
    except (OSError, ItemError):
        return True


async def list_albums(run: DownloadRun) -> None:
    """Which albums every asset is in: ids only, a request an album."""
    room = asyncio.Semaphore(ALBUMS_AT_ONCE)

    async def one(album: Album) -> None:
        async def keep(ids: list[AssetId]) -> None:
            await run.in_thread(run.catalog.add_album, album.album_name, ids)

        async with room:
            await run.archives.ids(album.id, album.asset_count, keep)

    async with asyncio.TaskGroup() as group:
        for album in await run.listing.albums():
            group.create_task(one(album))


async def write_sidecar(
    run: DownloadRun, wanted: Wanted, placed: Placed
) -> tuple[Placed, str | None]:
    """Bring the sidecar of a file up to date; the file as it is to be remembered, and a note.

    Raises what asking the server or writing raises.
    """
    # 10 ms of a start, for those who ask for sidecars only.
    from immich_transfer.immich.details import Details, facts
    from immich_transfer.policy.xmp import render_json, render_xmp

    detail = await Details(run.connection).of(wanted.asset.id)
    if detail is None:
        return placed, "no sidecar: the asset left the server meanwhile"
    folder, name = split(placed.path)
    albums = await run.in_thread(run.catalog.albums_of, wanted.asset.id)
    told = facts(
        detail,
        albums=albums,
        original_name="" if detail.original_file_name == name else detail.original_file_name,
    )
    kind = run.options.sidecars
    content = render_xmp(told) if kind == "xmp" else render_json(told)

    digest = xxhash.xxh3_64(content).hexdigest()
    made_from = _inputs(run, wanted)

    def work() -> tuple[str, str | None]:
        """The new stamp, and the note."""
        copies = run.manifest.placed_copies(run.mirror, [placed.asset_id])
        shared = [c for c in copies.get(placed.asset_id, ()) if c.path == placed.path]
        known = [placed.sidecar_stamp, *(c.sidecar_stamp for c in shared)]
        with run.destination.folder(folder, make=True) as opened:
            note = _store(run, opened, sidecar_name(name, kind), content, placed, shared)
            if note is not None:
                return f"{made_from} -", note  # said once, not in every run
            stays = [h for stamp in known for h in _hashes(stamp)]
            for other in SIDECARS:
                old = sidecar_name(name, other)
                if other != kind and as_written(opened, old, *known):
                    try:
                        opened.remove(old)  # what it said is in the new one
                    except FileNotFoundError:
                        pass  # for another collection, meanwhile
                    except OSError:
                        return " ".join([made_from, *dict.fromkeys([digest, *stays])]), None
        return f"{made_from} {digest}", None

    try:
        stamp, note = await run.in_thread(work)
    except OSError as error:
        raise write_error(error, f"{placed.path}.{kind}") from None
    return msgspec.structs.replace(placed, sidecar_stamp=stamp), note


def _store(
    run: DownloadRun,
    folder: Folder,
    name: str,
    content: bytes,
    placed: Placed,
    shared: Sequence[Placed],
) -> str | None:
    """Write it, unless what is there is not ours; then say so. `shared` is what the manifest has of
    this very place, for whatever collection."""
    digest = xxhash.xxh3_64(content).hexdigest()
    there = folder.look(name)
    if there is not None:
        if not is_file(there):
            return f"{name} is not a file: no sidecar was written"
        if _digest(folder, name) == digest:
            return None
        if not as_written(folder, name, placed.sidecar_stamp, *(c.sidecar_stamp for c in shared)):
            return f"{name} was made or edited by somebody else: left as it is"
    run.manifest.stamp([_also(copy, digest) for copy in shared])
    if all(
        (c.collection, c.fingerprint) != (placed.collection, placed.fingerprint) for c in shared
    ):
        promise_names(run, [_also(placed, digest)])  # it has only just arrived itself
    try:
        if there is not None or not AVAILABLE or not _appear(folder, name, content):
            _write_part(run, folder, name, content, placed, replace=there is not None)
    except FileExistsError:
        if _digest(folder, name) != digest:
            return f"{name} was made by somebody else meanwhile: left as it is"
    return None


def _appear(folder: Folder, name: str, content: bytes) -> bool:
    """Write a file that has no name until it is whole; False where there are no such files. Raises
    FileExistsError."""
    try:
        file = Unnamed(folder, content)
    except NotImplementedError:
        return False
    try:
        file.finish(0)
        file.appear(name)
    finally:
        file.close()
    return True


def _write_part(
    run: DownloadRun, folder: Folder, name: str, content: bytes, placed: Placed, *, replace: bool
) -> None:
    """Write it beside its place, then rename. Raises FileExistsError unless it may be replaced."""
    part = part_of_sidecar(placed)
    temporary = split(part.path)[1]
    promise_parts(run, [part])
    descriptor = folder.open_write(temporary)
    try:
        os.ftruncate(descriptor, 0)
        _write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        folder.move(temporary, folder, name, replace=replace)
    except FileExistsError:
        folder.remove(temporary)
        run.manifest.end_parts(run.mirror, [part.asset_id])
        raise
    run.manifest.end_parts(run.mirror, [part.asset_id])


def part_of_sidecar(placed: Placed) -> Part:
    """What a sidecar is written in, beside its place; remembered apart from the asset's own."""
    own = AssetId(f"{placed.asset_id}-s{placed.collection}")
    return Part(own, join(split(placed.path)[0], part_name(own, None)), None)


def is_part_of_sidecar(part: Part) -> bool:
    """Nobody goes on with such a part file: a sidecar is written anew."""
    return _SIDECAR_PART.fullmatch(part.asset_id) is not None


def _digest(folder: Folder, name: str) -> str | None:
    """Hash of a file; None when there is none that can be read."""
    status = folder.look(name)
    if status is None or not is_file(status):
        return None
    mix = xxhash.xxh3_64()
    try:
        with os.fdopen(folder.open_read(name), "rb", buffering=0) as file:
            while piece := file.read(READ_BYTES):
                mix.update(piece)
    except OSError:
        return None
    return mix.hexdigest()


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]

"""`--sidecars`: what the server knows and the original does not carry, in a file beside it.

Written when the asset, its albums or its name changed since, or when it is new. A sidecar that
somebody else wrote, or edited after us, is left alone and named.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import msgspec
import xxhash

from immich_transfer.disk.place import Folder, is_file, split, write_error
from immich_transfer.immich.details import Details, facts
from immich_transfer.manifest.catalog import Wanted
from immich_transfer.model import Placed
from immich_transfer.policy.naming import part_name, safe_name
from immich_transfer.policy.xmp import render_json, render_xmp

from .run import DownloadRun

ALBUMS_AT_ONCE = 4


def sidecar_name(name: str, kind: str) -> str:
    """`a.jpg` has `a.jpg.xmp`."""
    return safe_name(f"{name}.{kind}")


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
    """Whether the sidecar was made from something else than what the server lists today."""
    made_from = (known.sidecar_stamp or "").partition(" ")[0]
    return made_from != _inputs(run, wanted)


async def list_albums(run: DownloadRun) -> None:
    """Which albums every asset is in: ids only, a request an album."""
    room = asyncio.Semaphore(ALBUMS_AT_ONCE)

    async def one(album_id: str, title: str) -> None:
        async with room:
            ids = await run.listing.ids_in_album(album_id)
        await run.in_thread(run.catalog.add_album, title, ids)

    async with asyncio.TaskGroup() as group:
        for album in await run.listing.albums():
            group.create_task(one(album.id, album.album_name))


async def write_sidecar(
    run: DownloadRun, wanted: Wanted, placed: Placed
) -> tuple[Placed, str | None]:
    """Bring the sidecar of a file up to date; the file as it is to be remembered, and a note.

    Raises what asking the server or writing raises.
    """
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

    def work() -> str | None:
        with run.destination.folder(folder, make=True) as opened:
            return _store(opened, sidecar_name(name, kind), content, wanted, placed)

    try:
        note = await run.in_thread(work)
    except OSError as error:
        raise write_error(error, f"{placed.path}.{kind}") from None
    stamp = f"{_inputs(run, wanted)} {xxhash.xxh3_64(content).hexdigest()}"
    if note is not None:
        stamp = f"{_inputs(run, wanted)} -"  # said once, not in every run
    return msgspec.structs.replace(placed, sidecar_stamp=stamp), note


def _store(folder: Folder, name: str, content: bytes, wanted: Wanted, placed: Placed) -> str | None:
    """Write through a part file, unless what is there is not ours; then say so."""
    there = folder.look(name)
    if there is not None:
        if not is_file(there):
            return f"{name} is not a file: no sidecar was written"
        now = _read(folder, name)
        if now == content:
            return None
        ours = (placed.sidecar_stamp or "").partition(" ")[2]
        if xxhash.xxh3_64(now).hexdigest() != ours:
            return f"{name} was made or edited by somebody else: left as it is"
    part = part_name(f"{wanted.asset.id}-s", None)
    descriptor = folder.open_write(part)
    try:
        os.ftruncate(descriptor, 0)
        _write(descriptor, [content])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder.move(part, folder, name, replace=True)
    return None


def _read(folder: Folder, name: str) -> bytes:
    with os.fdopen(folder.open_read(name), "rb") as file:
        return file.read()


def _write(descriptor: int, chunks: Sequence[bytes]) -> None:
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

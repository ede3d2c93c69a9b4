"""The last step of a file: its final name, over nothing that somebody else may want to keep."""

from __future__ import annotations

import os
from typing import NamedTuple

import msgspec

from immich_transfer.disk.digest import fingerprint
from immich_transfer.disk.part import READ_BYTES, PartFile, read_hashes
from immich_transfer.disk.place import Folder, is_file, join, split
from immich_transfer.disk.refusals import NO_LINKS, write_error
from immich_transfer.disk.unnamed import Unnamed
from immich_transfer.errors import LocalReadError, LocalWriteError, WrongBytes
from immich_transfer.manifest.catalog import Wanted
from immich_transfer.model import Fingerprint, Part, Placed, Sha1
from immich_transfer.policy.naming import part_name, with_suffix
from immich_transfer.policy.reconcile import same_file

from .compare import Job
from .promise import promise_names, promise_parts
from .run import DownloadRun

ASIDE_TRIES = 1000


class InPlace(NamedTuple):
    """A file that has its final name."""

    placed: Placed
    note: str | None = None
    """Where the file went that was in its place."""
    conflict: bool = False
    shared: bool = False
    """It is there for another collection, in the same place."""


def placed_as(job: Job, sha1: Sha1, xxh3: bytes, seen: Fingerprint) -> Placed:
    """A wanted file as it is to be remembered."""
    asset = job.wanted.asset
    return Placed(
        job.wanted.collection,
        asset.id,
        job.wanted.path,
        job.wanted.base,
        sha1,
        seen,
        xxh3,
        asset.sha1 is not None,
        job.known.sidecar_stamp if job.known is not None else None,
    )


def settle(run: DownloadRun, job: Job, file: PartFile | Unnamed, placed: Placed) -> InPlace:
    """Give a checked, durable file its promised name. Raises what `write_error` makes of a
    refusal."""
    _, name = split(placed.path)
    try:
        if isinstance(file, PartFile):
            return _into_place(run, job, file.folder, file.name, placed)
        return _appear(run, job, file, placed)
    except OSError as error:
        raise write_error(error, os.path.join(file.folder.path, name)) from None


def settle_part(run: DownloadRun, job: Job, part: PartFile) -> InPlace:
    """The same with all that comes before it: make it durable, promise its name."""
    placed = placed_as(job, part.sha1, part.xxh3, part.finish(job.wanted.asset.modified))
    promise_names(run, [placed], durable=True)
    return settle(run, job, part, placed)


def _appear(run: DownloadRun, job: Job, file: Unnamed, placed: Placed) -> InPlace:
    _, name = split(placed.path)
    try:
        if job.replace:
            raise FileExistsError
        file.appear(name)
        return InPlace(placed)
    except FileExistsError:
        part = part_of(job.wanted)
        promise_parts(run, [part])
        _, temporary = split(part.path)
        if file.folder.look(temporary) is not None:
            file.folder.remove(temporary)
        file.appear(temporary)
        return _into_place(run, job, file.folder, temporary, placed)


def part_of(wanted: Wanted, validator: str | None = None) -> Part:
    """The part file of a wanted file, beside its place."""
    asset, (folder, _) = wanted.asset, split(wanted.path)
    return Part(asset.id, join(folder, part_name(asset.id, asset.sha1)), validator)


def _into_place(run: DownloadRun, job: Job, folder: Folder, part: str, placed: Placed) -> InPlace:
    """Rename within a folder; what is in the way is dealt with as `--on-conflict` says. When that
    is the same file (size and SHA-1), it stays."""
    _, name = split(placed.path)
    if job.replace and _may_go(job, folder, name):
        folder.move(part, folder, name, replace=True)
        return InPlace(placed)
    try:
        folder.move(part, folder, name)
        return InPlace(placed)
    except FileExistsError:
        pass
    # Found before we began (`job.occupied`), or put there since: by another run, too.
    there = None if job.occupied else _same(run, folder, name, placed)
    if there is not None:
        folder.remove(part)
        return InPlace(msgspec.structs.replace(placed, fingerprint=there))
    match run.options.on_conflict:
        case "skip":
            folder.remove(part)
            raise LocalWriteError("another file of this name appeared meanwhile")
        case "overwrite":
            folder.move(part, folder, name, replace=True)
            return InPlace(placed)
        case "keep-both":
            aside = set_aside(folder, name)
            folder.move(part, folder, name)
            return InPlace(placed, f"the local file is now {aside}", conflict=True)


def _may_go(job: Job, folder: Folder, name: str) -> bool:
    """What was to be replaced when we began still is what it was."""
    status = folder.look(name)
    if job.occupied or job.known is None or status is None:
        return True  # the user gave it up, or it is gone
    return is_file(status) and same_file(job.known.fingerprint, fingerprint(status))


def _same(run: DownloadRun, folder: Folder, name: str, placed: Placed) -> Fingerprint | None:
    """The fingerprint of what is there if its bytes are these."""
    status = folder.look(name)
    if status is None or not is_file(status) or status.st_size != placed.fingerprint.size:
        return None
    try:
        seen, found, _ = read_hashes(folder, name, on_bytes=run.still_wanted)
    except (FileNotFoundError, LocalReadError):
        return None
    return seen if found == placed.sha1 else None


def set_aside(folder: Folder, name: str) -> str:
    """Rename what is there to `name (local).ext`, or with a number when that is taken, too."""
    for number in range(1, ASIDE_TRIES):
        aside = with_suffix(name, "local" if number == 1 else f"local {number}")
        try:
            folder.move(name, folder, aside)
        except FileExistsError:
            continue
        return aside
    raise LocalWriteError(f"too many files like {with_suffix(name, 'local')}")


def link(run: DownloadRun, job: Job, copy: Placed | None = None) -> InPlace | None:
    """Give a file that we have already for this asset another name: a hard link, or a copy where
    there are none. None when there is no such file, or it is not what we wrote any more."""
    asset = job.wanted.asset
    if copy is not None:
        copies = [copy]
    else:
        copies = run.manifest.placed_copies(run.mirror, [asset.id]).get(asset.id, [])
    for placed in copies:
        here = placed.collection == job.wanted.collection
        if (here and copy is None) or (asset.sha1 is not None and placed.sha1 != asset.sha1):
            continue
        found = _link(run, job, placed)
        if found is not None:
            return found
    return None


def _link(run: DownloadRun, job: Job, source: Placed) -> InPlace | None:
    path = job.wanted.path
    from_folder, from_name = split(source.path)
    to_folder, to_name = split(path)
    part = part_of(job.wanted)
    _, temporary = split(part.path)
    try:
        with run.destination.folder(from_folder) as there:
            status = there.look(from_name)
            if status is None or not is_file(status):
                return None
            if not same_file(source.fingerprint, fingerprint(status)):
                return None
            if source.path == path:
                collection, base = job.wanted.collection, job.wanted.base
                there_too = msgspec.structs.replace(source, collection=collection, base=base)
                return InPlace(there_too, shared=True)
            placed = placed_as(job, source.sha1, source.xxh3, source.fingerprint)
            placed = msgspec.structs.replace(placed, proven=source.proven)
            with run.destination.folder(to_folder, make=True) as here:
                promise_names(run, [placed])
                try:
                    if job.replace:
                        raise FileExistsError
                    there.link(from_name, here, to_name)
                    return InPlace(placed)
                except FileExistsError:
                    promise_parts(run, [part])
                    if here.look(temporary) is not None:
                        here.remove(temporary)
                    there.link(from_name, here, temporary)
                    return _into_place(run, job, here, temporary, placed)
                except OSError as error:
                    if error.errno not in NO_LINKS:
                        raise
                    promise_parts(run, [part])
                    return _copy(run, job, there, source)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise write_error(error, path) from None


def _copy(run: DownloadRun, job: Job, there: Folder, source: Placed) -> InPlace:
    """The same bytes again, checked on the way."""
    asset = job.wanted.asset
    to_folder, _ = split(job.wanted.path)
    _, from_name = split(source.path)
    part = PartFile(run.destination, to_folder, part_name(asset.id, asset.sha1), keep=False)
    try:
        try:
            descriptor = there.open_read(from_name)
        except OSError as error:
            raise LocalReadError(error.strerror or "cannot be opened") from None
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while piece := file.read(READ_BYTES):
                part.write([piece])
        if part.sha1 != source.sha1:
            part.discard()
            raise WrongBytes(f"{source.path} does not hold the bytes we wrote any more")
        return settle_part(run, job, part)
    finally:
        part.close()

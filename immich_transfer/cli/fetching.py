"""Streams of bytes to where the user wants them: a file that is whole or not there, or stdout."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from immich_transfer.disk.part import PartFile
from immich_transfer.disk.place import Destination, is_file
from immich_transfer.disk.refusals import write_error
from immich_transfer.errors import CannotContinue, ItemError, TransferError, UsageError
from immich_transfer.model import Sha1
from immich_transfer.policy.naming import part_name

STDOUT = "-"


class Fetched(NamedTuple):
    """What came."""

    path: str
    bytes: int
    sha1: Sha1


def check_stdout(output: str | None, count: int, *, json: bool) -> None:
    """Raise UsageError where stdout cannot take a picture."""
    if output != STDOUT:
        return
    if count > 1:
        raise UsageError("-o - takes one picture: name a folder for several")
    if json:
        raise UsageError("--json goes to standard output, and so would the picture: use -o FILE")
    if sys.stdout is not None and sys.stdout.isatty():
        raise UsageError(
            "a picture is nothing for a terminal", hint="use -o FILE, or send the output on"
        )


def place_of(output: str, name: str, *, several: bool) -> str:
    """The file that `output`, a folder or a file, and the picture's own name amount to."""
    if os.path.isdir(output) or output.endswith(("/", os.sep)):
        return os.path.join(output, name)
    if several:
        raise UsageError(f"{output} is no folder, and there are several pictures")
    return output


def check_place(path: str, *, force: bool) -> None:
    """Raise before anything is fetched what would stop it from being put there."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise UsageError(f"the folder {folder} does not exist")
    try:
        seen = os.lstat(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write to {path}: {reason}") from None
    if not is_file(seen):
        raise UsageError(f"{path} is there and is no regular file")
    if not force:
        raise ItemError(f"{path} is there already", hint="--force replaces it")


async def to_file(
    stream: AsyncGenerator[bytes, None],
    path: str,
    *,
    asset_id: str,
    sha1: Sha1 | None,
    modified: int,
    force: bool,
) -> Fetched:
    """Write a part file beside `path`, compare its SHA-1 (if the server told one), and give it its
    name; never over a file that is there unless `force`."""
    folder, name = os.path.split(path)
    destination = Destination(folder or ".")
    try:
        part = PartFile(destination, "", part_name(asset_id, sha1), keep=False)
        try:
            async with aclosing(stream):
                async for piece in stream:
                    await asyncio.to_thread(part.write, [piece])
            _compare(part.sha1, sha1)
            await asyncio.to_thread(part.finish, modified)
            try:
                part.folder.move(part.name, part.folder, name, replace=force)
            except FileExistsError:
                raise ItemError(f"{path} is there already", hint="--force replaces it") from None
            except OSError as error:
                raise write_error(error, path) from None
            part.folder.sync()
        except BaseException:
            part.discard()
            raise
        finally:
            part.close()
    finally:
        destination.close()
    return Fetched(path, part.size, part.sha1)


async def to_stdout(stream: AsyncGenerator[bytes, None], *, sha1: Sha1 | None) -> Fetched:
    """The bytes as they come; whether they were right is known, and said, at their end."""
    whole = hashlib.sha1(usedforsecurity=False)
    count = 0
    out = sys.stdout.buffer if sys.stdout is not None else None
    async with aclosing(stream):
        async for piece in stream:
            whole.update(piece)
            count += len(piece)
            if out is not None:
                try:
                    out.write(piece)
                except BrokenPipeError:
                    raise
                except OSError as error:
                    raise CannotContinue(
                        f"cannot write to standard output: {error.strerror or error}"
                    ) from None
    if out is not None:
        out.flush()
    _compare(Sha1(whole.digest()), sha1)
    return Fetched(STDOUT, count, Sha1(whole.digest()))


def _compare(found: Sha1, told: Sha1 | None) -> None:
    if told is not None and found != told:
        raise WrongContent(
            f"the bytes that came are not those the server vouches for (SHA-1 {found.hex()},"
            f" not {told.hex()})",
            hint="the file is damaged on the server, or on its way: try again",
        )


class WrongContent(ItemError):
    """What came does not have the checksum that the server told."""


def reason_of(error: TransferError) -> str:
    """A failure of one of several pictures, in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def extension_of(head: bytes) -> str:
    """What kind of picture the server made: it may choose by its own settings."""
    if head.startswith(b"\xff\xd8"):
        return ".jpg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head.startswith(b"\x89PNG"):
        return ".png"
    return ".img"

"""The photos of the benchmarks: pseudo-random bytes, the same on every machine and every run."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = (".jpg", ".heic", ".png", ".dng")
VIDEO = ".mp4"
PIECE = 1 << 20
"""Written and read in pieces: Linux counts the peak of the parent to a child (see measure.py)."""
PER_FOLDER = 1000
KB, MIB = 1000, 1 << 20
FIRST_PHOTO = 1_577_836_800
"""2020-01-01, in seconds since the epoch."""


def write_file(path: Path, size: int, seed: str) -> None:
    """`size` bytes that no other seed gives."""
    draw = random.Random(seed)
    with path.open("wb") as file:
        while size > 0:
            file.write(draw.randbytes(min(size, PIECE)))
            size -= PIECE


def many(
    folder: Path, count: int, size: int, *, seed: str = "many", per_folder: int = PER_FOLDER
) -> Path:
    """`count` files of `size` bytes, a thousand in each folder, all different."""
    for number in range(count):
        below = folder / f"{number // per_folder:03}"
        if number % per_folder == 0:
            below.mkdir(parents=True, exist_ok=True)
        name = f"IMG_{number:06}{KINDS[number % len(KINDS)]}"
        write_file(below / name, size, f"{seed} {number}")
    return folder


def nested(folder: Path, count: int, size: int) -> Path:
    """`count` files of `size` bytes in a tree of eight levels, few in each folder."""
    for number in range(count):
        below = folder.joinpath(*f"{number // 4:08b}"[-8:])
        below.mkdir(parents=True, exist_ok=True)
        name = f"IMG_{number:06}{KINDS[number % len(KINDS)]}"
        write_file(below / name, size, f"nested {number}")
    return folder


def linked(folder: Path, count: int, links: int) -> Path:
    """`count` names, a thousand in each folder; each content has so many of them."""
    first = ""
    for number in range(count):
        below = f"{folder}/{number // PER_FOLDER:04}"
        if number % PER_FOLDER == 0:
            os.makedirs(below)
        path = f"{below}/IMG_{number:07}.jpg"
        if number % links:
            os.link(first, path)
            continue
        first = path
        with open(path, "wb") as file:
            file.write(f"photo {number}".encode() * 8)
        os.utime(path, (FIRST_PHOTO + number, FIRST_PHOTO + number))
    return folder


def large(folder: Path, count: int, size: int) -> Path:
    """`count` videos of `size` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        write_file(folder / f"VID_{number:04}{VIDEO}", size, f"large {number}")
    return folder


def mixed(folder: Path, count: int, most: int) -> Path:
    """Log-normal sizes between 1 KB and `most` in a nested tree; every twentieth is a twin.

    Half of them are below 1 MB; one in a hundred is above 100 MB.
    """
    draw = random.Random("mixed")
    places = ("", "2023/Sea", "2024/Trip", "2024/Trip/raw")
    for number in range(count):
        size = int(min(max(draw.lognormvariate(13.8, 2.0), KB), most))
        below = folder / places[number % len(places)]
        below.mkdir(parents=True, exist_ok=True)
        twin = number % 20 == 19
        kind = VIDEO if size > 2_000 * KB else KINDS[number % len(KINDS)]
        if twin:
            size = 5 * KB
        seed = "mixed twin" if twin else f"mixed {number}"
        write_file(below / f"P{number:05}{kind}", size, seed)
    return folder


def distinct(files: int) -> int:
    """How many contents `mixed` makes: all twins are one."""
    twins = files // 20
    return files - twins + min(twins, 1)


def spread(folder: Path) -> None:
    """An hour between every two photos, in the order of their names.

    Pages of a search lose and repeat photos of one date; with these any listing is complete.
    """
    for number, path in enumerate(files_below(folder)):
        at = FIRST_PHOTO + number * 3600
        os.utime(path, (at, at))


def files_below(folder: Path) -> Iterator[str]:
    """A folder at a time, by name."""
    for below, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(below, name)


def size_of(folder: Path) -> int:
    """Bytes of all files below it; 0 when it is not there."""
    return sum(os.stat(path).st_size for path in files_below(folder))


@dataclass(frozen=True)
class Contents:
    """What lies in a folder, whatever the files are called."""

    files: int
    bytes: int
    sha1: str
    """Over the sorted SHA-1s of all files."""


NOTHING = Contents(0, 0, hashlib.sha1(b"").hexdigest())


def contents(folder: Path) -> Contents:
    """Reads everything below `folder`; nothing when it is not there."""
    sums: list[bytes] = []
    size = 0
    for path in files_below(folder):
        with open(path, "rb", buffering=0) as file:
            sums.append(hashlib.file_digest(file, "sha1").digest())
            size += os.fstat(file.fileno()).st_size
    return Contents(len(sums), size, hashlib.sha1(b"".join(sorted(sums))).hexdigest())


def warm(folder: str | Path) -> None:
    """Read everything once, so that no tool pays for a cold page cache."""
    buffer = bytearray(PIECE)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                warm(entry.path)
            else:
                with open(entry.path, "rb", buffering=0) as file:
                    while file.readinto(buffer):
                        pass

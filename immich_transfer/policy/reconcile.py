"""What to do about one file there is to be: pure decisions from what is known and seen.

    known   what the manifest remembers of it (None: never placed by us)
    seen    what `lstat` says at the path in question (None: nothing is there)

Content is compared by fingerprint while that can be trusted, by size next, and only then by
reading; a file that nobody can vouch for is never overwritten silently.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

from immich_transfer.model import Fingerprint, Placed, RemoteAsset


class Step(Enum):
    """What comes next for one file."""

    KEEP = "it is there"
    READ = "something is there: its bytes decide"
    DIFFERS = "something else is there"
    FETCH = "nothing is there"
    REPLACE = "ours is there, untouched, and the server has other bytes now"
    LEAVE = "it was deleted here, and that is to be respected"


def same_file(known: Fingerprint, seen: Fingerprint) -> bool:
    """Whether a file looks untouched. Inodes are compared where a file system has them; the
    manifest keeps them, and times, as signed 64-bit numbers."""
    return (
        known.size == seen.size
        and (known.mtime_ns - seen.mtime_ns) % (1 << 64) == 0
        and (not known.inode or not seen.inode or (known.inode - seen.inode) % (1 << 64) == 0)
    )


def first_step(
    asset: RemoteAsset,
    known: Placed | None,
    seen: Fingerprint | None,
    *,
    deleted: Literal["fetch", "skip"] = "fetch",
    checksum: bool = False,
) -> Step:
    """Judge without reading. `seen` is what is at the file's path now.

    A file of ours whose fingerprint stands holds the bytes we wrote, so the server's checksum
    alone tells whether they are still the right ones.
    """
    if seen is None:
        return Step.LEAVE if known is not None and deleted == "skip" else Step.FETCH
    untouched = known is not None and same_file(known.fingerprint, seen)
    if known is not None and untouched and not checksum:
        if asset.sha1 is None:
            current = asset.size is None or asset.size == seen.size
        else:
            current = asset.sha1 == known.sha1
        return Step.KEEP if current else Step.REPLACE
    if asset.size is not None and asset.size != seen.size:
        return Step.REPLACE if untouched else Step.DIFFERS
    return Step.READ


def second_step(asset: RemoteAsset, known: Placed | None, seen: Fingerprint, sha1: bytes) -> Step:
    """Judge by the SHA-1 of the bytes that are there, read just now.

    Where the server's checksum is not of the bytes, our own memory vouches for them, or else their
    size and the asset's own time.
    """
    if asset.sha1 is not None:
        same = sha1 == asset.sha1
    elif known is not None:
        same = sha1 == known.sha1
    else:
        same = asset.size == seen.size and asset.modified == seen.mtime_ns // 1_000_000
    return Step.KEEP if same else Step.DIFFERS

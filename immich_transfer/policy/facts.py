"""What the server knows of a photo and its original does not carry. Pure, no I/O.

Edits on the server never touch the original (recorded on 2.7.5 and 3.0.3): description, rating,
tags, people and albums live in its database. `Facts` is all of that for one file; sidecars are
written from it, and `stamp` tells whether one that is there still says the same.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

_LAYOUT = 1
"""Raised when the same facts are to be written differently, so that every sidecar is renewed."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One file's facts. Texts are '' and lists empty where the server knows nothing."""

    asset_id: str
    sha1: str | None = None
    """Of the original's bytes, hex; None when the server has no such checksum."""
    original_name: str = ""
    """The name on the server; only set when the file's name on disk differs."""
    description: str = ""
    rating: int | None = None
    """1 to 5 stars, 0 unrated, -1 rejected; None when nobody said."""
    favorite: bool = False
    archived: bool = False
    taken: str = ""
    """RFC 3339. Without a zone when it is wall clock of an unknown one."""
    latitude: float | None = None
    """Degrees, north is positive."""
    longitude: float | None = None
    """Degrees, east is positive."""
    tags: tuple[str, ...] = ()
    """Full paths, 'A/B'."""
    people: tuple[str, ...] = ()
    """Names."""
    albums: tuple[str, ...] = ()
    """Titles."""


def stamp(facts: Facts) -> str:
    """16 hex digits that change when anything in `facts` does; the same in every run and place."""
    held: dict[str, Any] = msgspec.structs.asdict(facts)
    told = json.dumps([_LAYOUT, held], sort_keys=True)
    return hashlib.blake2b(told.encode("ascii"), digest_size=8).hexdigest()

"""A library made at once: rows alone, or rows with small real files.

`seed` takes, all optional:
    assets        how many (or as many as there are names)
    user          the owner's id (the admin)
    equal_dates   how many share one date; the dates are 25 days apart (700)
    names         originalFileNames, taken in turn; without them PREFIX_0000000.jpg and so on
    prefix        of those (SEED)
    bytes         give every asset a file of so many noisy bytes, all distinct; 0 is rows alone (0)
    sha1          checksums of rows alone, hex, one for each asset; without them random ones
    album         a name or names: put them into these albums of the user, made if missing
    live          true or a number: so many of the first have a motion video beside them
    edit          changes to all of them, as of `edit`
and tells the ids, the videos' ids and the albums' ids by name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from .checking import as_text
from .editing import edit, names_of, put_into_album
from .rows import Asset
from .store import Store

_FIRST = datetime(2000, 1, 1, 12, tzinfo=UTC)
_DAYS = 25
_SPAN = 9000
"""Days after which the dates begin anew."""
_MAGIC = b"\xff\xd8\xff\xe0"
_POOL = 1 << 16
_LEAST = 12
"""Bytes that are enough to tell any two files apart."""
ROWS_BYTES = 1000
"""What a row without a file says of its size."""


def seed(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    """Make the library; quick for a hundred thousand rows and for tens of thousands of files."""
    user = store.users[body["user"]] if body.get("user") else store.admin
    names = [str(name) for name in body.get("names", ())]
    count = int(body.get("assets", len(names)))
    size = int(body.get("bytes", 0))
    if 0 < size < _LEAST:
        raise ValueError(f"bytes must be 0 or at least {_LEAST}, for files to be distinct")
    each = max(1, int(body.get("equal_dates", 700)))
    prefix = body.get("prefix", "SEED")
    live = body.get("live", 0)
    live = count if live is True else int(live)
    files = _contents(size) if size else None
    sums = iter([bytes.fromhex(text).hex() for text in body.get("sha1", ())])
    photos: list[Asset] = []
    videos: list[Asset] = []
    for n in range(count):
        stamp = as_text(_FIRST + timedelta(days=_DAYS * (n // each) % _SPAN))
        name = names[n % len(names)] if names else f"{prefix}_{n:07}.jpg"
        name.encode()  # a lone surrogate is a ValueError
        photo = _asset(store, user.id, name, stamp, files, next(sums, None))
        photos.append(photo)
        if n < live:
            video = _asset(store, user.id, f"{name.rpartition('.')[0] or name}.mov", stamp, files)
            video.visibility, photo.live_video = "hidden", video.id
            videos.append(video)
    store.save(*photos, *videos)
    ids = [photo.id for photo in photos]
    albums = {
        name: put_into_album(store, user.id, name, ids).id for name in names_of(body.get("album"))
    }
    if "edit" in body:
        edit(store, photos, body["edit"])
    return {"ids": ids, "videos": [video.id for video in videos], "albums": albums}


def _asset(
    store: Store,
    owner: str,
    name: str,
    stamp: str,
    files: Iterator[bytes] | None,
    sha1: str | None = None,
) -> Asset:
    if files is None:
        sha1 = sha1 or secrets.token_hex(20)
        return Asset(str(uuid.uuid4()), owner, sha1, name, ROWS_BYTES, stamp, stamp)
    content = next(files)
    asset_id, path = store.new_path()
    with open(path, "wb") as file:
        file.write(content)
    seconds = datetime.fromisoformat(stamp).timestamp()
    os.utime(path, (seconds, seconds))
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return Asset(asset_id, owner, sha1, name, len(content), stamp, stamp)


def _contents(size: int) -> Iterator[bytes]:
    """Files of one size that differ everywhere: pieces of one noise, each with its own mark."""
    noise = os.urandom(size + _POOL)
    start = 0
    while True:
        start = (start + 4099) % _POOL
        yield (_MAGIC + secrets.token_bytes(8) + noise[start : start + size])[:size]

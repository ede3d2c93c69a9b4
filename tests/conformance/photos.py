"""What the clients upload, and what the sandbox then holds."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

FOLDERS = ("Sea", "Mountains")
NAMES = ("IMG_1.jpg", "IMG_2.JPG", "Zoë am Meer.png", "clip.mp4", "raw (1).dng", "写真.heic")


def sha1_of(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()


def make_photos(folder: Path) -> dict[Path, str]:
    """Two folders of files in several kinds and sizes, names beyond ASCII too: SHA-1 by path."""
    made: dict[Path, str] = {}
    draw = random.Random("conformance")
    for below in FOLDERS:
        (folder / below).mkdir(parents=True)
        for name in NAMES:
            path = folder / below / name
            path.write_bytes(draw.randbytes(draw.randrange(1_000, 300_000)))
            made[path] = sha1_of(path)
    return made


def held(state: dict[str, Any]) -> Counter[str]:
    """SHA-1 of everything on the server, as often as it is there."""
    return Counter(asset["checksum"] for asset in state["assets"])


def in_album(state: dict[str, Any], name: str) -> Counter[str]:
    """What the album holds; empty when there is none of that name, or more than one."""
    albums = [album for album in state["albums"] if album["name"] == name]
    if len(albums) != 1:
        return Counter()
    known = {asset["id"]: asset["checksum"] for asset in state["assets"]}
    return Counter(known[asset_id] for asset_id in albums[0]["assets"])

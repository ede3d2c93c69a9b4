"""Which XMP sidecar belongs to which photo, within one folder.

`a.jpg.xmp` belongs to `a.jpg` alone and wins; `a.xmp` belongs to every file with the stem `a` that
has none of its own, so RAW and JPG of one shot share it. Letter case does not matter, but of
several an exact one is preferred. Names are literal, whatever brackets they hold.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable


class Sidecars:
    """The sidecar files of one folder, and who has claimed them."""

    __slots__ = ("_by_owner", "_unclaimed")

    def __init__(self, names: Iterable[str]) -> None:
        self._by_owner: dict[str, list[str]] = {}
        for name in names:
            self._by_owner.setdefault(_stem(name).lower(), []).append(name)
        self._unclaimed = set(self._by_owner)

    def of(self, name: str) -> str | None:
        """The sidecar of the photo `name`; it and a weaker one it hides are claimed."""
        own = self._claim(name)
        shared = self._claim(_stem(name))
        return own or shared

    def orphans(self) -> list[str]:
        """Sidecars no photo has claimed, in order."""
        return sorted(name for owner in self._unclaimed for name in self._by_owner[owner])

    def _claim(self, owner: str) -> str | None:
        low = owner.lower()
        found = self._by_owner.get(low)
        if found is None:
            return None
        self._unclaimed.discard(low)
        return next((name for name in found if _stem(name) == owner), found[0])


def sidecar_stamp(path: str) -> str | None:
    """Size and time of a sidecar as 'size:mtime_ns'; None when it cannot be had."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return f"{status.st_size}:{status.st_mtime_ns}"


def _stem(name: str) -> str:
    dot = name.rfind(".")
    return name[:dot] if dot > 0 else name

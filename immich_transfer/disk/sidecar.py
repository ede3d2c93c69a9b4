"""Which XMP sidecar belongs to which photo, within one folder's listing.

`a.jpg.xmp` wins over `a.xmp`; letter case does not matter; `a.xmp` belongs to every `a.*` that has
none of its own, so a RAW and its JPEG share it.
"""

from __future__ import annotations

from collections.abc import Iterable


class Sidecars:
    """The sidecars of one folder, found by photo name."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_key = {_stem(name).lower(): name for name in sorted(names)}
        self._used: set[str] = set()

    def of(self, name: str) -> str | None:
        """The sidecar's file name, or None."""
        lower = name.lower()
        found = self._by_key.get(lower) or self._by_key.get(_stem(lower))
        if found is not None:
            self._used.add(found)
        return found

    def orphans(self) -> list[str]:
        """Those that no photo asked for."""
        return [name for name in self._by_key.values() if name not in self._used]


def _stem(name: str) -> str:
    dot = name.rfind(".")
    return name[:dot] if dot > 0 else name

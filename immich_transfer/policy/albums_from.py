"""How `--album-from` names albums: pure, and the same in every run over the same tree.

`path`: the folder below the root, its parts joined with ' / '; files directly in the root get the
root's own name.

`folder`: the folder's own name. Where several folders of one name hold photos, each gets in
brackets the nearest parent in which they differ: `2023/Trip` and `2024/Trip` become `Trip (2023)`
and `Trip (2024)`. Where one parent is not enough (`a/x/Trip`, `b/x/Trip`, `b/y/Trip`), more parents
are added until all differ: `Trip (a, x)`. To join them on purpose, use `--album NAME`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable


class FolderAlbums:
    """The album name of each folder of one set of folders."""

    def __init__(self, names: dict[tuple[str, str], str]) -> None:
        self._names = names

    @classmethod
    def from_folders(cls, folders: Iterable[tuple[str, str]]) -> FolderAlbums:
        """Decide all names; `folders` are (root, folder below it) pairs that hold photos."""
        homes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for key in dict.fromkeys(folders):
            homes[_parts(*key)[-1]].append(key)
        names: dict[tuple[str, str], str] = {}
        for name, keys in homes.items():
            if len(keys) == 1:
                names[keys[0]] = name
                continue
            for key, parents in _distinct({key: _parts(*key)[:-1] for key in keys}).items():
                names[key] = f"{name} ({', '.join(parents)})" if parents else name
        return cls(names)

    def name_of(self, root: str, folder: str) -> str:
        """The album of a folder; one that appeared since the names were decided is called as if
        it were alone."""
        return self._names.get((root, folder)) or _parts(root, folder)[-1]

    @staticmethod
    def path_name(root: str, folder: str) -> str:
        """The album of a folder under `--album-from path`."""
        return " / ".join(folder.split("/")) if folder else _parts(root, "")[-1]


def _parts(root: str, folder: str) -> list[str]:
    """All names from the top of the file system down to the folder; never empty."""
    parts = [part for part in root.replace(os.sep, "/").split("/") if part]
    parts += [part for part in folder.split("/") if part]
    return parts or ["/"]


def _distinct(parents: dict[tuple[str, str], list[str]]) -> dict[tuple[str, str], list[str]]:
    """For each folder the nearest parents that tell it from all the others.

    First the one nearest level at which all differ, else as many of the nearest as it takes.
    """
    deepest = max(len(parts) for parts in parents.values())
    for level in range(1, deepest + 1):
        one = {k: parts[-level] if level <= len(parts) else "" for k, parts in parents.items()}
        if len(set(one.values())) == len(parents):
            return {k: [name] if name else [] for k, name in one.items()}
    for depth in range(2, deepest + 1):
        several = {k: parts[-depth:] for k, parts in parents.items()}
        if len({tuple(parts) for parts in several.values()}) == len(parents):
            return several
    return parents

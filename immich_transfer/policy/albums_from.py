"""How `--album-from` names the album of a file. Pure, no I/O.

`path`: the folder below the root, joined with ` / `; files directly in the root get its name.

`folder`: the folder's own name, as long as no other folder of the run has it. Folders that share a
name are told apart by the nearest parent in which they differ: levels that all of them share are
passed over, the first level at which they differ is added, and those that still agree there are
told apart in the same way further up:

    2023/Trip, 2024/Trip                       Trip (2023), Trip (2024)
    2023/Italy/Trip, 2024/Italy/Trip           Trip (2023), Trip (2024)
    Home/Trip, 2023/Work/Trip, 2024/Work/Trip  Trip (Home), Trip (2023 / Work), Trip (2024 / Work)

Parents above the root count too, so equal folders of two roots differ. A name that some folder
has of itself is never given to another: that one gets further parents. All of it depends on the
set of folders alone, neither on their order nor on earlier runs: the same folders get the same
names in every run, and the whole set is listed before the first album is owed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

Place = tuple[str, str]
"""A folder: its root, absolute, and its path below it, '/'-separated."""
_Parts = tuple[str, ...]


class FolderAlbums:
    """The album names of `--album-from folder`, for one set of folders."""

    __slots__ = ("_names", "_taken")

    def __init__(self) -> None:
        self._names: dict[Place, str] = {}
        self._taken: set[str] = set()

    @classmethod
    def from_folders(cls, folders: Iterable[Place]) -> FolderAlbums:
        """Names for all of `folders`; repeated ones do no harm."""
        albums = cls()
        by_parts: dict[_Parts, list[Place]] = defaultdict(list)
        for place in folders:
            by_parts[_parts(place)].append(place)
        by_name: dict[str, list[_Parts]] = defaultdict(list)
        for parts in by_parts:
            by_name[parts[-1]].append(parts)
        names: dict[_Parts, str] = {}
        shared: list[tuple[_Parts, _Parts]] = []
        for name, group in by_name.items():
            if len(group) == 1:
                names[group[0]] = name
                albums._taken.add(name)
            else:
                shared += _told_apart(group)
        for parts, parents in sorted(shared):
            names[parts] = albums._free(parts, parents)
        for parts, places in by_parts.items():
            for place in places:
                albums._names[place] = names[parts]
        return albums

    def name_of(self, root: str, folder: str) -> str:
        """The album of the files in `folder` of `root`.

        A folder that appeared after the set was listed gets its own name, or one with as many
        parents as it takes, and keeps it until the end of the run.
        """
        name = self._names.get((root, folder))
        if name is None:
            parts = _parts((root, folder))
            name = self._names[root, folder] = self._free(parts, ())
        return name

    @staticmethod
    def path_name(root: str, folder: str) -> str:
        """The album name of `--album-from path`."""
        return _readable(folder).replace("/", " / ") if folder else _parts((root, ""))[-1]

    def _free(self, parts: _Parts, parents: _Parts) -> str:
        """The first free name: with `parents`, else with ever more of the real ones."""
        name = next(name for name in _candidates(parts, parents) if name not in self._taken)
        self._taken.add(name)
        return name


def _candidates(parts: _Parts, parents: _Parts) -> Iterator[str]:
    """Without end."""
    own = parts[-1]
    yield _with(own, parents)
    for count in range(1, len(parts)):
        yield _with(own, parts[-1 - count : -1])
    number = 2
    while True:
        yield _with(own, (*parts[:-1], str(number)))
        number += 1


def _with(own: str, parents: Sequence[str]) -> str:
    return f"{own} ({' / '.join(parents)})" if parents else own


def _told_apart(group: list[_Parts]) -> Iterator[tuple[_Parts, _Parts]]:
    """Each path of a group that shares its last part, with the parents that make it distinct."""
    open_groups: list[tuple[int, _Parts, list[_Parts]]] = [(2, (), group)]
    while open_groups:
        level, added, members = open_groups.pop()
        if len(members) == 1:
            yield members[0], added
            continue
        by_parent: dict[str | None, list[_Parts]] = defaultdict(list)
        for parts in members:
            by_parent[parts[-level] if level <= len(parts) else None].append(parts)
        for parent, some in by_parent.items():
            # A path that ends here is the only one that does: paths are distinct.
            more = (parent, *added) if parent is not None and len(by_parent) > 1 else added
            open_groups.append((level + 1, more, some))


def _parts(place: Place) -> _Parts:
    root, folder = place
    parts = PurePath(_readable(root)).parts
    return (*parts, *_readable(folder).split("/")) if folder else parts or ("",)


def _readable(text: str) -> str:
    """Bytes that are not UTF-8 become U+FFFD: a server takes only text."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

"""The files of a folder that holds very many, as names: a few bytes each, in order, looked at late.

A listing of the system costs some 300 bytes an entry; a million of them would be the largest thing
in memory by far. Here sorted pieces of it are packed, and merged again while they are walked.
"""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterable, Iterator

BLOCK = 500
"""Names unpacked at once, of each piece."""


class Late:
    """A file asked like an `os.DirEntry`; the system is asked once, when that is wanted."""

    __slots__ = ("_path", "_status", "name")

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._path = path
        self._status: os.stat_result | None = None

    def is_file(self) -> bool:
        return stat.S_ISREG(self.stat().st_mode)

    def stat(self) -> os.stat_result:
        if self._status is None:
            self._status = os.stat(self._path)
        return self._status


class Crowd:
    """Names below `path` (which ends with the separator); iterating gives entries in order."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._pieces: list[list[bytes]] = []

    def add(self, names: list[str]) -> None:
        """One more piece, sorted."""
        self._pieces.append(
            [
                "\0".join(names[at : at + BLOCK]).encode("utf-8", "surrogatepass")
                for at in range(0, len(names), BLOCK)
            ]
        )

    def __iter__(self) -> Iterator[Late]:
        path = self._path
        for name in heapq.merge(*map(_unpacked, self._pieces)):
            yield Late(name, path + name)


def _unpacked(blocks: Iterable[bytes]) -> Iterator[str]:
    for block in blocks:
        yield from block.decode("utf-8", "surrogatepass").split("\0")

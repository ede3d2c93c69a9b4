"""What a row of the table of the users' notes is, and how the table is written in the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .note_scene import Scene
from .support import Result

REFUSED = "exit 7: needs "
"""How what is said instead of calls begins, where a version cannot do it."""
_CALL = re.compile(r"([A-Z]+) (/[^\s,?]+)(?:\?(\w+))?(?: \{([\w, ]+)\})?")


class Call(NamedTuple):
    """A request: its route, parts in braces unnamed, and the names of what it must carry."""

    method: str
    path: str
    names: frozenset[str]


Effect = Callable[[Scene, Result], object]


class Row(NamedTuple):
    """One line of the notes. `{names}` in the command are properties of the scene; `older` says
    what is called on servers before a version, or that they cannot do it."""

    note: str
    command: str
    calls: str
    effect: Effect
    """True when it was done; may be asked again for what the server does later."""
    older: tuple[tuple[str, str], ...] = ()

    def expected(self, version: tuple[int, ...]) -> str:
        """The calls made to a server of this version, or REFUSED and what it would need."""
        for limit, calls in self.older:
            if version < number(limit):
                return calls
        return self.calls


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def calls_of(text: str) -> list[Call]:
    """The calls that a cell of the table names."""
    found = []
    for method, path, query, fields in _CALL.findall(text):
        names = {query, *fields.replace(" ", "").split(",")} - {""}
        found.append(Call(method, unnamed(path), frozenset(names)))
    return found


def unnamed(path: str) -> str:
    """A route whose parts in braces have no names."""
    return re.sub(r"\{\w+\}", "{}", path)


PLACES = {
    "url": "$IMMICH_URL",
    "key": "$IMMICH_API_KEY",
    "asset": "ASSET-ID",
    "album": "ALBUM-ID",
    "album_name": "Trip",
    "photo": "photo.jpg",
    "photos": "~/Pictures",
    "output": "~/Album",
    "library": "NAME",
}
"""What stands in the page for what the scene has."""


def _quoted(calls: str) -> str:
    return calls if calls.startswith(REFUSED) else _CALL.sub(r"`\g<0>`", calls)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    lines.insert(1, "|" + "---|" * lines[0].count(" | ") + "---|")
    return "\n".join(lines)


def _note(row: Row) -> str:
    return f"`{row.note}`" if row.note[:3] != "the" else row.note


def _command(row: Row) -> str:
    return f"`immich-transfer {row.command.format_map(PLACES)}`"


def today(rows: Iterable[Row]) -> str:
    """Every row, as a server of today is asked."""
    lines = ((_note(row), _command(row), _quoted(row.calls)) for row in rows)
    return _table(("the note", "the command", "the calls made today"), lines)


def formerly(rows: Iterable[Row]) -> str:
    """Where older servers are asked something else, or cannot do it."""
    lines = ((_command(row), limit, _quoted(calls)) for row in rows for limit, calls in row.older)
    return _table(("the command", "before", "the calls made then"), lines)

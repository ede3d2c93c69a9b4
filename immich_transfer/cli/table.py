"""Tables that are written while their rows arrive: plain text columns that fit the terminal.

Widths are settled by the first rows; the rest streams, so that 100,000 rows take no more memory
than 100. On a terminal cells that may be shortened are elided in the middle; in a pipe nothing is,
since the next program wants whole names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from immich_transfer.report.wording import cells, clean, elide

from .words import say

SETTLED_BY = 100
"""Rows that are looked at before the first is written."""
NARROWEST = 12
"""Columns that an elided cell keeps in any case."""
GAP = "  "


class Column(NamedTuple):
    """A column: its head, and what may be done to its cells."""

    head: str
    right: bool = False
    elastic: bool = False
    """May be elided: names, not ids."""


class Table:
    """A table on stdout. `close` writes what is still held back; use as a context manager."""

    def __init__(self, *columns: Column, empty: str = "", indent: str = "") -> None:
        """`empty` is said instead of a table without rows; `indent` stands before each row."""
        self._columns = columns
        self._indent = indent
        self._empty = empty
        self._held: list[list[str]] = []
        self._widths: list[int] | None = None
        self._narrow = False

    def __enter__(self) -> Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._empty = ""  # what was refused or cut short is not known to be empty
        self.close()

    def row(self, *values: object) -> None:
        """One row; None is shown as -. Whatever could act on a terminal is replaced."""
        row = ["-" if value is None else clean(str(value)) for value in values]
        if self._widths is not None:
            self._write(row)
            return
        self._held.append(row)
        if len(self._held) >= SETTLED_BY:
            self._settle()

    def close(self) -> None:
        if self._widths is None:
            if not self._held:
                if self._empty:
                    say(self._empty)
                return
            self._settle()

    def _settle(self) -> None:
        rows = [[column.head for column in self._columns], *self._held]
        widths = [max(cells(row[i]) for row in rows) for i in range(len(self._columns))]
        room = _terminal_width()
        self._narrow = room is not None
        if room is not None:
            _squeeze(widths, self._columns, room - len(self._indent))
        self._widths = widths
        self._held = []
        for row in rows:
            self._write(row)

    def _write(self, row: Sequence[str]) -> None:
        assert self._widths is not None
        last = len(row) - 1
        shown = []
        for place, (text, width, column) in enumerate(
            zip(row, self._widths, self._columns, strict=True)
        ):
            if column.elastic and self._narrow:
                text = elide(text, width)
            pad = " " * (width - cells(text))
            if column.right:
                shown.append(pad + text)
            else:
                shown.append(text if place == last else text + pad)
        say(self._indent + GAP.join(shown).rstrip())


def _squeeze(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Take what is too much from the widest elastic columns."""
    elastic = [place for place, column in enumerate(columns) if column.elastic]
    over = sum(widths) + len(GAP) * (len(widths) - 1) - room
    while over > 0:
        wide = max(elastic, key=lambda place: widths[place], default=None)
        if wide is None or widths[wide] <= NARROWEST:
            return
        widths[wide] -= 1
        over -= 1


def _terminal_width() -> int | None:
    """How wide rows may be; None where nobody looks but a program."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return None

"""A page of text that fits a width where it can, coloured or not, made without rich."""

from __future__ import annotations

from .wording import wrap

NARROWEST = 30
"""Columns: below this, folding makes prose worse than a line that runs over."""


class Page:
    """Lines, gathered from top to bottom."""

    def __init__(self, width: int, *, color: bool) -> None:
        self.width = max(width, NARROWEST)
        self._color = color
        self.lines: list[str] = []

    def paint(self, text: str, code: str | None) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and code and text else text

    def add(
        self, text: str, *, indent: str = "", first: str | None = None, code: str | None = None
    ) -> None:
        """Prose: folded at spaces. A name that may hold several of them goes to `lines` whole."""
        for line in wrap(text, self.width, indent=indent, first=first):
            self.lines.append(self.paint(line, code))

    def row(self, head: str, about: str, *, code: str | None = None) -> None:
        """A painted head with prose beside it, folded into a column of its own."""
        folded = wrap(about, self.width, indent=" " * (len(head) + 2), first=head + "  ")
        self.lines.append((self.paint(head, code) + folded[0][len(head) :]).rstrip())
        self.lines += folded[1:]

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

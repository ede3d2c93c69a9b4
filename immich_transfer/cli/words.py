"""Names, times and tables as plain text, for terminals of 80 columns."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click


def one_line(text: str) -> str:
    """Printable on one line: line breaks and control characters become visible, and names that
    are not UTF-8 get the replacement character."""
    if text.isascii() and text.isprintable():
        return text
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(text.split("\n")))


def json_line(line: Mapping[str, Any]) -> str:
    """One object as the reports write theirs: compact; names that are not UTF-8 get the
    replacement character, since lone surrogates are not JSON."""
    import json

    from immich_transfer.report.wording import escape

    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    return escape(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def say(line: str = "") -> None:
    """A line on stdout, whatever its letters."""
    click.echo(line.encode(getattr(sys.stdout, "encoding", None) or "utf-8", "replace"))


def warn(text: str) -> None:
    """A line for people on stderr."""
    click.echo(f"immich-transfer: {one_line(text)}".encode("utf-8", "replace"), err=True)


def columns() -> int:
    """How wide tables may be."""
    with_size = os.environ.get("COLUMNS", "")
    if with_size.isdigit() and int(with_size) >= 40:
        return int(with_size)
    try:
        return max(40, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError, AttributeError):
        return 80


def cut(text: str, width: int) -> str:
    """At most `width` letters, with an ellipsis where something was left out."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lines of a table whose last column takes what is left of `width`."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head) - 1)]
    lines = []
    for row in (head, *rows):
        cells = [cell.ljust(size) for cell, size in zip(row, widths, strict=False)]
        lines.append(cut("  ".join([*cells, row[-1]]), width).rstrip())
    return lines


def command_line(arguments: Sequence[str]) -> str:
    """Arguments as one would type them."""
    import shlex

    return one_line(" ".join(map(shlex.quote, arguments)))


def moment(seconds: float) -> str:
    """Local date and time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def span(seconds: float) -> str:
    """'12s', '3m05s', '2h07m'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole // 60 % 60:02}m"

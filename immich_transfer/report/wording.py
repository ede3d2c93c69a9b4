"""How numbers, sizes, times and names are written for people. Pure, and free of rich.

Sizes are binary (KiB, MiB, …) with one decimal, everywhere the same. Names come from disks and
servers: whatever could move the cursor, reorder or break a line is replaced before it is shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

ELLIPSIS = "…"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

# C0, DEL and C1 controls, bidi marks, overrides and isolates, line separators, invisible
# spaces, interlinear marks and lone surrogates. ZWJ stays: emoji families are made of it.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def number(n: int) -> str:
    return f"{n:,}"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """'1 file', '1,234 files', '3 retries'."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def _scaled(n: float) -> tuple[str, str]:
    unit = 0
    # 999.95 would be written 1000.0: the next unit is shorter.
    while n >= (1000 if unit == 0 else 999.95) and unit < len(UNITS) - 1:
        n /= 1024
        unit += 1
    return (f"{n:.0f}" if unit == 0 else f"{n:.1f}"), UNITS[unit]


def size(n: float) -> str:
    """'0 B', '999 B', '12.3 MiB'."""
    digits, unit = _scaled(n)
    return f"{digits} {unit}"


def rate(bytes_per_second: float) -> str:
    return size(bytes_per_second) + "/s"


def size_pair(done: int, total: int, *, final: bool) -> str:
    """'12.3 of 30.1+ GiB': the '+' says that the total still grows."""
    done_digits, done_unit = _scaled(done)
    digits, unit = _scaled(total)
    head = done_digits if done_unit == unit else f"{done_digits} {done_unit}"
    return f"{head} of {digits}{'' if final else '+'} {unit}"


def clock(seconds: float) -> str:
    """A countdown: '0:09', '29:30', '2:05:00'."""
    whole = max(0, int(seconds + 0.5))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def remaining(seconds: float) -> str:
    """An estimate, no finer than it can be trusted: '0:45', '12 min', '3 h 05 min', '2 d 4 h'."""
    if seconds < 600:
        return clock(seconds)
    minutes = int(seconds / 60 + 0.5)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} d {hours % 24} h"


def duration(seconds: float) -> str:
    """A time that is over: '0.4 s', '12 s', '4 min 31 s', '3 h 05 min'."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    minutes, secs = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {secs:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def clean(text: str) -> str:
    """`text` with nothing in it that could do anything to a terminal."""
    return _HOSTILE.sub("\N{REPLACEMENT CHARACTER}", text)


def escape(line: str) -> str:
    """A line of JSON that says the same and cannot do anything to a terminal either."""
    return _HOSTILE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def sentence(text: str) -> str:
    """`text` on one line, cleaned, ending in a full stop."""
    line = clean(" ".join(text.split()))
    return line if line.endswith((".", "!", "?", ")")) else line + "."


def cells(text: str) -> int:
    """Columns of `text` on a terminal, near enough to wrap by; exact for ASCII."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(c) or c in "\u200d\ufe0f"
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def elide(text: str, width: int, measure: Callable[[str], int] = cells) -> str:
    """Fit `text` into `width` columns by leaving out its middle; the end says more, so it stays."""
    if measure(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    head, head_room = "", (width - 1) // 3
    for c in text:
        if measure(head + c) > head_room:
            break
        head += c
    tail, tail_room = "", width - 1 - measure(head)
    for c in reversed(text):
        if measure(c + tail) > tail_room:
            break
        tail = c + tail
    # A mark or joiner torn from its base would stick to the ellipsis.
    return head.rstrip("\u200d") + ELLIPSIS + tail.lstrip("\u200d\ufe0f")


def wrap(text: str, width: int, *, indent: str = "", first: str | None = None) -> list[str]:
    """Break `text` at spaces into lines of at most `width` columns; long words stay whole."""
    lines: list[str] = []
    current = indent if first is None else first
    empty = True
    for word in text.split():
        if not empty and cells(current) + 1 + cells(word) > width:
            lines.append(current)
            current, empty = indent, True
        current += word if empty else " " + word
        empty = False
    lines.append(current)
    return lines

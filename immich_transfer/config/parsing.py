"""Text to values: sizes, rates, durations and dates, the same on the command line and in TOML.

Each function raises ValueError with a message that completes "VALUE ...".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}

_PART = r"\d+(?:\.\d+)?(?:ms|[smhdwy])"
_DURATION = re.compile(rf"(?:{_PART})+", re.IGNORECASE)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])", re.IGNORECASE)
_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "y": 31557600.0,
}

LONGEST_SECONDS = 10 * _SECONDS["y"]
"""More than this is a slip of the finger, and timers overflow somewhere beyond."""

Rates = tuple[int | None, int | None]
"""Bytes per second up and down; None is no limit."""


def size(text: str) -> int:
    """'10M' or '1.5G' or '500k' or '1234' as bytes; suffixes are binary, as in rclone."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a size: write bytes, or a number with K, M, G or T, like 10M")
    bytes_ = float(found[1]) * (1 << _SHIFTS[found[2].upper()])
    if bytes_ >= 1 << 62:
        raise ValueError("is larger than any file")
    return round(bytes_)


def rates(text: str) -> Rates:
    """'10M' for both ways, '10M:5M' for up and down, 'off' for no limit."""
    up, colon, down = text.partition(":")
    first = _rate(up)
    return first, _rate(down) if colon else first


def _rate(text: str) -> int | None:
    if text.strip().lower() == "off":
        return None
    try:
        value = size(text)
    except ValueError:
        raise ValueError(
            "is not a bandwidth: write bytes per second like 10M, or UP:DOWN like 10M:5M, or off"
        ) from None
    if value == 0:
        raise ValueError("would let nothing pass: write 'off' for no limit")
    return value


def duration(text: str) -> float:
    """'30m', '1h30m', '0s' or plain seconds, as seconds."""
    text = text.strip()
    try:
        seconds = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else _pieces(text)
    except ValueError:
        raise ValueError("is not a duration: write seconds, or like 90s, 30m or 1h30m") from None
    if seconds > LONGEST_SECONDS:
        raise ValueError("is longer than ten years")
    return seconds


def positive_duration(text: str) -> float:
    """A duration above zero."""
    seconds = duration(text)
    if seconds == 0:
        raise ValueError("must be more than 0")
    return seconds


def _pieces(text: str) -> float:
    if _DURATION.fullmatch(text) is None:
        raise ValueError
    return sum(float(n) * _SECONDS[unit.lower()] for n, unit in _PIECE.findall(text))


def instant(text: str, now: float) -> int:
    """A date, a time, or an age like '30d', as ns since the epoch. Local time unless it says."""
    text = text.strip()
    if _DURATION.fullmatch(text):
        return round((now - duration(text)) * 1_000_000) * 1000
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            "is not a date: write like 2024-12-31, 2024-12-31T18:00 or, for an age, 30d"
        ) from None
    # Integers all the way: a float of seconds cannot hold microseconds of today exactly.
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def count(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"[+-]?\d{1,12}", text.strip()):
        raise ValueError("is not a whole number")
    number = int(text)
    if number < 1:
        raise ValueError("must be 1 or more")
    return number


def workers(text: str) -> int:
    """How many at once: 1 to 256."""
    number = count(text)
    if number > 256:
        raise ValueError("is too many: at most 256")
    return number


def workers_or_auto(text: str) -> int | str:
    """The same, or 'auto'."""
    if text.strip().lower() == "auto":
        return "auto"
    try:
        return workers(text)
    except ValueError as error:
        raise ValueError(f"{error} (or 'auto')") from None


def written_rates(value: Rates) -> str:
    """Rates as one would type them."""
    up, down = ("off" if rate is None else written_size(rate) for rate in value)
    return up if up == down else f"{up}:{down}"


def written_size(value: int) -> str:
    """A size as one would type it, exact."""
    for suffix, shift in (("G", 30), ("M", 20), ("K", 10)):
        if value and value % (1 << shift) == 0:
            return f"{value >> shift}{suffix}"
    return str(value)


def written_duration(seconds: float) -> str:
    """A duration as one would type it, exact."""
    if seconds and seconds % 3600 == 0:
        return f"{seconds / 3600:.0f}h"
    if seconds and seconds % 60 == 0:
        return f"{seconds / 60:.0f}m"
    return f"{seconds:g}s"

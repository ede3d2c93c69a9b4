"""Validation of request bodies, in the words of both majors."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .answers import Issue, invalid
from .versions import VISIBILITIES, Release

_ANY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_V4 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|0{8}(-0{4}){3}-0{12}",
    re.IGNORECASE,
)
_STRICT_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_LOOSE_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TYPES: dict[type, tuple[str, str]] = {
    str: ("a string", "string"),
    bool: ("a boolean value", "boolean"),
    int: ("an integer number", "number"),
    list: ("an array", "array"),
}


def received(value: Any) -> str:
    """A JSON value's type as 3.x names it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def wrong_type(path: tuple[str | int, ...], kind: type, found: str) -> Issue:
    old, new = _TYPES[kind]
    dotted = ".".join(map(str, path))
    return Issue(
        path, f"{dotted} must be {old}", f"Invalid input: expected {new}, received {found}"
    )


def field(body: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """An optional field of a type; 400 when it is another."""
    if name not in body:
        return default
    value = body[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise invalid(wrong_type((name,), kind, received(value)))
    return value


def number_of(
    body: Mapping[str, Any], name: str, default: int, low: int, high: int | None = None
) -> int:
    """A whole number within limits, of a body or (as text) of a query; 400 for another."""
    value = body.get(name, default)
    written = isinstance(value, str) and not isinstance(body, dict)
    if written and re.fullmatch(r"-?\d+", value, re.ASCII):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(wrong_type((name,), int, received(value)))
    if value < low:
        new = f"Too small: expected number to be >={low}"
        raise invalid(Issue((name,), f"{name} must not be less than {low}", new, "too_small"))
    if high is not None and value > high:
        new = f"Too big: expected number to be <={high}"
        raise invalid(Issue((name,), f"{name} must not be greater than {high}", new, "too_big"))
    return value


def flag_of(query: Mapping[str, str], name: str) -> bool | None:
    """`true` or `false` of a query, or None when it is not there; 400 for another word."""
    value = query.get(name)
    if value not in (None, "true", "false"):
        new = 'Invalid option: expected one of "true"|"false"'
        raise invalid(Issue((name,), f"{name} must be a boolean value", new, "invalid_value"))
    return None if value is None else value == "true"


def required(body: dict[str, Any], name: str, kind: type) -> Any:
    if name not in body:
        raise invalid(wrong_type((name,), kind, "undefined"))
    return field(body, name, kind)


def is_uuid(release: Release, text: Any) -> bool:
    pattern = _V4 if release.strict_ids else _ANY
    return isinstance(text, str) and pattern.fullmatch(text) is not None


def uuid_of(release: Release, text: str, name: str = "id") -> str:
    """An id from the path; 400 when it is none."""
    if not is_uuid(release, text):
        raise invalid(Issue((name,), f"{name} must be a UUID", "Invalid UUID", "invalid_format"))
    return text


def ids_of(release: Release, body: dict[str, Any], name: str = "ids") -> list[str]:
    """A list of ids from the body; 400 when one is none."""
    ids: list[Any] = required(body, name, list)
    for place, item in enumerate(ids):
        if not is_uuid(release, item):
            old = f"each value in {name} must be a UUID"
            raise invalid(Issue((name, place), old, "Invalid UUID", "invalid_format"))
    return ids


def visibility_of(body: Mapping[str, Any], name: str = "visibility") -> str | None:
    return one_of(body, name, VISIBILITIES)


def one_of(body: Mapping[str, Any], name: str, choices: Sequence[str]) -> str | None:
    """A word out of a few, or None when it is not there; 400 for another."""
    value = body.get(name)
    if value is None:
        return None
    if value not in choices:
        raise invalid(no_choice(name, choices))
    return str(value)


def no_choice(name: str, choices: Sequence[str]) -> Issue:
    return Issue(
        (name,),
        f"{name} must be one of the following values: {', '.join(choices)}",
        "Invalid option: expected one of " + "|".join(f'"{choice}"' for choice in choices),
        "invalid_value",
    )


def instant(release: Release, text: str) -> datetime | None:
    """A date as the version takes it, in UTC; None when it does not."""
    pattern = _STRICT_DATE.fullmatch if release.strict_dates else _LOOSE_DATE.match
    if not pattern(text):
        return None
    try:
        found = datetime.fromisoformat(text)
        # A date without a zone is the server's own time, and its zone is UTC.
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def as_text(moment: datetime) -> str:
    """As the API writes instants: UTC, cut to milliseconds, Z."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def zone_of(text: str) -> str | None:
    """The zone a date was written in, as the API names it: `UTC`, `UTC+2`, `UTC+5:30`."""
    offset = datetime.fromisoformat(text).utcoffset()
    if offset is None:
        return None
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return "UTC" + (f"{sign}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")


def as_hex(text: str) -> str:
    """A checksum as the server reads it: 28 characters are base64, anything else hex."""
    text = text.strip()
    if len(text) == 28:
        try:
            return base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            return ""
    return text.lower()


def path_checksum(place: str) -> str:
    """What the real servers keep for a file of an external library; proves nothing of it."""
    text = f"path:{place}".encode("utf-8", "surrogateescape")
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()

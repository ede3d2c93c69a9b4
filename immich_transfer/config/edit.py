"""Change one setting in the text of a configuration file and leave every other line as it is.

TOML can be read with the standard library but not written, and a rewritten file would lose its
comments. So one line is replaced, added or taken out; then both texts are read, and when anything
but that one value differs, the change is refused: a file in an odd form is edited by hand.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from typing import Any

from immich_transfer.errors import UsageError

_HEADER = re.compile(r"\s*\[")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MISSING: Any = object()


def with_setting(text: str, profile: str | None, name: str, value: str | int | float | bool) -> str:
    """`text` with `name = value` at its top level, or in `[profile.PROFILE]`."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    start, end = _section(lines, profile)
    line = f"{name} = {written(value)}"
    found = _span(lines, start, end, name)
    if found is not None:
        first, last = found
        lines[first:last] = [f"{line}{_comment(lines[first:last])}\n"]
    elif start is None:
        if lines and lines[-1].strip():
            lines.append("\n")
        lines += [f"[profile.{_key(profile or '')}]\n", f"{line}\n"]
    else:
        lines.insert(_place(lines, start, end, name), f"{line}\n")
    return _proven(text, "".join(lines), profile, name, value)


def without_setting(text: str, profile: str | None, name: str) -> str:
    """`text` without that setting; as it is when it is not there."""
    lines = text.splitlines(keepends=True)
    start, end = _section(lines, profile)
    found = _span(lines, start, end, name)
    if found is not None:
        del lines[found[0] : found[1]]
    return _proven(text, "".join(lines), profile, name, _MISSING)


def written(value: str | int | float | bool) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # A JSON string is a TOML string but for DEL, which TOML wants escaped, too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def table_of(document: dict[str, Any], profile: str | None) -> dict[str, Any]:
    """The settings of the top level or of a profile; empty when there is no such profile."""
    if profile is None:
        return document
    tables = document.get("profile")
    table = tables.get(profile) if isinstance(tables, dict) else None
    return table if isinstance(table, dict) else {}


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _section(lines: list[str], profile: str | None) -> tuple[int | None, int]:
    """First line and end of the part that holds the settings; None when there is no such table."""
    start: int | None = 0 if profile is None else None
    number = 0
    while number < len(lines):
        length = _length(lines, number)
        if length == 1 and _HEADER.match(lines[number]):
            if start is not None:
                return start, number
            if profile is not None and _names(lines[number], profile):
                start = number + 1
        number += length
    return start, len(lines)


def _names(header: str, profile: str) -> bool:
    try:
        return tomllib.loads(header) == {"profile": {profile: {}}}
    except tomllib.TOMLDecodeError:
        return False


def _length(lines: list[str], first: int) -> int:
    """How many lines the statement takes that begins here: long texts and lists take several."""
    if "=" not in lines[first] or lines[first].lstrip().startswith("#"):
        return 1
    for last in range(first + 1, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[first:last]))
        except tomllib.TOMLDecodeError:
            continue
        return last - first
    return 1


def _span(lines: list[str], start: int | None, end: int, name: str) -> tuple[int, int] | None:
    """The lines of the statement that sets `name`."""
    number = end if start is None else start
    while number < end:
        length = _length(lines, number)
        statement = "".join(lines[number : number + length])
        if "=" in statement and not statement.lstrip().startswith("#"):
            try:
                if list(tomllib.loads(statement)) == [name]:
                    return number, number + length
            except tomllib.TOMLDecodeError:
                pass
        number += length
    return None


def _comment(statement: list[str]) -> str:
    """What is said behind a value of one line, with the spaces before it."""
    if len(statement) != 1:
        return ""
    line = statement[0].rstrip("\r\n")
    whole = tomllib.loads(line)
    for place, letter in enumerate(line):
        if letter != "#":
            continue
        head = line[:place]
        try:
            if tomllib.loads(head) == whole:
                return head[len(head.rstrip()) :] + line[place:]
        except tomllib.TOMLDecodeError:
            continue
    return ""


def _place(lines: list[str], start: int, end: int, name: str) -> int:
    """Where a new setting goes: under its sample in the comments, else behind the last one."""
    sample = re.compile(rf"#\s*{re.escape(name)}\s*=")
    last = start
    number = start
    while number < end:
        length = _length(lines, number)
        if sample.match(lines[number]):
            return number + 1
        if lines[number].strip() and not lines[number].lstrip().startswith("#"):
            last = number + length
        number += length
    if last > start or start > 0:
        return last
    # Nothing is set at the top yet: above the comments of the first table, below those of the file.
    while end > 0 and lines[end - 1].lstrip().startswith("#") and end < len(lines):
        end -= 1
    return end


def _proven(before: str, after: str, profile: str | None, name: str, value: Any) -> str:
    wanted = copy.deepcopy(tomllib.loads(before))
    if value is _MISSING:
        table_of(wanted, profile).pop(name, None)
    elif profile is None:
        wanted[name] = value
    else:
        tables = wanted.setdefault("profile", {})
        if isinstance(tables, dict) and isinstance(tables.setdefault(profile, {}), dict):
            tables[profile][name] = value
    try:
        if tomllib.loads(after) == wanted:
            return after
    except tomllib.TOMLDecodeError:
        pass
    raise UsageError(
        f"cannot change {name} in this file: it is written in a form that has to be edited by hand",
        hint="`immich-transfer config path` says where it is",
    )

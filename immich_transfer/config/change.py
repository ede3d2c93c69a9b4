"""`config set` and `login`: a value from the command line into the configuration file.

The file is replaced as a whole, keeps its rights, and is private as soon as it holds a key.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from immich_transfer.errors import UsageError

from .credentials import write_private
from .edit import table_of, with_setting, without_setting
from .example import example
from .fields import BY_NAME, Field
from .file import checked, nearest
from .settings import normal_url

OTHER_SPELLING = {"api_key": "api_key_file", "api_key_file": "api_key"}
"""A key and a file of a key are one setting: saying one takes out the other."""
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_DIGITS = 15
"""More than these are no number that any setting takes."""


def field_named(name: str) -> Field:
    """The setting of this name; dashes are as good as underscores. Raises UsageError."""
    field = BY_NAME.get(name.replace("-", "_"))
    if field is None:
        raise UsageError(
            f"unknown setting {name}{nearest(name, BY_NAME)}",
            hint="`immich-transfer config show` lists them",
        )
    return field


def value_of(field: Field, text: str, path: str) -> str | int | bool:
    """What was typed as the file will have it, once it is known to be good. Raises UsageError."""
    value: str | int | bool = text.strip() if field.name == "api_key" else text
    if field.kind == "flag":
        value = _TRUTH.get(text.lower(), text)
    elif field.kind == "parsed" and text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        value = int(text)
    elif field.kind == "path" and text != "-" and not text.startswith("~"):
        # Relative ones in the file start at its folder, but this one was typed in another.
        value = os.path.abspath(text)
    if isinstance(value, str) and not value.isprintable():
        raise UsageError(f"{field.name}: it has letters that cannot be stored")
    try:
        checked(field, value, path)
    except ValueError as error:
        shown = "it" if field.name == "api_key" else repr(text)
        raise UsageError(f"{field.name}: {shown} {error}") from None
    if field.name == "url":
        return normal_url(str(value), "url")
    if field.name == "api_key" and (not text.isascii() or " " in str(value)):
        raise UsageError("api_key: it has spaces or letters no key has")
    return value


def set_values(path: str, profile: str | None, values: Iterable[tuple[Field, Any]]) -> list[str]:
    """Write settings into the file, which is begun with the commented example if missing. Returns
    the names of those that had to go for it."""
    gone: list[str] = []

    def edit(text: str) -> str:
        for field, value in values:
            other = OTHER_SPELLING.get(field.name)
            if other in table_of(tomllib.loads(text), profile):
                text = without_setting(text, profile, str(other))
                gone.append(str(other))
            text = with_setting(text, profile, field.name, value)
        return text

    _change(path, edit)
    return gone


def unset_values(path: str, profile: str | None, names: Iterable[str]) -> list[str]:
    """Take settings out of the file, known ones or not; the names that were there."""
    gone: list[str] = []

    def edit(text: str) -> str:
        table = table_of(tomllib.loads(text), profile)
        for name in names:
            if name in table and name != "profile":
                text = without_setting(text, profile, name)
                gone.append(name)
        return text

    if os.path.exists(path):
        _change(path, edit)
    return gone


def _change(path: str, edit: Callable[[str], str]) -> None:
    mode = 0o600
    try:
        with open(path, encoding="utf-8", newline="") as file:
            before = file.read()
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        before = None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not valid TOML: it is not UTF-8") from None
    except OSError as error:
        raise UsageError(f"cannot read the config file {path}: {error.strerror}") from None
    try:
        after = edit(example() if before is None else before)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    if after != before:
        write_private(path, after, mode & 0o700 if _holds_key(after) else mode)


def _holds_key(text: str) -> bool:
    document = tomllib.loads(text)
    tables = document.get("profile")
    profiles = tables.values() if isinstance(tables, dict) else ()
    return any(isinstance(table, dict) and "api_key" in table for table in (document, *profiles))

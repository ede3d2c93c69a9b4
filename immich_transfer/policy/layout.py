"""Where a downloaded file goes: a template such as `{album}/{filename}`. Pure, no I/O.

A template is checked once, at the start, and compiled: whatever is wrong with it is said before
the first request. `/` in the template separates folders; a `/` in a value does not, for every
component is made safe after its values stand in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from immich_transfer.errors import UsageError
from immich_transfer.model import RemoteAsset
from immich_transfer.policy.naming import safe_name, split_name

ALBUM_LAYOUT = "{album}/{filename}"
"""The default for albums."""
LIBRARY_LAYOUT = "{year}/{year}-{month}/{filename}"
"""The default for everything else."""
UNKNOWN = "Unknown"
"""Stands for a value the asset does not have."""

_MOST_COMPONENTS = 20
"""Folders deep; a template beyond that is a mistake."""

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "album": "name of the album",
        "filename": "name of the file with its extension, as it was uploaded",
        "stem": "name of the file without its extension",
        "ext": "extension of the file, without the dot",
        "year": "year it was taken, 4 digits, by the clock where it was taken",
        "month": "month it was taken, 01 to 12",
        "day": "day it was taken, 01 to 31",
        "hour": "hour it was taken, 00 to 23",
        "minute": "minute it was taken, 00 to 59",
        "second": "second it was taken, 00 to 59",
        "id": "the server's id of the asset",
        "type": "image or video",
        "owner": "who owns it",
        "make": "maker of the camera",
        "model": "model of the camera",
        "city": "city where it was taken",
        "state": "state or region where it was taken",
        "country": "country where it was taken",
    }
)
"""What a template may name, with its meaning in one line."""

_DATE_FIELDS = ("year", "month", "day", "hour", "minute", "second")
_UNDATED = (UNKNOWN,) * len(_DATE_FIELDS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TOKEN = re.compile(
    r"(?P<literal>[^{}]+|\{\{|\}\})|\{(?P<field>[^{}]*)\}|(?P<stray>[{}])", re.DOTALL
)
_DRIVE = re.compile(r"[A-Za-z]:")


class _Facts(NamedTuple):
    """All that the values of one asset are made from."""

    asset: RemoteAsset
    album: str
    filename: str
    owner: str
    when: tuple[str, ...]
    """One text for each of `_DATE_FIELDS`."""


class _Component(NamedTuple):
    """One compiled component: a %-pattern and the values that go into it."""

    pattern: str
    values: tuple[Callable[[_Facts], str], ...]

    def render(self, facts: _Facts) -> str:
        return safe_name(self.pattern % tuple([value(facts) for value in self.values]))


@dataclass(frozen=True, slots=True)
class Layout:
    """A checked template. Made by `parse`; equal when the texts are."""

    text: str
    _folders: tuple[_Component, ...] = field(compare=False, repr=False)
    _name: _Component = field(compare=False, repr=False)
    _dated: bool = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Compile a template; UsageError says in one line what is wrong with it.

        `{field}` is one of `FIELDS`; `{{` and `}}` are the braces themselves.
        """
        if not text:
            raise UsageError(f"the layout is empty; the default is {ALBUM_LAYOUT!r}")
        if "\\" in text:
            raise _wrong(text, "folders are separated by '/', not by '\\'")
        if text.startswith("/") or _DRIVE.match(text):
            raise _wrong(text, "it must be relative: the destination is given apart")
        components = _components(text)
        if len(components) > _MOST_COMPONENTS:
            raise _wrong(text, f"more than {_MOST_COMPONENTS} components")
        for component in components:
            _check_literal(text, component)
        if not _keeps_type(components[-1]):
            raise _wrong(text, "it must end in '{filename}', or in a name and '.{ext}'")
        *folders, name = (_compiled(component) for component in components)
        used = {token for component in components for known, token in component if known}
        return cls(text, tuple(folders), name, not used.isdisjoint(_DATE_FIELDS))

    def render(
        self, asset: RemoteAsset, *, album: str, filename: str | None = None, owner: str = ""
    ) -> tuple[str, str]:
        """The folder below the destination, '/'-separated and '' for itself, and the file's name.

        `album` is the final name of its folder; `filename` replaces the name the asset was
        uploaded with, `owner` the id of its owner. A value that is missing is `Unknown`.
        """
        facts = _Facts(
            asset,
            album,
            safe_name(filename or asset.name),
            owner,
            _moment(asset) if self._dated else _UNDATED,
        )
        folder = "/".join([component.render(facts) for component in self._folders])
        return folder, self._name.render(facts)


_Tokens = list[tuple[bool, str]]
"""A component as parsed: (True, name of a field) or (False, literal text)."""


def _components(text: str) -> list[_Tokens]:
    components: list[_Tokens] = [[]]
    for token in _TOKEN.finditer(text):
        if token["stray"]:
            raise _wrong(text, "unbalanced or nested braces; '{{' and '}}' are literal braces")
        if token["field"] is not None:
            _check_field(text, token["field"])
            components[-1].append((True, token["field"]))
            continue
        literal = {"{{": "{", "}}": "}"}.get(token["literal"], token["literal"])
        for number, piece in enumerate(literal.split("/")):
            if number:
                components.append([])
            if piece:
                components[-1].append((False, piece))
    return components


def _check_field(text: str, name: str) -> None:
    if name in FIELDS:
        return
    bare = re.split(r"[!:.\[]", name, maxsplit=1)[0]
    if bare in FIELDS:
        raise _wrong(text, f"no format can be given in {name!r}; write '{{{bare}}}'")
    # Costs a millisecond to import, and few ever need it.
    from difflib import get_close_matches

    near = get_close_matches(name.strip().lower(), list(FIELDS), n=1)
    meant = f", did you mean '{{{near[0]}}}'?" if near else ";"
    raise _wrong(text, f"unknown field {name!r}{meant} The fields are: {', '.join(FIELDS)}")


def _check_literal(text: str, component: _Tokens) -> None:
    """A folder the user spells out is made as spelled, or refused."""
    if any(known for known, _ in component):
        return
    literal = "".join(token for _, token in component)
    if not literal:
        raise _wrong(text, "it has an empty component: '/' at the end, or twice")
    if safe_name(literal) != unicodedata.normalize("NFC", literal):
        raise _wrong(text, f"no folder can be called {literal!r} on every system")


def _keeps_type(component: _Tokens) -> bool:
    match component:
        case [*_, (True, "filename")]:
            return True
        case [*before, (False, literal), (True, "ext")]:
            return literal.endswith(".") and bool(before or literal.strip(". "))
    return False


def _compiled(component: _Tokens) -> _Component:
    pattern = "".join("%s" if known else token.replace("%", "%%") for known, token in component)
    return _Component(pattern, tuple(_VALUES[token] for known, token in component if known))


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"layout {text!r}: {why}")


def _moment(asset: RemoteAsset) -> tuple[str, ...]:
    """Year to second by the clock where it was taken; in UTC when the server does not tell that."""
    local = asset.local[:19]
    # The parser knows more forms of ISO 8601 than the one the server writes.
    if local[4:5] == local[7:8] == "-" and local[13:14] == local[16:17] == ":":
        try:
            return _fields_of(datetime.fromisoformat(local))
        except ValueError:
            pass  # no such day or hour
    if not asset.taken:
        return _UNDATED
    try:
        return _fields_of(_EPOCH + timedelta(milliseconds=asset.taken))
    except OverflowError:
        return _UNDATED


def _fields_of(when: datetime) -> tuple[str, ...]:
    text = when.isoformat()
    return text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19]


def _known(value: str) -> str:
    # Cameras pad their names with spaces and NULs.
    return value.strip(" \0") or UNKNOWN


_VALUES: Mapping[str, Callable[[_Facts], str]] = {
    "album": lambda facts: _known(facts.album),
    "filename": lambda facts: facts.filename,
    "stem": lambda facts: split_name(facts.filename)[0],
    # A name without one leaves a dot at the end, which no safe name has.
    "ext": lambda facts: split_name(facts.filename)[1][1:],
    "year": lambda facts: facts.when[0],
    "month": lambda facts: facts.when[1],
    "day": lambda facts: facts.when[2],
    "hour": lambda facts: facts.when[3],
    "minute": lambda facts: facts.when[4],
    "second": lambda facts: facts.when[5],
    "id": lambda facts: _known(facts.asset.id),
    "type": lambda facts: "video" if facts.asset.video else "image",
    "owner": lambda facts: _known(facts.owner or facts.asset.owner),
    "make": lambda facts: _known(facts.asset.camera[0]),
    "model": lambda facts: _known(facts.asset.camera[1]),
    "city": lambda facts: _known(facts.asset.place[0]),
    "state": lambda facts: _known(facts.asset.place[1]),
    "country": lambda facts: _known(facts.asset.place[2]),
}

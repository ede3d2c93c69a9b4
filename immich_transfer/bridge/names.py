"""Ids and exact names: both are taken wherever something on the server is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from immich_transfer.errors import UsageError

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SHOWN = 10
"""Candidates that an error names at most."""


def is_id(text: str) -> bool:
    """True for a UUID: what every id of the server is. A name that looks like one is found by its
    id only."""
    return _UUID.fullmatch(text) is not None


def pick(what: str, wanted: str, known: Iterable[tuple[str, str]]) -> str:
    """The id of the one thing of this id or exact name; `known` are pairs of id and name.

    Raises UsageError when there is none (naming what is near), or when several have this name
    (listing them with their ids).
    """
    pairs = list(known)
    for found, _ in pairs:
        if found == wanted.lower():
            return found
    ids = sorted(found for found, name in pairs if name == wanted)
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise UsageError(f"no {what} {wanted!r} on the server{_near(wanted, pairs)}")
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    raise UsageError(
        f"{len(ids)} {what}s are called {wanted!r}: {', '.join(ids[:SHOWN])}{more}",
        hint="say which one by its id",
    )


def _near(wanted: str, pairs: Iterable[tuple[str, str]]) -> str:
    names = sorted({name for _, name in pairs if name})
    near = get_close_matches(wanted, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""

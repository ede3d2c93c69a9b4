"""Keep the API key out of everything that is printed or stored (law 7)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

_known: set[str] = set()

SHORTEST = 8
"""Anything shorter is no key, and taking it out would garble ordinary words."""


def learn(*keys: str) -> None:
    """From now on these are taken out of what is printed."""
    _known.update(key.strip() for key in keys if len(key.strip()) >= SHORTEST)


def learn_arguments(arguments: Sequence[str]) -> None:
    """Learn the key from the command line and the environment, before anything can go wrong."""
    learn(os.environ.get("IMMICH_API_KEY", ""), *_keys(arguments))


def redact(text: str) -> str:
    """`text` with every known key as stars."""
    for key in _known:
        text = text.replace(key, "***")
    return text


def scrub_arguments(argv: Sequence[str]) -> list[str]:
    """The arguments without `--api-key` and its value: this is what a run remembers."""
    kept: list[str] = []
    values = iter(argv)
    for argument in values:
        if argument == "--":
            return [*kept, argument, *values]
        if argument == "--api-key":
            next(values, None)
        elif not argument.startswith("--api-key="):
            kept.append(argument)
    return kept


def _keys(argv: Sequence[str]) -> Iterator[str]:
    values = iter(argv)
    for argument in values:
        if argument == "--":
            return
        if argument == "--api-key":
            yield next(values, "")
        elif argument.startswith("--api-key="):
            yield argument.partition("=")[2]

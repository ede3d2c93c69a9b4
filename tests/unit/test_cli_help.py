"""The help of every command: an example of itself, and what a key needs for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from immich_transfer.cli.root import COMMANDS, cli

NAMED = re.compile(r"\b[a-z]+[A-Z]?[A-Za-z]*\.[a-z]+\b|permissions? of|all permissions")
"""`asset.read`, or a word on where it is said."""
SPOKEN_WITH = ("albums", "assets", "tags", "users", "search", "libraries", "jobs", "server")
"""The commands that ask the server for one thing."""


def commands() -> Iterator[tuple[str, ...]]:
    root = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(root, name)
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in command.commands)


PATHS = list(commands())


def help_of(path: tuple[str, ...]) -> str:
    command: click.Command = cli
    context = click.Context(cli, info_name="immich-transfer")
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    return command.get_help(context)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_command_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    examples = help_of(path).partition("Examples:")[2]
    assert f"immich-transfer {' '.join(path)}" in examples


@pytest.mark.parametrize(
    "path",
    [p for p in PATHS if p[0] in SPOKEN_WITH and (len(p) == 2 or p[0] in ("search", "server"))],
    ids=" ".join,
)
def test_a_command_for_the_server_names_permission_and_json(path: tuple[str, ...]) -> None:
    text = help_of(path)
    about = text.partition("Options:")[0]
    assert NAMED.search(about), about
    assert "--json" in text

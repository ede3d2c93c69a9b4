"""Examples in `contrib/` and `docs/` are commands that exist, with options that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from immich_transfer.cli.root import COMMANDS, cli

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "contrib" / "systemd").glob("immich-transfer-*"))
PAGES = sorted((ROOT / "docs").glob("*.md"))
_COMMAND = re.compile(r"immich-transfer(?:\.exe)? +([a-z][^`|#>\n]*)")


def commands(text: str) -> list[list[str]]:
    """Command lines in a text, without what only the shell sees."""
    found = [shlex.split(line.replace("…", ""), posix=True) for line in _COMMAND.findall(text)]
    return [words for words in found if words[0] in COMMANDS]


def check(words: list[str]) -> None:
    """Every option of a command line is known to the command it is given to."""
    context = click.Context(cli, info_name="immich-transfer")
    command = cli.get_command(context, words[0])
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(context, rest[0])
        assert inner is not None, words
        command, rest = inner, rest[1:]
    assert command is not None
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    for word in rest:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in known | {"--help"}, words


@pytest.mark.parametrize("path", [*UNITS, *PAGES], ids=lambda path: path.name)
def test_examples_are_commands_that_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    found = commands(text.replace('"', ""))
    assert found or path.suffix == ".timer"
    for words in found:
        check(words)


def test_the_units_hold_no_key_and_know_the_exit_codes() -> None:
    assert len(UNITS) == 3
    for path in UNITS:
        text = path.read_text("utf-8")
        assert "--api-key" not in text
        if path.suffix == ".service":
            assert "EnvironmentFile=" in text
            assert "SuccessExitStatus=143" in text

"""The manual page tells what the help texts tell, in roff that readers of pages accept."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from immich_transfer.cli.man import EXITS, _lines, _prose, _text, page
from immich_transfer.cli.root import COMMANDS, cli
from immich_transfer.config.fields import FIELDS
from immich_transfer.errors import Exit


@pytest.fixture(scope="module")
def text() -> str:
    return page(cli)


def plain(text: str) -> str:
    return text.replace("\\-", "-").replace("\\e", "\\").replace("\\&", "")


def test_sections_stand_in_their_usual_order(text: str) -> None:
    assert re.findall(r"^\.SH (.+)$", text, re.MULTILINE) == [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "COMMON OPTIONS",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
    ]


def test_every_command_and_every_option_is_there(text: str) -> None:
    told = plain(text)
    root = click.Context(cli, info_name="immich-transfer")
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        assert f".SS immich-transfer {name}\n" in told
        inner = command.commands.values() if isinstance(command, click.Group) else [command]
        for each in inner:
            for param in each.params:
                if isinstance(param, click.Option) and not param.hidden:
                    assert param.opts[-1] in told, (name, param.opts)


def test_every_exit_code_variable_and_file_is_there(text: str) -> None:
    told = plain(text)
    assert set(EXITS) == set(Exit)
    for code in Exit:
        assert f"\n.B {int(code)}\n" in told
    for field in FIELDS:
        for variable in field.environment:
            assert variable in told
    for name in ("config.toml", "keys.json", "manifest.sqlite3", "IMMICH_TRANSFER_PROFILE"):
        assert name in told


def test_the_page_is_ascii_and_has_no_long_lines_of_prose(text: str) -> None:
    assert text.isascii()
    assert text.endswith("\n")
    assert "\n\n" not in text, "an empty line is a paragraph nobody asked for"


def test_what_roff_would_take_for_its_own_is_escaped() -> None:
    assert _text(".gitignore") == "\\&.gitignore"
    assert _text("'quoted'") == "\\&'quoted'"
    assert _text("a\\b") == "a\\eb"
    assert _text("…") == "\\[u2026]"
    assert _text("well-known, but --dry-run and -n") == "well-known, but \\-\\-dry\\-run and \\-n"
    assert _text("a-b", literal=True) == "a\\-b"
    long = "word " * 30 + ".dotted " * 30
    assert all(len(line) <= 80 for line in _lines(long))
    assert not any(line.startswith(".") for line in _lines(long))


def test_examples_keep_their_lines() -> None:
    assert list(_prose("One\ntwo.\n\n\b\nExamples:\n  a -b\n", headed=True)) == [
        "One two.",
        ".PP",
        ".nf",
        "Examples:",
        "  a \\-b",
        ".fi",
    ]


def test_the_date_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert '"1970-01-02"' in page(cli).splitlines()[0]


def test_mandoc_finds_nothing(text: str, tmp_path: Path) -> None:
    mandoc = shutil.which("mandoc")
    if mandoc is None:
        pytest.skip("mandoc is not installed")
    file = tmp_path / "immich-transfer.1"
    file.write_text(text)
    done = subprocess.run(
        [mandoc, "-Tlint", "-Wstyle", str(file)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == ""


def test_man_shows_it(text: str, tmp_path: Path) -> None:
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("man or groff is not installed")
    file = tmp_path / "immich-transfer.1"
    file.write_text(text)
    done = subprocess.run(
        ["man", "-l", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "EXIT STATUS" in done.stdout

"""`immich-transfer check`: which of its three directions is meant, and what belongs to which."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from immich_transfer.cli.check import _direction, check


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)


def direction(*arguments: str) -> str:
    with check.make_context("check", list(arguments)) as ctx:
        return _direction(ctx)


@pytest.mark.parametrize(
    ("meant", "arguments"),
    [
        ("files", "photos"),
        ("files", "photos a.jpg --folder photos"),
        ("files", "--folder photos --type image --min-size 1K --exclude x/ --hidden --read"),
        ("assets", "--album X -o photos"),
        ("assets", "--all -o photos --layout {album}/{filename}"),
        ("assets", "--favorites -o photos"),
        ("assets", "--type video -o photos"),
        ("assets", "--search beach --limit 5 -o photos"),
        ("assets", "--taken-after 2024-01-01 -o photos --read"),
        ("scrub", "--scrub photos"),
        ("scrub", "--scrub photos --repair"),
    ],
)
def test_one_direction_is_meant(meant: str, arguments: str) -> None:
    assert direction(*arguments.split()) == meant


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "check one thing"),
        ("--type image", "check one thing"),
        ("photos --album X -o photos", "check one thing"),
        ("photos -o photos", "check one thing"),
        ("photos --scrub photos", "check one thing"),
        ("--album X -o photos --scrub photos", "check one thing"),
        ("--album X", "where they are: -o DIR"),
        ("-o photos", "say which photos are meant"),
        ("--all --favorites -o photos", "--all is everything"),
        ("--album X --type image -o photos", "an album comes whole"),
        ("photos --repair", "--repair belongs to --scrub"),
        ("--album X -o photos --repair", "--repair belongs to --scrub"),
        ("photo", "did you mean photos?"),
        ("photos a.jp", "did you mean a.jpg?"),
        ("photos --min-size 2K --max-size 1K", "no file would do"),
        ("photos --limit 5", "--limit belongs to check --album NAME -o DIR"),
        ("photos --layout {filename}", "--layout belongs to"),
        ("--album X -o photos --exclude x/", "--exclude belongs to check PATH"),
        ("--all -o photos --hidden", "--hidden belongs to check PATH"),
        ("--scrub photos --newer 2024-01-01", "--newer belongs to check PATH"),
        ("--scrub photos --type image", "--type belongs to"),
        ("--scrub photos --layout {filename}", "--layout belongs to"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: str, said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        direction(*arguments.split())
    assert said in caught.value.format_message()


def test_an_empty_folder_is_not_this_one() -> None:
    with pytest.raises(click.UsageError, match="--scrub is empty"):
        direction("--scrub", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("photos --combined - --json", "cannot share standard output"),
        ("photos --dry-run", "changes nothing anyway"),
        ("photos -q -v", "-q or -v"),
    ],
)
def test_flags_that_exclude_each_other(arguments: str, said: str) -> None:
    result = CliRunner().invoke(check, arguments.split(), standalone_mode=False)
    assert isinstance(result.exception, click.UsageError)
    assert said in result.exception.format_message()

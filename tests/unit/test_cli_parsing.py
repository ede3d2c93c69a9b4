"""What a command line means, without running anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import pytest

from immich_transfer.cli import words
from immich_transfer.cli.failure import root_cause, wants_json
from immich_transfer.cli.files import check_paths, check_ranges
from immich_transfer.cli.logfile import LogFile
from immich_transfer.cli.resume import find_run
from immich_transfer.cli.root import COMMANDS, cli
from immich_transfer.cli.secrets import learn, redact
from immich_transfer.cli.shared import NOW
from immich_transfer.cli.upload import upload
from immich_transfer.errors import KeyRefused, TransferError, UsageError
from immich_transfer.events import BytesMoved, Notice, Settled
from immich_transfer.manifest.sqlite import open_manifest
from immich_transfer.model import ItemResult, Outcome, Sha1


def parse(*arguments: str, now: float | None = None) -> dict[str, Any]:
    parent = click.Context(cli)
    if now is not None:
        parent.meta[NOW] = now
    return upload.make_context("upload", list(arguments), parent=parent).params


def test_everything_upload_takes() -> None:
    params = parse(
        *("a", "[b]", "--folder", "c", "--album", "A", "--album", "B", "--album-from", "path"),
        *("--tag", "x/y", "--favorite", "--visibility", "archive", "--include", "*.jpg"),
        *("--exclude", "tmp/", "--filter-from", "rules", "--type", "video", "--min-size", "1K"),
        *("--max-size", "4G", "--hidden", "--no-default-excludes", "--follow-links", "--checksum"),
        *("--trashed", "restore", "--deleted", "reupload", "--delete-source", "--no-sidecars"),
        *("-n", "--transfers", "auto", "--hashers", "2", "--bwlimit", "10M:off", "--retries", "3"),
        *("--wait", "0s", "--timeout-idle", "1m", "--max-errors", "9", "--strict", "-vv"),
        *("--no-progress", "--json", "--log-file", "l", "--insecure"),
    )
    assert params["paths"] == ("a", "[b]")
    assert params["folders"] == ("c",)
    assert params["albums"] == ("A", "B")
    assert params["max_size"] == 4 << 30
    assert params["bwlimit"] == (10 << 20, None)
    assert (params["wait"], params["timeout_idle"]) == (0.0, 60.0)
    assert (params["verbose"], params["progress"]) == (2, False)
    assert all(params[flag] for flag in ("no_default_excludes", "no_sidecars", "strict", "dry_run"))


def test_what_is_not_given_is_none_so_that_a_profile_counts() -> None:
    params = parse("a")
    for name in ("insecure", "strict", "progress", "transfers", "wait", "retries", "state_dir"):
        assert params[name] is None, name
    assert not any(params[flag] for flag in ("no_default_excludes", "no_sidecars", "hidden"))


def test_names_after_two_dashes_and_bytes_that_are_not_utf8() -> None:
    odd = os.fsdecode(b"caf\xe9.jpg")
    assert parse("--", "--json", "-n", odd)["paths"] == ("--json", "-n", odd)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--visibility", "locked"], "no API key reaches locked"),
        (["--visibility", "secret"], "timeline, archive, hidden"),
        (["--album", " "], "empty"),
        (["--tag", "a\nb"], "not printable"),
        (["--transfers", "0"], "1 or more"),
        (["--transfers", "many"], "'auto'"),
        (["--retries", "0"], "1 or more"),
        (["--bwlimit", "-3"], "not a bandwidth"),
        (["--bwlimit", "0"], "'off'"),
        (["--wait", "-1"], "not a duration"),
        (["--timeout-idle", "0"], "more than 0"),
        (["--max-errors", "0"], "1 or more"),
        (["--min-size", "big"], "not a size"),
        (["--newer", "yesterdayish"], "not a date"),
        (["--trashed", "burn"], "restore"),
        (["--album-from", "name"], "folder"),
    ],
)
def test_values_that_are_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        parse("a", *arguments)
    message = caught.value.format_message()
    assert said in message
    assert arguments[0] in message


def test_ages_count_from_the_first_start_of_a_resumed_run() -> None:
    assert parse("a", "--newer", "1d", now=86400.0 * 3)["newer"] == 2 * 86400 * 10**9


def test_ranges_no_file_can_meet() -> None:
    for arguments in (
        ["--min-size", "2K", "--max-size", "1K"],
        ["--newer", "2024-01-02", "--older", "2024-01-01"],
    ):
        context = upload.make_context("upload", ["a", *arguments])
        with pytest.raises(click.UsageError, match="no file would do"):
            check_ranges(context)


def test_paths_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "[2024] Trip").mkdir()
    context = click.Context(upload)
    check_paths(context, ["photos", "[2024] Trip", "photos/"])
    for paths, said in (
        ([], "no path given"),
        (["photos", ""], "empty path"),
        (["photos", "phots"], "did you mean photos"),
        (["photos", "elsewhere"], "elsewhere does not exist$"),
        (["new\nline"], r"new\\nline does not exist$|new line"),
    ):
        with pytest.raises(click.UsageError, match=said):
            check_paths(context, paths)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_loads_and_has_examples(name: str) -> None:
    context = click.Context(cli, info_name="immich-transfer")
    command = cli.get_command(context, name)
    assert command is not None
    assert "Examples:" in command.get_help(click.Context(command, parent=context, info_name=name))


def test_json_is_wanted_only_as_an_option() -> None:
    assert wants_json(["upload", "--json", "--oops"])
    assert not wants_json(["upload", "--", "--json"])


def test_the_cause_of_a_group() -> None:
    cause = KeyRefused("no")
    group = BaseExceptionGroup("g", [ValueError("x"), ExceptionGroup("h", [cause])])
    assert isinstance(root_cause(group), ValueError)
    assert root_cause(ExceptionGroup("g", [ValueError("x"), cause])) is cause


def test_known_keys_are_taken_out() -> None:
    learn("0123456789abcdef")
    assert redact("x 0123456789abcdef y") == "x *** y"


def test_words() -> None:
    assert words.one_line("a\nb\x1b[31m") == "a b\\x1b[31m"
    assert words.one_line(os.fsdecode(b"caf\xe9")) == "caf\ufffd"
    assert (words.span(59.6), words.span(125), words.span(7260)) == ("1m00s", "2m05s", "2h01m")
    lines = words.table(("A", "B"), [("1", "x" * 100), ("22", "y")], 20)
    assert [len(line) for line in lines] == [5, 20, 5]
    assert lines[1].endswith("…")


def test_the_log_holds_events_and_no_key(tmp_path: Path) -> None:
    learn("0123456789abcdef")
    path = tmp_path / "log"
    with pytest.raises(TransferError), LogFile(str(path)) as log:
        log(Notice("key 0123456789abcdef"))
        log(BytesMoved(1, 2))
        odd = os.fsdecode(b"caf\xe9.jpg")
        log(Settled(ItemResult(Outcome.UPLOADED, odd, sha1=Sha1(b"\x01" * 20))))
        raise KeyRefused("refused")
    lines = path.read_text("ascii").splitlines()
    assert len(lines) == 3
    assert "***" in lines[0]
    assert "01" * 20 in lines[1]
    assert "refused" in lines[2]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="cannot write the log"):
        LogFile(str(tmp_path))


def test_a_run_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    manifest = open_manifest(str(tmp_path))
    try:
        first = manifest.begin_run("upload", ["upload", "a"], "/")
        second = manifest.begin_run("upload", ["upload", "b"], "/")
        assert find_run(manifest, first).arguments == ("upload", "a")
        same = [a == b for a, b in zip(first, second, strict=True)]
        common = first[: same.index(False)]
        assert find_run(manifest, second[: len(common) + 1]).run == second
        with pytest.raises(UsageError, match="2 runs begin with"):
            find_run(manifest, common)
        with pytest.raises(UsageError, match="no run nine"):
            find_run(manifest, "nine")
    finally:
        manifest.close()


@pytest.mark.parametrize("tag", ["/", " / ", "//"])
def test_a_tag_has_a_name(tag: str) -> None:
    with pytest.raises(click.BadParameter, match="names no tag"):
        upload.make_context("upload", ["--tag", tag, "photos"])

"""Who gets which report, and what stands on which stream."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from immich_transfer.events import Finished, Notice, RunStarted, Settled
from immich_transfer.model import ItemResult, Outcome, Summary
from immich_transfer.report import PlainReport, Report, choose
from immich_transfer.report.live import LiveReport

RUN = RunStarted(run="r1", command="upload", server="2.7.5", user="u", user_name="Ann")
END = Finished(
    Summary(
        run="r1",
        command="upload",
        exit_code=0,
        discovered=1,
        outcomes={"uploaded": 1},
        verified=1,
        bytes_sent=3,
        bytes_received=0,
        bytes_hashed=3,
        requests=4,
        retries=0,
        seconds=0.1,
    )
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def report(
    stdout: io.StringIO,
    stderr: io.StringIO,
    *,
    as_json: bool = False,
    progress: bool | None = None,
    quiet: bool = False,
    no_color: bool = False,
) -> Report:
    return choose(
        json=as_json,
        progress=progress,
        quiet=quiet,
        verbosity=0,
        stdout=stdout,
        stderr=stderr,
        no_color=no_color,
    )


def run(chosen: Report) -> None:
    with chosen:
        chosen(RUN)
        chosen(Notice("look"))
        chosen(Settled(ItemResult(Outcome.UPLOADED, "a.jpg", size=3)))
        chosen(END)
        chosen.tick()


def test_people_off_a_terminal() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    run(report(stdout, stderr))
    assert stderr.getvalue() == "upload: Immich 2.7.5 as Ann, run r1\nnote  look\n"
    assert stdout.getvalue().endswith("\nThe file is on the server, verified.\n")
    assert "\x1b" not in stdout.getvalue()


def test_people_at_a_terminal() -> None:
    stdout, stderr = Terminal(), Terminal()
    chosen = report(stdout, stderr)
    assert isinstance(chosen._view, LiveReport)
    run(chosen)
    assert "\x1b[?25h" in stderr.getvalue()
    assert "\x1b[1;32mThe file is on the server, verified.\x1b[0m\n" in stdout.getvalue()


def test_programs_get_pure_json_lines() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    run(report(stdout, stderr, as_json=True))
    kinds = [json.loads(line)["type"] for line in stdout.getvalue().splitlines()]
    assert kinds == ["run", "item", "summary"]
    assert stderr.getvalue() == "upload: Immich 2.7.5 as Ann, run r1\nnote  look\n"


def test_json_in_a_pipe_keeps_the_display_on_the_terminal() -> None:
    assert isinstance(report(io.StringIO(), Terminal(), as_json=True)._view, LiveReport)
    assert isinstance(report(Terminal(), Terminal(), as_json=True)._view, PlainReport)


def test_no_display_when_not_wanted_or_not_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(report(Terminal(), Terminal(), progress=False)._view, PlainReport)
    assert isinstance(report(Terminal(), Terminal(), quiet=True)._view, PlainReport)
    monkeypatch.setenv("TERM", "dumb")
    stdout, stderr = Terminal(), Terminal()
    run(report(stdout, stderr))
    assert "\x1b" not in stdout.getvalue() + stderr.getvalue()


@pytest.mark.parametrize("by_flag", [True, False])
def test_no_color(monkeypatch: pytest.MonkeyPatch, by_flag: bool) -> None:
    if not by_flag:
        monkeypatch.setenv("NO_COLOR", "1")
    stdout, stderr = Terminal(), Terminal()
    run(report(stdout, stderr, no_color=by_flag))
    assert "\x1b" not in stdout.getvalue()
    assert "\x1b[3" not in stderr.getvalue()


def test_quiet_leaves_the_summary() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    run(report(stdout, stderr, quiet=True))
    assert stderr.getvalue() == ""
    assert "uploaded" in stdout.getvalue()


def test_an_error_is_told_to_people_and_programs() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    with report(stdout, stderr, as_json=True) as chosen:
        chosen.error("no such\nfolder", 2, "check it")
    assert json.loads(stdout.getvalue())["exit_code"] == 2
    assert stderr.getvalue() == "error: no such folder\nhint: check it\n"


def test_rich_is_imported_for_the_display_only() -> None:
    code = """
import io, sys
from immich_transfer.report import choose
for json in (True, False):
    choose(json=json, progress=None, quiet=False, verbosity=0,
           stdout=io.StringIO(), stderr=io.StringIO()).__exit__(None, None, None)
sys.exit("rich" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

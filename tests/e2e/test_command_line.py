"""The installed command: help, mistakes, settings; nothing here needs a server."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import immich_transfer
from immich_transfer.cli.root import COMMANDS
from immich_transfer.manifest.sqlite import open_manifest
from immich_transfer.model import AssetId, Debt, ItemResult, Outcome, Sha1

KEY = "Q3VyaW91cz8gVGhpcyBpcyBubyByZWFsIGtleSE"

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"a photo")
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    def run(*arguments: str, code: int | None = 0, stdin: str = "", **env: str) -> Done:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "IMMICH_TRANSFER_STATE_DIR": str(home / "state"),
            **env,
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "immich_transfer", *arguments],
            cwd=home,
            env=environment,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        told = f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert code is None or done.returncode == code, told
        assert "Traceback" not in done.stdout + done.stderr, told
        assert KEY not in done.stdout + done.stderr, told
        return done

    return run


def error_of(done: Done) -> dict[str, Any]:
    (line,) = done.stdout.splitlines()
    error: dict[str, Any] = json.loads(line)
    assert (error["type"], error["v"]) == ("error", 1)
    assert error["exit_code"] == done.returncode
    return error


# help


def test_help_lists_every_command_in_its_section(run: Run) -> None:
    text = run("--help").stdout
    for name, entry in COMMANDS.items():
        assert f"\n{entry.section}:" in text
        assert f"\n  {name} " in text
    assert "Examples:" in text
    assert run("help").stdout == text
    assert run(code=2).stderr == text


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"immich-transfer {immich_transfer.__version__}\n"


def test_help_and_version_import_nothing_dear() -> None:
    code = (
        "import sys\nfrom immich_transfer.cli.main import run\n"
        "assert run(['--help']) == 0 == run(['--version'])\n"
        "dear = {'aiohttp', 'aiofiles', 'anyio', 'asyncio', 'rich', 'msgspec', 'platformdirs',"
        " 'pathspec', 'filelock', 'sqlite3', 'importlib.metadata'}\n"
        "print(sorted(dear & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"


def test_help_of_a_command(run: Run) -> None:
    text = run("upload", "--help").stdout
    assert "visible" in text or "see it in" in text, "the key on a command line is no secret"
    for flag in ("--album-from", "--bwlimit", "--delete-source", "--state-dir", "--api-key-file"):
        assert flag in text
    assert max(map(len, text.splitlines())) <= 100
    assert run("help", "upload").stdout == text


# mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["uplaod"], "did you mean upload?"),
        (["upload", "photos", "--alubm", "x"], "--album"),
        (["--verison"], "--version"),
        (["upload"], "no path given"),
        (["upload", "photos", "phots"], "phots does not exist"),
        (["upload", "photos"], "no server URL"),
        (["upload", "photos", "--url", "nas:2283"], "http://nas:2283"),
        (["upload", "photos", "--wait", "long"], "--wait"),
        (["upload", "photos", "--visibility", "locked"], "verified"),
        (["upload", "photos", "-q", "-v"], "not both"),
        (["upload", "photos", "--config", "none.toml"], "none.toml"),
        (["upload", "photos", "--profile", "none"], "no profile none"),
        (["status", "--limit", "0"], "--limit"),
        (["status", "nine"], "no run nine"),
        (["resume", "nine"], "no run nine"),
        (["config", "shwo"], "shwo"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line_and_code_2(run: Run, arguments: list[str], said: str) -> None:
    done = run(*arguments, code=2)
    assert done.stdout == ""
    first, *hints = done.stderr.splitlines()
    assert first.startswith("immich-transfer: ")
    assert said in done.stderr
    assert len(hints) <= 1
    if arguments[0] in ("upload", "status"):
        assert said in error_of(run(*arguments, "--json", code=2)).__str__()


def test_no_key_is_code_12(run: Run) -> None:
    done = run("upload", "photos", "--url", "http://127.0.0.1:9", code=12)
    assert "IMMICH_API_KEY" in done.stderr
    error = error_of(run("ping", "--url", "http://127.0.0.1:9", "--json", code=12))
    assert "no API key" in error["message"]
    assert "--api-key-file" in error["hint"]


def test_a_key_in_the_wrong_place_is_not_echoed(run: Run) -> None:
    for arguments in (
        ["upload", "photos", "--api-key-file", KEY],
        ["upload", "photos", "--api-key", f"{KEY} "[:20] + " " + KEY],
    ):
        run(*arguments, code=12, IMMICH_URL="http://127.0.0.1:9")
    run("upload", KEY, code=2, IMMICH_API_KEY=KEY)
    run("upload", "photos", f"--api-kye={KEY}", code=2)
    run(f"--api-key={KEY}", "upload", code=2)


def test_a_key_from_standard_input(run: Run) -> None:
    arguments = ("ping", "--url", "http://127.0.0.1:9", "--api-key-file", "-")
    assert "no API key" not in run(*arguments, stdin=f"{KEY}\n", code=5).stderr
    run(*arguments, stdin="", code=12)


def test_nobody_there_is_code_5(run: Run) -> None:
    environment = {"IMMICH_URL": "http://127.0.0.1:9", "IMMICH_API_KEY": KEY}
    assert error_of(run("ping", "--json", code=5, **environment))["hint"]
    done = run("upload", "photos", "--wait", "0s", "--json", code=5, **environment)
    assert error_of(done)["message"]
    assert json.loads(run("runs", "--json").stdout)["exit_code"] == 5


def test_a_reader_that_left_is_no_trouble(home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "immich_transfer", "upload", "--help"],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(home)},
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.stderr == b""


def test_a_defect_is_one_line_and_details_only_when_asked(home: Path) -> None:
    code = (
        "import sys, immich_transfer.cli.runs as runs\n"
        "from immich_transfer.cli.main import main\n"
        f"def broken(*_): raise LookupError('{KEY}')\n"
        "runs.settings_of = broken\n"
        "main(['runs', '--json'])"
    )
    environment = {"HOME": str(home), "IMMICH_API_KEY": KEY}

    def crash(**more: str) -> Done:
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    plain = crash()
    assert plain.returncode == 1
    assert error_of(plain)["message"] == "internal error: LookupError: ***"
    assert "Traceback" not in plain.stderr
    assert "report" in plain.stderr
    asked = crash(IMMICH_TRANSFER_DEBUG="1")
    assert "Traceback" in asked.stderr
    assert KEY not in plain.stdout + plain.stderr + asked.stdout + asked.stderr


# settings


def test_config_init_show_and_path(run: Run, home: Path) -> None:
    where = run("config", "path").stdout.strip()
    assert where.startswith(str(home))
    run("config", "init")
    file = Path(where)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert "exists" in run("config", "init", code=2).stderr
    assert file.read_bytes() == before
    with file.open("a") as config:
        config.write(f'[profile.nas]\nurl = "http://nas:2283"\napi_key = "{KEY}"\nwait = "5m"\n')
    shown = run("config", "show", "--origin", "--profile", "nas", "--retries", "9", code=None)
    assert shown.returncode == 2, "show takes no transfer flags"
    text = run("config", "show", "--origin", "--profile", "nas").stdout
    assert f"(profile nas in {where})" in text
    assert "***" in text
    line = json.loads(run("config", "show", "--json", IMMICH_URL="http://x").stdout)
    assert line["type"] == "config"
    assert line["settings"]["url"] == {"value": "http://x", "origin": "IMMICH_URL"}
    assert line["settings"]["wait"] == {"value": "30m", "origin": "default"}


def test_a_bad_setting_names_the_file_and_the_nearest(run: Run, home: Path) -> None:
    (home / "c.toml").write_text("bwlimt = '1M'\n")
    done = run("runs", "--config", "c.toml", code=2)
    assert "c.toml" in done.stderr
    assert "did you mean bwlimit?" in done.stderr


# what was run


def test_nothing_yet(run: Run, home: Path) -> None:
    assert "Nothing to resume" in run("resume").stdout
    assert "Nothing recorded" in run("status").stdout
    assert "No runs" in run("runs").stdout
    assert run("runs", "--json").stdout == ""
    assert json.loads(run("status", "--json").stdout)["run"] is None
    line = json.loads(run("resume", "--json").stdout)
    assert (line["type"], line["exit_code"], line["message"]) == ("summary", 0, "nothing to resume")
    assert not (home / "state").exists()


@pytest.fixture
def interrupted(home: Path) -> str:
    """A manifest whose last run left files and debts."""
    manifest = open_manifest(str(home / "state"))
    account = manifest.account("user")
    name = manifest.begin_run("upload", ["upload", "photos", "--album", "Sea"], str(home))
    sha1 = Sha1(b"\x01" * 20)
    manifest.owe(account, [Debt(sha1, "album", "Sea", AssetId("a"))])
    odd = os.fsdecode(b"photos/caf\xe9.jpg")
    manifest.record_items(
        name,
        [
            ItemResult(Outcome.FAILED, "photos/b.jpg", 7, error="413 too large", hint="a proxy"),
            ItemResult(Outcome.PENDING, odd, 9),
        ],
    )
    manifest.end_run(name, 130, {"discovered": 3, "outcomes": {"failed": 1, "pending": 1}})
    manifest.close()
    return name


def test_status_says_what_is_owed_and_why(run: Run, interrupted: str) -> None:
    text = run("status").stdout
    for part in (interrupted, "interrupted", "413 too large", "a proxy", "caf\ufffd.jpg", "Sea"):
        assert part in text
    assert "immich-transfer resume" in text
    assert run("status", interrupted[:15]).stdout == text
    lines = [json.loads(line) for line in run("status", "--json").stdout.splitlines()]
    assert [line["type"] for line in lines] == ["status", "item", "item", "debt"]
    status = lines[0]
    assert (status["failed"], status["pending"], status["owed"]) == (1, 1, 1)
    assert status["run"]["exit_code"] == 130
    assert lines[2]["path_b64"]
    assert (lines[3]["target"], lines[3]["count"]) == ("Sea", 1)


def test_runs_fit_80_columns(run: Run, interrupted: str) -> None:
    head, row = run("runs").stdout.splitlines()
    assert row.startswith(interrupted)
    assert " 130 " in row
    assert max(len(head), len(row)) <= 80
    line = json.loads(run("runs", "--json").stdout)
    assert line["arguments"] == ["upload", "photos", "--album", "Sea"]


def test_resume_of_a_folder_that_is_gone(run: Run, interrupted: str, home: Path) -> None:
    (home / "photos" / "a.jpg").unlink()
    (home / "photos").rmdir()
    environment = {"IMMICH_URL": "http://127.0.0.1:9", "IMMICH_API_KEY": KEY}
    assert "photos does not exist" in run("resume", code=2, **environment).stderr


def test_resume_needs_a_key_and_takes_its_own_flags(run: Run, interrupted: str) -> None:
    run("resume", "--url", "http://127.0.0.1:9", code=12)
    done = run(
        *("resume", "--url", "http://127.0.0.1:9", "--wait", "0s", "--json"),
        code=5,
        IMMICH_API_KEY=KEY,
    )
    assert error_of(done)["exit_code"] == 5

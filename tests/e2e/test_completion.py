"""Shell completion: the scripts, what they answer, and that bash takes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from immich_transfer.cli.root import COMMANDS

from .support import command
from .test_command_line import Run, home, run

__all__ = ["home", "run"]

SHELLS = ("bash", "zsh", "fish")


def completed(run: Run, *words: str) -> list[str]:
    """What bash would offer for the last word."""
    answer = run(
        _IMMICH_TRANSFER_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(("immich-transfer", *words)),
        COMP_CWORD=str(len(words)),
    )
    return [line.partition(",")[2] for line in answer.stdout.splitlines()]


def test_commands_and_their_options(run: Run) -> None:
    assert completed(run, "lo") == ["login", "logout"]
    assert set(COMMANDS) <= set(completed(run, ""))
    assert "--album-from" in completed(run, "upload", "--al")
    assert completed(run, "upload", "--album-from", "") == ["folder", "path"]
    assert completed(run, "config", "s") == ["set", "show"]
    assert completed(run, "config", "set", "time") == ["timeout_idle"]
    assert completed(run, "--ver") == ["--version"]


def test_a_list_of_commands_imports_none_of_them() -> None:
    code = (
        "import sys\nfrom immich_transfer.cli.main import run\n"
        "run([])\n"
        "print([m for m in sys.modules if m.startswith('immich_transfer.cli.')], file=sys.stderr)"
    )
    environment = {
        **os.environ,
        "_IMMICH_TRANSFER_COMPLETE": "bash_complete",
        "COMP_WORDS": "immich-transfer u",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "upload" in done.stdout
    assert "cli.upload" not in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_calls_back(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"_IMMICH_TRANSFER_COMPLETE={shell}_complete" in script
    assert "immich-transfer" in script


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_its_script(run: Run, shell: str, tmp_path: Path) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(run("completion", shell).stdout)
    subprocess.run([found, "-n", str(script)], check=True, timeout=60)


def test_bash_offers_what_the_command_answers(run: Run, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    script = tmp_path / "script"
    script.write_text(run("completion", "bash").stdout)
    there = Path(command()[0]).parent
    ask = (
        f'source "{script}"; COMP_WORDS=(immich-transfer che); COMP_CWORD=1;'
        ' _immich_transfer_completion immich-transfer che; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", ask],
        env={**os.environ, "PATH": f"{there}{os.pathsep}{os.environ.get('PATH', '')}"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["check"]


def test_help_says_how_to_install_it(run: Run) -> None:
    text = run("completion", "--help").stdout
    for shell in SHELLS:
        assert f"completion {shell}" in text
    assert "is not one of" in run("completion", "tcsh", code=2).stderr

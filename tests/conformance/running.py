"""Installing clients side by side, and running them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from benchmarks.peers import Missing

from .record import HOME

T = TypeVar("T")

TIMEOUT = 300
"""Seconds after which a client is taken as hung; a busy machine needs some."""
DONE = ".complete"
"""In the folder of an installation that came to its end."""


def installed(folder: Path, install: Callable[[Path], T | Missing]) -> T | Missing:
    """What `install` finds or makes in the folder.

    One run at a time: another would use what is half there. What was left half done is done anew.
    """
    HOME.mkdir(exist_ok=True)
    with FileLock(HOME / f"{folder.name}.lock"):
        if folder.exists() and not (folder / DONE).exists():
            shutil.rmtree(folder)
        found = install(folder)
        if not isinstance(found, Missing):
            (folder / DONE).touch()
        return found


def run(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and all that was said; -1 for a client that hung. It sees no environment but
    this one."""
    home.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            command,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(home), **environment},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as hung:
        said = (hung.stdout or b"").decode("utf-8", "replace")
        return -1, f"{said}\n(hung: ended after {TIMEOUT} s)"
    return done.returncode, done.stdout.decode("utf-8", "replace")

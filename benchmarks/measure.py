"""One whole process, measured by the kernel: wall, CPU of it and its children, peak memory."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""`ru_maxrss` is in KiB on Linux and in bytes on macOS."""
TAIL = 64 << 10
"""The summary is the last line; it is never longer than this."""


@dataclass(frozen=True)
class Run:
    """What one process took. Seconds and bytes."""

    code: int
    wall: float
    cpu: float
    peak: int
    summary: Mapping[str, Any]
    """The last line on stdout when it is JSON, else empty."""


def measure(argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> Run:
    """Run `argv` in `folder`; its output goes to files there, so that no pipe slows it down.

    Linux hands the peak of this process on to the child it starts: `own_peak` says how large that
    is, and the suite never holds more than a few MiB of data for that reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv,
            env=environment_of(environment, folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        code=process.returncode,
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss * MAXRSS_UNIT,
        summary=_last_line(folder / "stdout"),
    )


def environment_of(extra: Mapping[str, str], home: Path) -> dict[str, str]:
    """What a tool sees: little of ours, so that no setting of this machine decides."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**inherited, "HOME": str(home), **extra}


def files_opened(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path, below: Path
) -> int | None:
    """How many files below `below` the command opens, folders aside; None without strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    log = folder / "strace"
    folder.mkdir(parents=True, exist_ok=True)
    traced = [strace, "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", str(log), *argv]
    if measure(traced, environment, folder).code:
        return None
    with log.open(encoding="utf-8", errors="replace") as lines:
        return sum(f'"{below}/' in line and "O_DIRECTORY" not in line for line in lines)


def own_peak() -> int:
    """The peak memory of this process in bytes: the least that a child can seem to need."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT


def complaint(folder: Path) -> str:
    """The last words of the process that ran in `folder`."""
    for name in ("stderr", "stdout"):
        lines = _tail(folder / name).strip().splitlines()
        if lines:
            return " / ".join(line.strip() for line in lines[-3:])[:500]
    return "it said nothing"


def _last_line(path: Path) -> dict[str, Any]:
    lines = _tail(path).strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().decode("utf-8", "replace")

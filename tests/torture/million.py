"""A million files, and what the command needs for them: peak memory must not grow with a library.

    python -m tests.torture.million                       a million files, in the temporary folder
    python -m tests.torture.million --files 100000        fewer
    python -m tests.torture.million --folder DIR          in DIR, which is kept for the next time

The tree is honest: a million small files that differ, in a thousand folders and, as further names
of the same files, in one flat folder. The server is the sandbox, which is told their checksums
instead of receiving a million bodies; everything else is done by the installed command itself.
Prints a line for each run and fails when one needs more than the bound, or does not find every
file to be what it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tests.e2e.support import command
from tests.sandbox_fixture import SandboxProcess

FILES = 1_000_000
PER_FOLDER = 1000
BOUND_MIB = 200
"""For a million files; the design's law 8."""
PER_REQUEST = 50_000
"""Rows seeded at once."""
TAIL = 64 << 10
"""The summary is the last line, and shorter than this."""
LOOK_SECONDS = 0.02
SIZE = 1000
"""Bytes of a file; what the sandbox says of a row without a file."""
EQUAL_DATES = 140
"""Of each request: so its photos go over all dates that the sandbox gives."""
_MAGIC = b"\xff\xd8\xff\xe0"


class Run(NamedTuple):
    """What a command took: seconds, and bytes at its peak."""

    wall: float
    cpu: float
    peak: int
    summary: dict[str, object]


class Scene(NamedTuple):
    """One command line, and the outcomes all files must have."""

    name: str
    arguments: tuple[str, ...]
    outcome: str
    state: str = "state"
    code: int = 0


def content(number: int) -> bytes:
    return (_MAGIC + number.to_bytes(8, "big")).ljust(SIZE, b"\0")


def name(number: int) -> str:
    return f"IMG_{number:07}.jpg"


def build(home: Path, files: int) -> None:
    """The tree, unless it is there; written aside, so that half a tree is never taken for one."""
    if (home / "nested").exists():
        return
    fresh = home / "nested.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(home / "flat", ignore_errors=True)
    (home / "flat").mkdir(parents=True)
    flat = os.fspath(home / "flat")
    for first in range(0, files, PER_FOLDER):
        below = fresh / f"{first // PER_FOLDER:04}"
        below.mkdir(parents=True)
        for number in range(first, min(first + PER_FOLDER, files)):
            path = f"{below}/{name(number)}"
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, content(number))
            os.close(handle)
            os.link(path, f"{flat}/{name(number)}")
    fresh.rename(home / "nested")


def seed(box: SandboxProcess, files: int) -> None:
    """Have the server hold them all."""
    numbers = iter(range(files))
    while some := list(islice(numbers, PER_REQUEST)):
        box.control(
            "seed",
            {
                "names": [name(number) for number in some],
                "sha1": [hashlib.sha1(content(number)).hexdigest() for number in some],
                "equal_dates": EQUAL_DATES,
            },
        )


def scenes_before() -> Iterator[Scene]:
    """While the server holds nothing."""
    yield Scene("upload --dry-run, all new", ("upload", "nested", "-n"), "uploaded")


def scenes_after() -> Iterator[Scene]:
    """Once it holds everything."""
    library = ("--all", "--layout", "{filename}")
    yield Scene("upload, manifest lost", ("upload", "nested"), "duplicate")
    yield Scene("upload, nothing new", ("upload", "nested"), "duplicate")
    yield Scene("upload --dry-run, nothing new", ("upload", "nested", "-n"), "duplicate")
    yield Scene("upload, moved to one folder", ("upload", "flat"), "duplicate")
    yield Scene("upload, one folder, nothing new", ("upload", "flat"), "duplicate")
    yield Scene("check of folders", ("check", "nested"), "equal")
    yield Scene("download --dry-run", ("download", "-o", "out", *library, "-n"), "downloaded")
    yield Scene("mirror, all there", ("mirror", "-o", "flat", *library), "unchanged")
    yield Scene("mirror, nothing new", ("mirror", "-o", "flat", *library), "unchanged")
    yield Scene("check of the mirror", ("check", "-o", "flat", *library), "equal")


def run(box: SandboxProcess, home: Path, scene: Scene) -> Run:
    """The installed command, its lines in a file: no pipe and no reader slows it down."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "IMMICH_URL": box.url,
        "IMMICH_API_KEY": box.key,
        "IMMICH_TRANSFER_STATE_DIR": str(home / scene.state),
    }
    said = home / "said.jsonl"
    with said.open("wb") as out, (home / "said.txt").open("wb") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command(), *scene.arguments, "--json"],
            env=environment,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        seen = 0
        while True:
            seen = max(seen, high_water(process.pid))
            found, status, usage = os.wait4(process.pid, os.WNOHANG)
            if found:
                break
            time.sleep(LOOK_SECONDS)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != scene.code:
        told = (home / "said.txt").read_text("utf-8", "replace")[-2000:]
        raise AssertionError(f"{scene.name}: exit {process.returncode}\n{told}\n{last_line(said)}")
    # The kernel hands our own peak on to the child: below that only what was seen tells.
    told_peak = usage.ru_maxrss * 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    peak = told_peak if told_peak > own or not seen else seen
    return Run(wall, usage.ru_utime + usage.ru_stime, peak, json.loads(last_line(said)))


def high_water(process: int) -> int:
    """The most memory a process had so far, in bytes; 0 where that cannot be asked."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def judge(scene: Scene, took: Run, files: int) -> list[str]:
    """What is wrong with a run."""
    wrong = []
    if took.summary["discovered"] != files or took.summary["outcomes"] != {scene.outcome: files}:
        wrong.append(f"{took.summary['discovered']} discovered, {took.summary['outcomes']}")
    if took.peak > BOUND_MIB << 20:
        wrong.append(f"more than {BOUND_MIB} MiB")
    return wrong


@contextmanager
def homed(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="million-") as made:
        yield Path(made)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--folder", type=Path, help="where; the tree in it is kept")
    parser.add_argument("--only", default="", help="scenes with this in their name")
    options = parser.parse_args(arguments)
    faults = 0
    with homed(options.folder) as home:
        started = time.perf_counter()
        build(home, options.files)
        print(f"{options.files:,} files, made in {time.perf_counter() - started:.0f} s", flush=True)
        for left in ("state", "server"):
            shutil.rmtree(home / left, ignore_errors=True)
        box = SandboxProcess(home / "server")
        print(
            f"{'scene':34} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9} {'requests':>9}", flush=True
        )
        try:
            faults += sum(tell(box, home, scene, options) for scene in scenes_before())
            seed(box, options.files)
            faults += sum(tell(box, home, scene, options) for scene in scenes_after())
        finally:
            box.stop()
    print(f"{faults} of the runs missed the mark" if faults else "all runs within bounds")
    return 1 if faults else 0


def tell(box: SandboxProcess, home: Path, scene: Scene, options: argparse.Namespace) -> bool:
    """Run a scene and print its line; True when something is wrong with it."""
    if options.only not in scene.name:
        return False
    took = run(box, home, scene)
    wrong = judge(scene, took, options.files)
    print(
        f"{scene.name:34} {took.wall:8.1f} {took.cpu:8.1f} {took.peak / (1 << 20):9.0f}"
        f" {took.summary['requests']:>9} {'; '.join(wrong)}",
        flush=True,
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

"""Ways to make this machine misbehave: small, read-only and broken disks, permissions, limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Result

ROOT = sys.platform.startswith("linux") and os.geteuid() == 0


def refusing(where: str, error: str) -> dict[str, str]:
    """The environment of a command that meets `error` at a named point."""
    return {VARIABLE: f"{where}!{error}"}


def mortal() -> list[str]:
    """What runs a command so that permissions bind it, even as root."""
    if not ROOT:
        return []
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("permissions do not bind root, and there is no setpriv")
    return prefix


def at_most(**limits: int) -> list[str]:
    """What runs a command under these limits of `prlimit`."""
    if shutil.which("prlimit") is None:
        pytest.skip("there is no prlimit")
    return ["prlimit", *(f"--{name}={limit}:{limit}" for name, limit in limits.items())]


def mount(*arguments: str) -> None:
    """Skips the test where that is not allowed."""
    if not ROOT:
        pytest.skip("mounting needs root on Linux")
    tried = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"cannot mount: {tried.stderr.decode().strip()}")


def unmount(folder: Path) -> None:
    """Even while it is in use; nothing when it is not mounted any more."""
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of so many bytes at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={size}", "none", str(folder))
    try:
        yield
    finally:
        unmount(folder)


def fill(folder: Path) -> Path:
    """Take all the room there is; returns the file that holds it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    return filler


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """What is in `folder` can be read, and its disk takes nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    mount("--bind", str(folder), str(folder))
    try:
        mount("-o", "remount,ro,bind", str(folder))
        yield
    finally:
        unmount(folder)


@contextmanager
def broken_disk(folder: Path, files: Mapping[str, bytes]) -> Iterator[None]:
    """A disk that knows the names and sizes of its files and gives EIO for what is in them: the
    image behind it is cut short once it is mounted."""
    if shutil.which("mke2fs") is None:
        pytest.skip("there is no mke2fs")
    image = folder.with_suffix(".image")
    folder.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(24 << 20)
    options = ["-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=0"]
    subprocess.run(["mke2fs", *options, str(image)], check=True, capture_output=True)
    mount("-o", "loop", str(image), str(folder))
    mounted = True
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        subprocess.run(["umount", str(folder)], check=True)
        mounted = False
        mount("-o", "loop,ro", str(image), str(folder))
        mounted = True
        for name in files:
            (folder / name).stat()
        os.truncate(image, 2 << 20)
        yield
    finally:
        if mounted:
            unmount(folder)


def told(result: Result) -> str:
    """What ended the run, and what to do about it: one line."""
    last = result.lines[-1]
    text = f"{last.get('message') or ''} {last.get('hint') or ''}".strip()
    assert text and "\n" not in text, result.told()
    return text

"""What the tests of checks share: a state to begin with, decay, and a look at what is there."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from immich_transfer import ImmichTransfer, Selection

from . import support
from .support import Bench, Result, command

Tree = dict[str, tuple[bytes, int]]


def tree(folder: Path) -> Tree:
    """Content and time of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def rot(path: Path) -> None:
    """Other bytes, the same size and time: what no program would do."""
    seen = path.stat()
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(bytes([content[0] ^ 0xFF]))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def uploaded(bench: Bench) -> None:
    """The photo folder is on the server, as `upload` would have it."""

    async def work() -> None:
        async with ImmichTransfer(bench.url, bench.key, state_dir=bench.state) as transfer:
            assert (await transfer.upload([bench.photos])).ok

    asyncio.run(work())


def downloaded(bench: Bench, selection: Selection, **options: Any) -> None:
    """What is meant is in the output folder, as `download` would have it."""

    async def work() -> None:
        async with ImmichTransfer(bench.url, bench.key, state_dir=bench.state) as transfer:
            assert (await transfer.download(bench.out, selection, **options)).ok

    asyncio.run(work())


def said(result: Result) -> str:
    """The sentences of the summary line."""
    return " ".join(result.summary.get("notes", ()))


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are run by somebody who may not read everything."""
    if os.geteuid() != 0:
        return
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may read anything")
    argv = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command()]
    monkeypatch.setattr(support, "command", lambda: argv)

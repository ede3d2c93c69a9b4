"""A client, a server, and what is said between them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox_fixture import SandboxProcess

from .record import HOME, Record


@dataclass(frozen=True)
class Talk:
    """One client with one version of the sandbox."""

    client: str
    version: str
    work: Callable[[SandboxProcess, Path], None]
    """Gets a fresh server and an empty folder."""


def hold(talk: Talk, record: Record) -> None:
    """Have it, and keep all of it when something in it failed."""
    record.say(f"{talk.client}, sandbox {talk.version}")
    failed = record.failed
    with tempfile.TemporaryDirectory(prefix="talk-", dir=HOME) as folder:
        home = Path(folder).absolute()
        server = SandboxProcess(home / "server", version=talk.version)
        try:
            server.record()
            talk.work(server, home)
            if record.failed > failed:
                record.keep(server, f"{talk.client}-{talk.version}".replace(" ", "-"))
        finally:
            server.stop()

"""The sandbox server as a process of its own, and what it counted."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

STOP_SECONDS = 60
VERSION = "3.0"
"""The newest: the official client of today uploads to no older server."""


@dataclass(frozen=True)
class Stats:
    """As the server saw them."""

    requests: int
    bodies: int
    """Uploads that carried a body."""
    received: int
    """The bytes of those."""
    originals: int
    """Requests for the content of a photo."""

    def __sub__(self, before: Stats) -> Stats:
        return Stats(
            self.requests - before.requests,
            self.bodies - before.bodies,
            self.received - before.received,
            self.originals - before.originals,
        )


class Server:
    """`with Server(folder) as server:` — a fresh folder is a fresh server."""

    def __init__(self, data: Path, version: str = VERSION, *, extra: Sequence[str] = ()) -> None:
        data.parent.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "immich_transfer", "sandbox", "--json"),
                *("--port", "0", "--data", str(data), "--version", version),
                *extra,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError("the sandbox server did not start")
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.key: str = ready["api_key"]

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stats(self) -> Stats:
        found = self.control("stats")
        return Stats(
            found["requests"],
            found["upload_bodies"],
            found["upload_bytes"],
            found["routes"].get("original", 0),
        )

    def state(self) -> dict[str, Any]:
        """Everything it holds; large for a large library."""
        return self.control("state")

    def seed(self, assets: int) -> None:
        """Give it a library of `assets` photos that are not ours."""
        self._ask("_sandbox/seed", {"assets": assets})  # the answer has all ids: not kept

    def add_album(self, name: str) -> str:
        """An album of everything it holds; its id."""
        ids = [asset["id"] for asset in self.state()["assets"]]
        made = json.loads(self._ask("api/albums", {"albumName": name, "assetIds": ids}))
        return str(made["id"])

    def control(self, name: str, body: object | None = None) -> dict[str, Any]:
        text = self._ask(f"_sandbox/{name}", body)
        found = json.loads(text) if text else {}
        assert isinstance(found, dict)
        return found

    def _ask(self, path: str, body: object | None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"x-api-key": self.key}
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.url}/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=600) as answer:
            text: bytes = answer.read()
        return text

"""The sandbox as a process of its own, driven from tests over its control routes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

VERSIONS = ("2.7", "3.0")


class SandboxProcess:
    """`immich-transfer sandbox` with a data folder; `key` is its admin's."""

    def __init__(self, data: Path, *, version: str = "2.7", port: int = 0) -> None:
        self.data = data
        self.version = version
        self._port = port
        self.key = "sandbox-admin-key-0123456789abcdef"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "immich_transfer",
                "sandbox",
                "--json",
                "--data",
                str(self.data),
                "--version",
                self.version,
                "--port",
                str(self._port),
                "--key",
                self.key,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the sandbox did not start"
        self.url: str = json.loads(line)["url"]
        self._port = int(self.url.rsplit(":", 1)[1])

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def restart(self) -> None:
        """Stop and start again on the same port with the same data."""
        self.stop()
        self.start()

    def control(self, path: str, body: Any = None) -> Any:
        """Call a `/_sandbox/` route: POST with a body, GET without."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("stats")
        return found

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("state")
        return found

    def assets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.state()["assets"]
        return found

    def faults(self, *rules: str) -> None:
        self.control("faults", {"faults": list(rules)})

    def reset_stats(self) -> None:
        self.control("reset-stats", {})

    def new_key(self, *permissions: str) -> str:
        return str(self.control("keys", {"permissions": list(permissions)})["key"])

    def new_user(self, name: str, *, quota: int | None = None, admin: bool = False) -> str:
        """The key of a new account."""
        body = {"name": name, "quota": quota, "admin": admin}
        return str(self.control("users", body)["key"])

    def seed(self, count: int) -> None:
        self.control("seed", {"assets": count})

    def away(self, seconds: float) -> None:
        self.control("away", {"seconds": seconds})

    def maintenance(self, on: bool) -> None:
        self.control("maintenance", {"on": on})

    def trash(self, *ids: str) -> None:
        self.control("trash", {"ids": list(ids)})

    def delete(self, *ids: str) -> None:
        self.control("delete", {"ids": list(ids)})

    def wait_until(self, seen: Any, seconds: float = 20.0) -> None:
        """Poll the stats until `seen(stats)` holds; fails the test when it never does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if seen(self.stats()):
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.01)
        raise AssertionError("the sandbox never came to the expected state")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A fresh 2.7 server."""
    box = SandboxProcess(tmp_path / "server")
    yield box
    box.stop()


@pytest.fixture(params=VERSIONS)
def sandbox_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxProcess]:
    """A fresh server of each version."""
    box = SandboxProcess(tmp_path / "server", version=request.param)
    yield box
    box.stop()


LIVE = bool(os.environ.get("IMMICH_TEST_URL") and os.environ.get("IMMICH_TEST_KEY"))

"""The sandbox as a process of its own, driven from tests over its control routes.

    def test_something(sandbox: SandboxProcess) -> None:
        sandbox.faults("upload:1-3=502")
        ...
        assert sandbox.stats()["upload_bodies"] == 3

`sandbox` is a fresh 2.7 server, `sandbox_each` one of each version; another version for one test by
`@pytest.mark.parametrize("sandbox", ["3.0"], indirect=True)`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

VERSIONS = ("1.106", "1.132", "2.7", "3.0", "3.2")
BRIDGED = VERSIONS if os.environ.get("IMMICH_TRANSFER_EVERY_VERSION") else ("1.106", "3.2")
"""What the many tests of the bridge commands run on: the ends of the scale, or all of it. Every
command has a row in `e2e/test_notes.py`, which runs on all versions."""
RECORDED = ("2.7", "3.0")
"""Those whose every answer was seen on a real server."""
_LAUNCH = """
import asyncio, json, sys
from immich_transfer.sandbox.server import Sandbox, run
asyncio.run(run(Sandbox(**json.loads(sys.argv[1])), as_json=True))
"""
"""As `immich-transfer sandbox --json` does, without reading the command line first."""


class SandboxProcess:
    """A sandbox with a data folder; `key` is its admin's."""

    def __init__(
        self, data: Path, *, version: str = "2.7", port: int = 0, faults: Sequence[str] = ()
    ) -> None:
        self.data = data
        self.version = version
        self._port = port
        self._faults = list(faults)
        self.key = "sandbox-admin-key-0123456789abcdef"
        self.start()

    def start(self) -> None:
        options = {
            "data": str(self.data),
            "version": self.version,
            "port": self._port,
            "key": self.key,
            "faults": self._faults,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, json.dumps(options)], stdout=subprocess.PIPE, text=True
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
        """Call a `/_sandbox/` route: POST with a body, GET without. ValueError for a 400."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as refused:
            with refused:
                raise ValueError(refused.read().decode()) from None

    def stats(self) -> dict[str, Any]:
        """Counters: requests, routes by name, connections, upload_bodies, upload_bytes, …"""
        found: dict[str, Any] = self.control("stats")
        return found

    def state(self) -> dict[str, Any]:
        """Everything it holds: assets, albums, stacks, queues."""
        found: dict[str, Any] = self.control("state")
        return found

    def assets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.state()["assets"]
        return found

    def faults(self, *rules: str) -> None:
        """Replace the faults in force (none without arguments); counts begin anew."""
        self.control("faults", {"faults": list(rules)})

    def reset_stats(self) -> None:
        self.control("reset-stats", {})

    def record(self) -> None:
        """Keep every request from now on."""
        self.control("record", {"on": True})

    def recorded(self) -> list[dict[str, Any]]:
        """What was asked since: method, path of the route, query, body, fields, status."""
        self.control("record", {"on": False})
        found: list[dict[str, Any]] = self.control("recorded")
        return found

    def new_key(self, *permissions: str, user: str | None = None) -> str:
        """A key of the admin, or of the user with this id."""
        body = {"permissions": list(permissions), "user": user}
        return str(self.control("keys", body)["key"])

    def new_user(self, name: str, *, quota: int | None = None, admin: bool = False) -> str:
        """The key of a new account."""
        body = {"name": name, "quota": quota, "admin": admin}
        return str(self.control("users", body)["key"])

    def seed(self, count: int, *, equal_dates: int = 700) -> None:
        """Rows without files: a library of so many assets, so many to a date."""
        self.control("seed", {"assets": count, "equal_dates": equal_dates})

    def away(self, seconds: float) -> None:
        """Refuse connections and drop the live ones, for so long."""
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
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxProcess]:
    """A fresh server, 2.7 unless parametrised."""
    box = SandboxProcess(tmp_path / "server", version=getattr(request, "param", "2.7"))
    yield box
    box.stop()


@pytest.fixture(params=VERSIONS)
def sandbox_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxProcess]:
    """A fresh server of each version."""
    box = SandboxProcess(tmp_path / "server", version=request.param)
    yield box
    box.stop()


LIVE = bool(os.environ.get("IMMICH_TEST_URL") and os.environ.get("IMMICH_TEST_KEY"))

"""A server per version for the whole session, and a fresh user and home for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox_fixture import SandboxProcess

from .support import Bench, Server

NEWEST = "3.0"
"""Where a test does not ask for both."""


@pytest.fixture(scope="session")
def sandboxes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], SandboxProcess]]:
    """The sandbox of a version: started when first asked for."""
    started: dict[str, SandboxProcess] = {}

    def get(version: str) -> SandboxProcess:
        if version not in started:
            data = tmp_path_factory.mktemp(f"server-{version}")
            started[version] = SandboxProcess(data, version=version)
        return started[version]

    yield get
    for box in started.values():
        box.stop()


@pytest.fixture
def server(
    request: pytest.FixtureRequest, sandboxes: Callable[[str], SandboxProcess]
) -> Iterator[Server]:
    """A server that holds nothing of its user; parametrise indirectly to name a version."""
    version: str = getattr(request, "param", NEWEST)
    found = Server(sandboxes(version))
    yield found
    found.clear_faults()
    found.maintenance(False)
    found.delete_everything()


@pytest.fixture
def full_server(tmp_path: Path) -> Iterator[Server]:
    """A server of its own whose user has 20,000 photos already."""
    box = SandboxProcess(tmp_path / "full", version=NEWEST)
    box.seed(20_000)
    yield Server(box, owner=box.assets()[0]["owner"], key=box.key)
    box.stop()


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A home with photos and state, pointed at the test's server."""
    name = "full_server" if "full_server" in request.fixturenames else "server"
    found: Server = request.getfixturevalue(name)
    made = Bench(tmp_path / "home", found.url, found.key)
    yield made
    made.end()

"""The servers under test: a sandbox of each version for a module, and a live server when its
address is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.contract.target import Target
from tests.sandbox_fixture import LIVE, VERSIONS, SandboxProcess

SERVERS = [*VERSIONS, pytest.param("live", marks=pytest.mark.live)] if LIVE else [*VERSIONS]


@pytest.fixture(scope="module")
def sandboxes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], SandboxProcess]]:
    """The sandbox of a version, started when first asked for."""
    started: dict[str, SandboxProcess] = {}

    def get(version: str) -> SandboxProcess:
        if version not in started:
            data = tmp_path_factory.mktemp(f"server-{version}")
            started[version] = SandboxProcess(data, version=version)
        return started[version]

    yield get
    for box in started.values():
        box.stop()


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, sandboxes: Callable[[str], SandboxProcess]
) -> Iterator[Target]:
    """One server for a module; what the tests make there is taken away at the end."""
    if request.param == "live":
        target = Target(os.environ["IMMICH_TEST_URL"], os.environ["IMMICH_TEST_KEY"], live=True)
    else:
        box = sandboxes(request.param)
        target = Target(box.url, box.key)
    yield target
    target.clean()

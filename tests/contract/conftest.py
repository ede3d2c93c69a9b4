"""The servers under test: the sandbox as 2.7 and 3.0, and a live one when its address is given."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.contract.target import Target
from tests.sandbox_fixture import LIVE, VERSIONS, SandboxProcess

SERVERS = [*VERSIONS, pytest.param("live", marks=pytest.mark.live)] if LIVE else [*VERSIONS]


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """One server for a module; what the tests make there is taken away at the end."""
    if request.param == "live":
        target = Target(os.environ["IMMICH_TEST_URL"], os.environ["IMMICH_TEST_KEY"])
        yield target
        target.clean()
        return
    box = SandboxProcess(tmp_path_factory.mktemp("server"), version=request.param)
    target = Target(box.url, box.key)
    yield target
    target.clean()
    box.stop()

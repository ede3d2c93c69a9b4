"""A key on the command line is out of `ps` as soon as the command can see to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.support import Bench, Server, until

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not os.path.isdir("/proc/self"), reason="looks into /proc"
)


@pytest.mark.parametrize("spelling", ["--api-key={}", "--api-key {}"])
def test_it_leaves_the_process_list(bench: Bench, server: Server, spelling: str) -> None:
    bench.make(1)
    server.slow_reads(200)  # so that there is time to look
    given = spelling.format(server.key).split(" ")
    running = bench.start("upload", "photos", *given, env={"IMMICH_API_KEY": ""})
    until(lambda: server.requests("upload") > 0, running)
    process = Path(f"/proc/{running.process.pid}")
    command_line = process.joinpath("cmdline").read_bytes()
    assert b"upload" in command_line
    assert server.key.encode() not in command_line
    assert b"***" in command_line
    # Where it is now, nobody else can look.
    assert process.joinpath("environ").stat().st_mode & 0o077 == 0
    running.kill()
    server.clear_faults()
    assert bench.upload(*given, env={"IMMICH_API_KEY": ""}).outcomes == {"uploaded": 1}


def test_what_is_said_and_remembered_is_as_before(bench: Bench, server: Server) -> None:
    shown = bench.run("config", "show", "--api-key", server.key, env={"IMMICH_API_KEY": ""})
    assert shown.lines[0]["settings"]["api_key"] == {"value": "***", "origin": "--api-key"}
    both = bench.run("ping", "--api-key", "", "--api-key", server.key, env={"IMMICH_API_KEY": ""})
    assert both.code == 0
    bench.write("a.jpg", b"a photo")
    told = bench.run("upload", "--api-key", server.key, "--json", "--", "photos", json=False)
    assert told.outcomes["uploaded"] == 1

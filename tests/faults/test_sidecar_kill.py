"""The plug is pulled while a sidecar is written anew: nothing of it stays behind."""

from __future__ import annotations

import signal

import pytest

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Server

ALBUM = ("-o", "out", "--album", "Sea")


@pytest.mark.parametrize("server", ["3.0"], indirect=True)
def test_a_later_run_without_sidecars_clears_it_away(server: Server, bench: Bench) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    server.album("Sea", *ids)
    server.edit(*ids, description="before")
    bench.run("mirror", *ALBUM, "--sidecars", "xmp")
    server.edit(*ids, description="after")
    killed = bench.start(
        *("mirror", *ALBUM, "--sidecars", "xmp"), env={VARIABLE: "disk.move#1"}
    ).finish(checked=False)
    assert killed.code == -signal.SIGKILL
    assert list(bench.out.rglob(".*.part")), "it was killed with a part file there"

    bench.run("mirror", *ALBUM)

    assert not list(bench.out.rglob(".*.part"))
    told = [path.read_text("utf-8") for path in bench.out.rglob("*.xmp")]
    assert len(told) == 2
    assert all("before" in text for text in told), "whole, as they were"

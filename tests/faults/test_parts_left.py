"""The plug is pulled while a part file is there: it does not stay behind, whatever comes next."""

from __future__ import annotations

import signal

import pytest

from immich_transfer.failpoints import VARIABLE
from tests.e2e.support import Bench, Server
from tests.torture.scenes import api

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


@pytest.mark.parametrize("server", ["3.0"], indirect=True)
def test_a_part_file_does_not_outlive_the_old_name_of_its_album(
    server: Server, bench: Bench
) -> None:
    """Killed, the album renamed, killed again before anything was tidied up."""
    ids = server.seed("film.mp4", size=3_000_000)
    album = server.album("Sea", *ids)
    where = ("mirror", "-o", "out", "--album-id", album)
    for title in ("Sea", "Hills"):
        api(server, "PATCH", f"albums/{album}", {"albumName": title})
        killed = bench.start(*where, env={VARIABLE: "disk.write#2"}).finish(checked=False)
        assert killed.code == -signal.SIGKILL
        parts = [path.parent.name for path in bench.out.rglob(".*.part")]
        assert parts == [title]

    bench.run(*where)

    assert list(bench.fetched()) == ["Hills/film.mp4"]

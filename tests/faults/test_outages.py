"""Real outages in the middle of things: away for ten seconds, restarted, in maintenance.

Minutes and hours pass in `test_outage_clock.py`. With `--retries 1` a file has one attempt, so an
outage that cost one would show as a failed file. A restart may be over before what was buffered is
read and the cut is seen: then it is a broken line like any other, and costs one.
"""

from __future__ import annotations

from tests.e2e.mirrored import mirror
from tests.e2e.support import Bench, Server, photo, sha1, until

SECONDS = 10
PINGS = 8
"""Pauses of half a second growing by 1.6, with their jitter: so many at most fit in ten seconds."""
IN_FLIGHT = 16
"""Requests that may be under way when the server goes: eight transfers, a check, an album."""
LARGE = 6_000_000
LOST = 600_000
"""Bytes that may be on their way when a line breaks."""
ONCE = ("--retries", "1")


def everything(bench: Bench) -> set[str]:
    return {sha1(path.read_bytes()) for path in bench.photos.iterdir()}


def test_ten_seconds_away_in_the_middle_of_an_upload(bench: Bench, server: Server) -> None:
    bench.make(40, size=40_000)
    running = bench.start("upload", "photos", "--album", "A", "--bwlimit", "600K", *ONCE)
    until(lambda: len(server.held()) >= 3, running)
    server.away(SECONDS)
    result = running.finish()
    assert result.code == 0, result.told()
    assert server.held() == dict.fromkeys(everything(bench), 1)
    assert server.albums() == {"A": [everything(bench)]}
    assert result.summary["seconds"] >= SECONDS
    unheard = result.summary["requests"] - server.requests()
    assert 1 <= unheard <= PINGS + IN_FLIGHT


def test_ten_seconds_away_in_the_middle_of_a_mirror(bench: Bench, server: Server) -> None:
    server.seed(assets=40, size=40_000, album="A")
    server.seed("film.mp4", size=LARGE, album="A")
    wanted = {asset["originalFileName"]: asset["checksum"] for asset in server.known().values()}
    server.box.reset_stats()
    command = ("mirror", "-o", "out", "--album", "A", "--layout", "{filename}")
    running = bench.start(*command, "--bwlimit", "2M", *ONCE)
    until(lambda: server.box.stats()["original_bytes"] > LARGE // 4, running)
    server.away(SECONDS)
    result = running.finish()
    assert result.code == 0, result.told()
    assert result.outcomes == {"downloaded": 41}
    assert bench.fetched() == wanted
    assert result.summary["bytes_received"] <= LARGE + 40 * 40_000 + IN_FLIGHT * LOST
    assert result.summary["requests"] - server.requests() <= PINGS + IN_FLIGHT


def test_maintenance_hears_pings_alone(bench: Bench, server: Server) -> None:
    bench.make(60, size=40_000)
    running = bench.start("upload", "photos", "--album", "A", "--bwlimit", "600K", *ONCE)
    until(lambda: len(server.held()) >= 3, running)
    server.maintenance(True)
    running.until_said("maintenance", where="err")
    server.box.reset_stats()
    until(lambda: server.requests("ping") >= 3, running)
    heard = server.box.stats()["routes"]
    server.maintenance(False)
    result = running.finish()
    assert result.code == 0, result.told()
    # A body that waited for the bandwidth limit was under way already.
    assert sum(heard.values()) - heard["ping"] - heard["config"] <= IN_FLIGHT, heard
    assert server.held() == dict.fromkeys(everything(bench), 1)


def test_503_from_everything_hears_pings_alone(bench: Bench, server: Server) -> None:
    """As a proxy says it while the server behind it starts."""
    bench.make(60, size=40_000)
    running = bench.start("upload", "photos", "--bwlimit", "600K", *ONCE)
    until(lambda: len(server.held()) >= 3, running)
    server.box.reset_stats()
    server.box.faults("any:*=503")
    until(lambda: server.requests("ping") >= 4, running)
    heard = server.box.stats()
    server.clear_faults()
    result = running.finish()
    assert result.code == 0, result.told()
    assert result.outcomes == {"uploaded": 60}
    assert heard["requests"] - heard["routes"]["ping"] <= IN_FLIGHT, heard
    assert server.held() == dict.fromkeys(everything(bench), 1)


def test_a_restart_in_the_middle_of_a_body_going_up(bench: Bench, server: Server) -> None:
    bench.write("film.mp4", photo("film", LARGE))
    bench.make(5)
    server.box.faults(f"upload:size>{LARGE // 2}=slow,rate={LARGE // 60}")
    running = bench.start("upload", "photos")
    until(lambda: len(server.held()) == 5 and server.in_flight() >= 1, running)
    server.restart()
    result = running.finish()
    assert result.code == 0, result.told()
    assert result.outcomes == {"uploaded": 6}
    assert server.held() == dict.fromkeys(everything(bench), 1)


def test_a_restart_in_the_middle_of_a_body_coming_down(bench: Bench, server: Server) -> None:
    (film,) = server.seed("film.mp4", size=LARGE, album="A")
    server.box.reset_stats()
    running = bench.start("mirror", "-o", "out", "--album", "A", "--bwlimit", "2M")
    until(lambda: server.box.stats()["original_bytes"] > LARGE // 4, running)
    server.restart()
    result = running.finish()
    assert result.code == 0, result.told()
    assert result.outcomes == {"downloaded": 1}
    assert list(bench.fetched().values()) == server.sums([film])
    assert result.summary["bytes_received"] <= LARGE + LOST, "it went on where it was"
    assert mirror(bench, "--album", "A").outcomes == {"unchanged": 1}

"""`server` and `users`: what the server tells, to whom, and what it keeps from whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox_fixture import BRIDGED

from .support import Bench, Server

pytestmark = pytest.mark.parametrize("server", BRIDGED, indirect=True)


def admin(server: Server, bench: Bench, *permissions: str) -> Bench:
    """The bench of the server's admin, with these permissions or all."""
    key = server.box.new_key(*permissions) if permissions else server.box.key
    return Bench(bench.home, server.url, key)


def line(bench: Bench, *arguments: str) -> dict[str, Any]:
    """The one line that a question is answered with."""
    (found,) = bench.run(*arguments).lines
    return found


def number(server: Server) -> tuple[int, ...]:
    return tuple(map(int, server.version.split(".")))


def test_overview_of_an_admin(server: Server, bench: Bench) -> None:
    server.seed("a.jpg", "b.mp4", size=1000)
    told = line(admin(server, bench), "server")
    assert told["type"] == "server" and told["version"].startswith(server.version)
    assert told["refused"].keys() <= {"about"}
    assert told["features"]["trash"] is True
    assert told["storage"]["size"] >= told["storage"]["used"] > 0
    (mine,) = [u for u in told["statistics"]["usage_by_user"] if u["user_id"] == server.owner]
    assert (mine["photos"], mine["videos"], mine["usage"]) == (1, 1, 2000)


def test_overview_of_somebody_else_says_what_is_left_out(server: Server, bench: Bench) -> None:
    told = line(bench, "server")
    assert "statistics" not in told
    assert "admins only" in told["refused"]["statistics"]
    said = bench.run("server", json=False).stdout
    assert f"Immich {server.version}" in said
    assert "Left out statistics: asking for the statistics of all users is for admins" in said
    assert "Storage:" in said and "trash" in said


@pytest.mark.parametrize("what", ["version", "features", "storage"])
def test_each_on_its_own(server: Server, bench: Bench, what: str) -> None:
    told = line(bench, "server", what)
    assert told["type"] == f"server-{what}"
    assert bench.run("server", what, json=False).stdout.strip()
    if what == "version":
        assert told["version"].startswith(server.version)


def test_about_came_with_1_107(server: Server, bench: Bench) -> None:
    if number(server) >= (1, 107):
        assert line(bench, "server", "about")["version"].startswith(f"v{server.version}")
    else:
        result = bench.run("server", "about", code=7)
        assert "needs 1.107.0 or newer" in result.error["message"]


def test_only_routes_of_this_version_are_asked_for(server: Server, bench: Bench) -> None:
    """A question sent to the wrong place would be one more request, answered with a 404."""
    for what in ("features", "storage", "statistics"):
        admin(server, bench).run("server", what)
    assert server.requests("features", "storage", "server-statistics") == 3


def test_statistics_are_for_admins(server: Server, bench: Bench) -> None:
    result = bench.run("server", "statistics", code=12)
    assert "admins only" in result.error["message"]
    assert "administrator" in result.error["hint"]
    server.seed("a.jpg")
    said = admin(server, bench).run("server", "statistics", json=False).stdout
    assert "USER" in said and "photo" in said


def test_a_missing_permission_is_named(server: Server, bench: Bench) -> None:
    if number(server) < (1, 139):
        pytest.skip("the key cannot tell before 1.139")
    bare = Bench(bench.home, server.url, server.new_key(["asset.upload", "user.read"]))
    for what in ("about", "storage"):
        before = server.requests(what)
        result = bare.run("server", what, code=12)
        assert f"server.{what}" in result.error["message"]
        assert server.requests(what) == before
    admins = admin(server, bench, "user.read")
    assert "server.statistics" in admins.run("server", "statistics", code=12).error["message"]
    told = line(bare, "server")
    assert set(told["refused"]) == {"about", "storage", "statistics"}


def test_an_unknown_word_lists_the_known_ones(server: Server, bench: Bench) -> None:
    result = bench.run("server", "storge", code=2)
    assert "storage" in result.error["message"]


# users


def test_me(server: Server, bench: Bench) -> None:
    server.seed("a.jpg", size=1234)
    told = line(bench, "users", "me")
    assert told["id"] == server.owner
    assert told["is_admin"] is False
    assert told["quota_usage_in_bytes"] == 1234
    said = bench.run("users", "me", json=False).stdout
    assert server.owner in said and "1.2 KiB" in said
    assert "(admin)" in admin(server, bench).run("users", "me", json=False).stdout


def test_everybody(server: Server, bench: Bench) -> None:
    lines = bench.run("users", "list").lines
    assert server.owner in [told["id"] for told in lines]
    assert all(told["type"] == "user" and told["email"] for told in lines)
    said = bench.run("users", "list", json=False).stdout
    assert said.splitlines()[0].split() == ["ID", "NAME", "MAIL"]
    assert server.owner in said


def test_users_need_user_read(server: Server, bench: Bench) -> None:
    if number(server) < (1, 139):
        pytest.skip("the key cannot tell before 1.139")
    bare = Bench(bench.home, server.url, server.new_key(["asset.upload"]))
    for command in ("list", "me"):
        assert "user.read" in bare.run("users", command, code=12).error["message"]


def test_help_names_every_command_with_an_example(server: Server, bench: Bench) -> None:
    for arguments in (["server"], ["users"], ["users", "list"], ["users", "me"]):
        said = bench.run(*arguments, "--help", json=False).stdout
        assert f"immich-transfer {' '.join(arguments)}" in said
        assert "Examples:" in said


def test_a_server_that_is_away_is_5(server: Server, bench: Bench) -> None:
    gone = Bench(bench.home, "http://127.0.0.1:9", bench.key)
    result = gone.run("server", "--wait", "0s", code=5)
    assert json.loads(result.stdout)["exit_code"] == 5

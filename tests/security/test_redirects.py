"""The key goes to the configured origin and nowhere else, wherever a server points."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.support import Bench, Server

from .hostile import Elsewhere, Hostile, answer
from .told import IMPATIENT, one_line, run

COMMANDS = {
    "upload": ("POST /api/assets ", ("upload", "photos", "--retries", "2", *IMPATIENT)),
    "upload-check": ("POST /api/assets/bulk", ("upload", "photos", "--retries", "2", *IMPATIENT)),
    "download": (
        "GET /api/assets/[^/]+/original",
        ("download", "-o", "out", "--all", "--retries", "2", *IMPATIENT),
    ),
    "mirror": (
        "GET /api/timeline/buckets",
        ("mirror", "-o", "out", "--all", "--retries", "2", *IMPATIENT),
    ),
    "check": ("POST /api/assets/bulk", ("check", "photos", *IMPATIENT)),
    "original": ("GET /api/assets/[^/]+/original", ("assets", "original", "ID", "-o", "x.jpg")),
    "thumbnail": ("GET /api/assets/[^/]+/thumbnail", ("assets", "thumbnail", "ID", "-o", "x.webp")),
    "albums": ("GET /api/albums", ("albums", "list")),
    "tags": ("GET /api/tags", ("tags", "list")),
    "search": ("POST /api/search/smart", ("search", "beach")),
    "ping": ("GET /api/server/version", ("ping",)),
}


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as found:
        yield found


def ways(elsewhere: Elsewhere) -> list[str]:
    """Spellings of one address that is not the server's."""
    place = elsewhere.origin.removeprefix("http://")
    return [
        f"http://{place}/api/albums",
        f"//{place}/api",
        f"http://u:p@{place}/",
        f"https://{place}/",
    ]


def target(server: Server) -> str:
    (asset_id,) = server.seed("a.jpg", size=300)
    return asset_id


@pytest.mark.parametrize("name", COMMANDS)
def test_no_redirect_leaves_the_origin(
    bench: Bench, server: Server, elsewhere: Elsewhere, name: str
) -> None:
    asset_id = target(server)
    bench.make(1)
    what, arguments = COMMANDS[name]
    where = ways(elsewhere)
    at = sorted(COMMANDS).index(name)
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        status = ("301 Moved", "302 Found", "303 See", "307 Go", "308 Stay")[at % 5]
        hostile.play(what, answer(b"", f"Location: {where[at % len(where)]}", status=status))
        result = run(bench, *(asset_id if word == "ID" else word for word in arguments))
        assert hostile.asked(what) >= 1
    assert result.code == 2, result.told()
    assert elsewhere.origin.rpartition("/")[2] in result.stdout
    assert elsewhere.visits == 0
    assert server.key.encode() not in elsewhere.heard


def test_every_spelling_of_another_origin(
    bench: Bench, server: Server, elsewhere: Elsewhere
) -> None:
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        for number, where in enumerate(ways(elsewhere)):
            hostile.play("GET /api/albums.*\r\n", answer(b"", f"Location: {where}", status="302 F"))
            result = run(bench, "albums", "list")
            assert "redirects to" in one_line(result, code=2), number
            hostile.forget()
    assert elsewhere.visits == 0


def test_a_redirect_within_the_origin_is_followed_and_circles_are_not(
    bench: Bench, server: Server
) -> None:
    server.album("Sea", *server.seed("a.jpg", size=300))
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play("GET /api/albums ", answer(b"", "Location: /api/albums?x=1", status="307 T"))
        assert run(bench, "albums", "list").lines[0]["name"] == "Sea"
        hostile.play("GET /api/albums", answer(b"", "Location: /api/albums?x=1", status="307 T"))
        assert "redirects to" in one_line(run(bench, "albums", "list"), code=2)
        assert hostile.asked("GET /api/albums") < 20


@pytest.mark.parametrize("command", ["ping", "login"])
def test_an_api_that_the_site_names_at_another_origin(
    bench: Bench, server: Server, elsewhere: Elsewhere, command: str
) -> None:
    """Whoever answers at the address somebody typed may not choose who gets the key: the other
    origin is named, and it is for the user to write it down as the server."""
    arguments = (command, "--no-keyring") if command == "login" else (command,)
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play("GET /api/", answer(b"", status="404 Not Found"))
        hostile.play("GET /server", answer(b"", status="404 Not Found"))
        named = json.dumps({"api": {"endpoint": f"{elsewhere.origin}/api"}}).encode()
        hostile.play("GET /.well-known/immich", answer(named))
        assert elsewhere.origin in one_line(run(bench, *arguments), code=2)
        assert not any(server.key in head for head in hostile.heads)
    assert elsewhere.visits == 0
    assert not (bench.home / ".config").exists()


def test_cookies_are_neither_sent_back_nor_kept(bench: Bench, server: Server) -> None:
    """A session cookie would win over the key."""
    bench.make(2)
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        cookie = "immich_access_token=planted; Path=/; Max-Age=99999"
        empty = b'{"major":3,"minor":0,"patch":3}'
        hostile.play("GET /api/server/version", answer(empty, f"Set-Cookie: {cookie}"))
        run(bench, "upload", "photos")
        assert len(hostile.heads) > 4
        assert not any("planted" in head or "\r\nCookie:" in head for head in hostile.heads)
    files = [path for path in bench.home.rglob("*") if path.is_file()]
    assert files
    assert not any(b"planted" in path.read_bytes() for path in files)


def test_no_proxy_of_the_environment_gets_the_key(
    bench: Bench, server: Server, elsewhere: Elsewhere
) -> None:
    bench.environment |= {"HTTP_PROXY": elsewhere.origin, "http_proxy": elsewhere.origin}
    assert run(bench, "ping").code == 0
    assert elsewhere.visits == 0

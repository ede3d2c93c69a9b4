"""Answers that are too large, too long, too deep, too slow or not what they say: one line each, in
bounded memory, and never an internal error."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.e2e.support import Bench, Server

from .hostile import Hostile, Play, answer, endless, head_of, raw
from .told import IMPATIENT, one_line, run

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DEEP = b"[" * 100_000
HARMFUL = "\x1b[31m\u202e\u009b1m\r\nno "
BOMB = zlib.compress(b"[" + b" " * (1 << 29), 9)
"""Half a gigabyte of blanks in half a megabyte."""


def pieces(text: bytes = b" " * 65536) -> Iterator[bytes]:
    return itertools.repeat(text)


HEADS: dict[str, Play] = {
    "header-of-a-megabyte": raw(OK, b"X-Big: ", b"a" * (1 << 20), b"\r\n\r\n[]"),
    "10,000-headers": raw(OK, *(b"X-%d: a\r\n" % n for n in range(10_000)), b"\r\n[]"),
    "headers-without-end": endless(OK, (b"X-%d: a\r\n" % n * 20 for n in itertools.count())),
    "longer-than-said": raw(OK, b"Content-Length: 1\r\n\r\n[]\x1b[31m"),
    "shorter-than-said": raw(OK, b"Content-Length: 99\r\n\r\n[]"),
    "negative-length": raw(OK, b"Content-Length: -1\r\n\r\n[]"),
    "two-lengths": raw(OK, b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n[]"),
    "length-and-chunks": raw(
        OK, b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
    ),
    "huge-length": raw(OK, b"Content-Length: %d\r\n\r\n[]" % 10**25),
    "escapes-in-the-status": raw(b"HTTP/1.1 200 \x1b[31mOK\r\nContent-Length: 3\r\n\r\nxxx"),
    "no-http": raw(b"\x1b[2J\xff\x00 220 smtp.example.org\r\n\r\n"),
}
BODIES: dict[str, Play] = {
    "body-without-end": endless(head_of(None), pieces()),
    "deep": answer(DEEP),
    "deep-where-nobody-looks": answer(b'[{"id":"i","albumName":"a","x":' + DEEP),
    "huge-number": answer(b'[{"id":"i","albumName":"a","assetCount":' + b"9" * 5000 + b"}]"),
    "no-utf-8": answer(b'[{"id":"i","albumName":"\xff\xfe"}]'),
    "bomb": answer(BOMB, "Content-Encoding: deflate"),
    "no-gzip": answer(b"\x1f\x8b\x08 no", "Content-Encoding: gzip"),
    "unknown-packing": answer(b"[]", "Content-Encoding: br"),
}


@pytest.mark.parametrize("name", [*HEADS, *BODIES])
def test_a_list_of_albums(bench: Bench, server: Server, name: str) -> None:
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play("GET /api/albums", (HEADS | BODIES)[name])
        # A whole command of the engine: two attempts are enough.
        arguments = ("download", "-o", "out", "--album", "*", "--retries", "2", *IMPATIENT)
        result = run(bench, *arguments)
        assert hostile.asked("GET /api/albums") >= 2
    assert result.code == 5, result.told()
    message = result.error["message"]
    assert message.startswith("GET /albums failed 2 times: "), message
    assert len(message) < 160
    assert "\\" not in message  # no bytes of the parser's
    assert hostile.origin not in message


@pytest.mark.parametrize("name", ["header-of-a-megabyte", "10,000-headers", "no-http", "bomb"])
def test_the_first_word(bench: Bench, server: Server, name: str) -> None:
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play("GET /", (HEADS | BODIES)[name])
        result = run(bench, "login", "--no-keyring")
        assert not any(server.key in head for head in hostile.heads)
    one_line(result, code=2 if name == "bomb" else 5)


@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        b"",
        b"\xff\x00",
        json.dumps({"message": "\x1b[31m\u202e\u009b1m\r\nno " * 9999}).encode(),
    ],
)
def test_an_error_of_the_server(bench: Bench, server: Server, body: bytes) -> None:
    bench.make(1)
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play("POST /api/assets ", answer(body[:60_000], status="400 \x1b[31mBad"))
        result = run(bench, "upload", "photos", json=False)
    assert result.code == 3, result.told()


@pytest.mark.parametrize("packing", ["deflate", "gzip", "identity"])
def test_an_original_that_is_a_bomb(bench: Bench, server: Server, packing: str) -> None:
    """Nothing is asked for that would have to be unpacked; what comes packed all the same is
    measured unpacked."""
    asset_id = server.seed("a.jpg", size=300)[0]
    play: Play
    if packing == "identity":
        play = endless(head_of(None, "Content-Type: image/jpeg"), pieces())
    else:
        packer = zlib.compressobj(9, wbits=31 if packing == "gzip" else 15)
        bomb = packer.compress(bytes(1 << 29)) + packer.flush()
        play = answer(bomb, f"Content-Encoding: {packing}", "Content-Type: image/jpeg")
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play("GET /api/assets/[^/]+/original", play)
        arguments = ("download", "-o", "out", "--all", "--retries", "2", *IMPATIENT)
        result = run(bench, *arguments, at_most=120 << 20)
        asked = [head for head in hostile.heads if f"{asset_id}/original" in head]
    assert result.code in (3, 5), result.told()
    assert result.outcomes == {"failed": 1}
    assert asked
    assert all("\r\nAccept-Encoding: identity\r\n" in head for head in asked)
    assert bench.fetched() == {}


# lists that never end


def asset(number: int) -> dict[str, Any]:
    """Taken a second before the one of the number before."""
    moment = datetime(2020, 1, 1) - timedelta(seconds=number)
    at = moment.isoformat(timespec="milliseconds") + "Z"
    return {
        "id": str(UUID(int=number)),
        "ownerId": "x",
        "originalFileName": "a.jpg",
        "checksum": "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        "type": "IMAGE",
        "isTrashed": False,
        "visibility": "timeline",
    } | dict.fromkeys(
        ("fileCreatedAt", "localDateTime", "fileModifiedAt", "createdAt", "updatedAt"), at
    )


def search(*, size: int, fresh: bool) -> Play:
    """Pages of a search, and always one more: the same again, or always new ones."""
    numbers = itertools.count(1)

    def play(client: socket.socket) -> None:
        at = next(numbers) if fresh else 1
        items = [asset(at * size + n) for n in range(size)]
        page = {"items": items, "count": size, "total": size, "nextPage": "2", "facets": []}
        answer(json.dumps({"assets": page, "albums": {}}).encode())(client)

    return play


SEARCH = ("search", "--metadata", "--city", "Rome")
LISTS: dict[str, tuple[str, Play, tuple[str, ...]]] = {
    "the-same-again": ("POST /api/search/metadata", search(size=1000, fresh=False), SEARCH),
    "always-new": ("POST /api/search/metadata", search(size=1, fresh=True), SEARCH),
    "empty-smart": (
        "POST /api/search/smart",
        search(size=0, fresh=False),
        ("search", "beach", "--take", "500"),
    ),
    "people": (
        "GET /api/people",
        answer(b'{"people":[{"id":"a","name":"b"}],"hasNextPage":true,"total":1,"hidden":0}'),
        ("search", "--metadata", "--person", "Anna"),
    ),
    "months": (
        "GET /api/timeline/buckets",
        answer(json.dumps([{"timeBucket": "2020-01-01", "count": 1}] * 100_000).encode()),
        ("mirror", "-o", "out", "--all", "--delete", *IMPATIENT),
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_without_end(bench: Bench, server: Server, name: str) -> None:
    what, play, arguments = LISTS[name]
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play(what, play)
        result = run(bench, *arguments, json=False)
        assert hostile.asked(what) < 1000
    assert result.code == 5, result.told()
    assert "list has no end" in " ".join((result.stdout + result.stderr).split())


# slow ones


def trickle(first: bytes, again: bytes) -> Play:
    """A little now and then, often enough for no silence to be noticed."""

    def play(client: socket.socket) -> None:
        client.sendall(first)
        pause = threading.Event()
        while not pause.wait(0.2):
            client.sendall(again)

    return play


TRICKLES = {
    "body": trickle(head_of(None), b" "),
    "head": trickle(OK, b"X-A: b\r\n"),
    "1xx": trickle(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
}


@pytest.mark.parametrize("name", TRICKLES)
def test_an_answer_that_trickles(bench: Bench, server: Server, name: str) -> None:
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        hostile.play("GET /api/timeline/buckets", TRICKLES[name])
        hurried = ("--timeout-idle", "1s", "--retries", "1", *IMPATIENT)
        result = run(bench, "download", "-o", "out", "--all", *hurried)
    assert result.code == 5, result.told()


def test_an_original_and_an_upload_that_trickle(bench: Bench, server: Server) -> None:
    bench.make(1)
    hurried = ("--timeout-idle", "1s", "--retries", "1", *IMPATIENT)
    server.seed("a.jpg", size=300)
    with Hostile(server.url) as hostile:
        bench.url = hostile.origin
        drip = trickle(head_of(300, "Content-Type: image/jpeg"), b"x")
        hostile.play("GET /api/assets/[^/]+/original", drip)
        hostile.play("POST /api/assets ", trickle(b"HTTP/1.1 201 Created\r\n", b"X"))
        down = run(bench, "download", "-o", "out", "--all", *hurried)
        up = run(bench, "upload", "photos", *hurried)
    assert down.outcomes == {"failed": 1}, down.told()
    assert up.outcomes == {"failed": 1}, up.told()
    assert "moved" in up.items()[0]["error"]

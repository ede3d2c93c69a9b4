"""Connections: when they are used again, when not, and what an answer out of turn does."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import tempfile
import tracemalloc
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from yarl import URL

from immich_transfer.errors import ChangedWhileReading, ConnectionFailed, UsageError
from immich_transfer.immich import line as module
from immich_transfer.immich.answer import Answer
from immich_transfer.immich.body import FileBody, Progress, SmallBody
from immich_transfer.immich.line import Body, Lines
from immich_transfer.policy.pacing import TokenBucket

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = 16 << 20
"""More than the system takes ahead."""
Serve = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers as the test says; remembers what came, a list for each connection."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self.connections: list[list[bytes]] = []
        self.ended = asyncio.Event()
        """A connection is over."""

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = URL(f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}")
        self.lines = Lines(self.url, None, 30)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.lines.close()
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append([])
        try:
            await self._serve(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.ended.set()

    async def next(self, reader: asyncio.StreamReader) -> int:
        """Take the head of a request; the length of its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.connections[-1].append(head)
        lengths = [h for h in head.split(b"\r\n") if h.startswith(b"Content-Length: ")]
        return int(lengths[0].split()[1]) if lengths else 0

    async def ask(
        self, method: str = "GET", body: bytes | Body | None = None, **headers: str
    ) -> Answer:
        return await self.lines.exchange(
            method, self.url / "api/x", headers, body, lambda _: 1 << 20
        )


def run(serve: Serve, test: Callable[[Server], Awaitable[None]]) -> None:
    async def go() -> None:
        async with Server(serve) as server:
            await test(server)

    asyncio.run(asyncio.wait_for(go(), 120))


def answering(answer: bytes, *, close: bool = False) -> Serve:
    """Takes whole requests and answers each the same."""

    async def serve(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await reader.readexactly(await server.next(reader))
            writer.write(answer)
            if close:
                return

    return serve


class Sent:
    """What a body told of its way out."""

    def __init__(self) -> None:
        self.bytes = 0
        self.progress = Progress(1, self._moved)

    def _moved(self, size: int) -> None:
        self.bytes += size


def test_a_request_is_what_http_wants_and_the_connection_is_used_again() -> None:
    async def test(server: Server) -> None:
        assert (await server.ask()).body == b"ok"
        assert (await server.ask("POST", b"abc", **{"x-api-key": "k"})).status == 200
        assert (await server.ask("DELETE")).status == 200
        ((get, post, delete),) = server.connections
        host = f"Host: {server.url.authority}\r\n".encode()
        assert get.startswith(b"GET /api/x HTTP/1.1\r\n" + host)
        assert b"Content-Length" not in get
        assert b"x-api-key: k\r\nContent-Length: 3\r\n" in post
        assert b"Content-Length: 0\r\n" in delete

    run(answering(GOOD), test)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        GOOD + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    ],
    ids=["says close", "1.0", "an answer too many"],
)
def test_a_connection_that_is_not_clean_is_not_used_again(answer: bytes) -> None:
    async def test(server: Server) -> None:
        assert [(await server.ask()).body for _ in range(2)] == [b"ok", b"ok"]
        assert len(server.connections) == 2

    run(answering(answer), test)


def test_a_connection_that_rested_too_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "KEEPALIVE_SECONDS", -1.0)

    async def test(server: Server) -> None:
        await server.ask()
        await server.ask()
        assert len(server.connections) == 2

    run(answering(GOOD), test)


def test_bytes_on_a_resting_connection_end_it() -> None:
    rests = asyncio.Event()

    async def serve(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.next(reader)
        writer.write(GOOD)
        await rests.wait()
        writer.write(GOOD)
        await reader.read()  # until the client closes

    async def test(server: Server) -> None:
        await server.ask()
        rests.set()
        await server.ended.wait()
        assert (await server.ask()).body == b"ok"
        assert len(server.connections) == 2

    run(serve, test)


async def drop_the_second(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Closes the first connection with its second request unanswered."""
    first = len(server.connections) == 1
    await reader.readexactly(await server.next(reader))
    writer.write(GOOD)
    await server.next(reader)
    if not first:
        writer.write(GOOD)


def test_a_resting_connection_holds_no_body() -> None:
    size, many = 300_000, 8

    async def serve(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await server.next(reader)
            while len(server.connections) < many:  # each on a connection of its own
                await asyncio.sleep(0)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
            await writer.drain()

    async def test(server: Server) -> None:
        async def length() -> int:
            return len((await server.ask()).body)

        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            assert await asyncio.gather(*(length() for _ in range(many))) == [size] * many
            held, most = tracemalloc.get_traced_memory()
            assert most > many * size > held + (many - 1) * size
        finally:
            tracemalloc.stop()
            gc.enable()

    run(serve, test)


def test_a_get_is_asked_again_when_its_connection_was_just_closing() -> None:
    async def test(server: Server) -> None:
        await server.ask()
        assert (await server.ask()).body == b"ok"
        assert [len(requests) for requests in server.connections] == [2, 1]

    run(drop_the_second, test)


def test_a_post_never_is() -> None:
    async def test(server: Server) -> None:
        await server.ask()
        with pytest.raises((ConnectionFailed, ConnectionError)):
            await server.ask("POST", b"x")
        assert len(server.connections) == 1

    run(drop_the_second, test)


def test_no_answer_at_all_is_said_as_such() -> None:
    async def serve(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readexactly(await server.next(reader))

    async def test(server: Server) -> None:
        with pytest.raises(ConnectionFailed, match="closed the connection without an answer"):
            await server.ask("POST", b"x")

    run(serve, test)


def test_silence_has_an_end() -> None:
    async def serve(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.next(reader)
        await reader.read()  # until the client has had enough

    async def test(server: Server) -> None:
        server.lines = Lines(server.url, None, 0.05)
        with pytest.raises(ConnectionFailed, match=r"no byte moved for 0\.05 s"):
            await server.ask()
        await server.ended.wait()
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    run(serve, test)


def test_who_is_cancelled_from_outside_leaves_no_connection() -> None:
    async def serve(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.next(reader)
        asked.set()
        await reader.read()

    asked = asyncio.Event()

    async def test(server: Server) -> None:
        asking = asyncio.create_task(server.ask())
        await asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.ended.wait()

    run(serve, test)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b"])
def test_a_header_cannot_hold_another(value: str) -> None:
    async def test(server: Server) -> None:
        with pytest.raises(ValueError, match="line break"):
            await server.ask(key=value)
        assert server.connections == []

    run(answering(GOOD), test)


def test_no_other_origin_is_asked() -> None:
    async def test(server: Server) -> None:
        other = URL("http://127.0.0.1:1/api")
        with pytest.raises(UsageError, match="is not"):
            await server.lines.exchange("GET", other, {"x-api-key": "k"}, None, lambda _: 1)

    run(answering(GOOD), test)


@pytest.mark.parametrize("url", ["ftp://host", "http://", "nas:2283", "/api"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    async def go() -> None:
        with pytest.raises(UsageError, match="is not a URL"):
            Lines(URL(url), None, 1)

    asyncio.run(go())


async def early(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers at the head, then takes the rest slowly, as the recorded servers do."""
    await server.next(reader)
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
    while await reader.read(65536):
        await asyncio.sleep(0.001)


async def early_and_away(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers at the head and closes with the body unread: the client meets a reset."""
    await server.next(reader)
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
    await writer.drain()


def bodies(sent: Sent, bucket: TokenBucket | None, kind: str) -> tuple[Body, Callable[[], None]]:
    """A body of LARGE bytes, and what to call when it is over."""
    if kind == "memory":
        return SmallBody(b"<", bytes(LARGE), b">", sent.progress, bucket), lambda: None
    pool = ThreadPoolExecutor(1)
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    os.truncate(descriptor, LARGE)

    def close() -> None:
        os.close(descriptor)
        pool.shutdown()

    return FileBody(b"<", descriptor, LARGE, b">", sent.progress, bucket, pool), close


@pytest.mark.parametrize("kind", ["sendfile", "reading", "memory paced"])
def test_an_early_answer_ends_the_sending(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "reading":
        monkeypatch.setattr(module.Line, "takes_files", False)

    async def test(server: Server) -> None:
        sent = Sent()
        bucket = TokenBucket(LARGE) if "paced" in kind else None
        body, close = bodies(sent, bucket, kind.removesuffix(" paced"))
        answer = await server.ask("POST", body)
        close()
        assert (answer.status, answer.body) == (413, b"no")
        assert sent.bytes < LARGE
        await server.ended.wait()
        assert server.lines._rested == []

    run(early, test)


def test_what_was_said_before_the_door_closed_is_heard() -> None:
    async def test(server: Server) -> None:
        body, close = bodies(Sent(), None, "sendfile")
        answer = await server.ask("POST", body)
        close()
        assert answer.status == 413

    run(early_and_away, test)


def test_a_file_system_without_sendfile_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "sendfile", refused)

    async def test(server: Server) -> None:
        sent = Sent()
        body, close = bodies(sent, None, "sendfile")
        assert (await server.ask("POST", body)).body == b"ok"
        close()
        assert sent.bytes == body.size

    run(answering(GOOD), test)


def test_a_connection_that_breaks_in_sendfile_is_said_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(server: Server) -> None:
        def broken(descriptor: int, *_: int) -> int:
            with socket.socket(fileno=os.dup(descriptor)) as same:
                same.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))

        monkeypatch.setattr(os, "sendfile", broken)
        body, close = bodies(Sent(), None, "sendfile")
        with pytest.raises((ConnectionFailed, ConnectionError)):
            await server.ask("POST", body)
        close()

    run(answering(GOOD), test)


@pytest.mark.parametrize("kind", ["memory", "sendfile", "reading"])
@pytest.mark.parametrize("paced", [False, True])
def test_a_body_arrives_whole(kind: str, paced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "reading":
        monkeypatch.setattr(module.Line, "takes_files", False)

    async def test(server: Server) -> None:
        sent = Sent()
        body, close = bodies(sent, TokenBucket(4 * LARGE) if paced else None, kind)
        assert (await server.ask("POST", body)).body == b"ok"
        close()
        assert sent.bytes == body.size == LARGE + 2
        await server.ask()
        assert len(server.connections) == 1

    run(answering(GOOD), test)


@pytest.mark.parametrize("kind", ["sendfile", "reading"])
def test_a_file_that_became_shorter_breaks_the_attempt(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "reading":
        monkeypatch.setattr(module.Line, "takes_files", False)

    async def test(server: Server) -> None:
        body, close = bodies(Sent(), None, kind)
        assert isinstance(body, FileBody)
        os.ftruncate(body._descriptor, LARGE // 2)
        with pytest.raises(ChangedWhileReading):
            await server.ask("POST", body)
        close()
        await server.ended.wait()

    run(answering(GOOD), test)

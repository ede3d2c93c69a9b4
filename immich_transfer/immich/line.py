"""Connections to the one server: requests go out on them and whole answers come back.

A thin HTTP/1.1 of our own for everything but large downloads, because the machinery of a general
client was most of what a small photo cost: 2,000 x 50 KB take a third less CPU in all (0.66 of it,
10 MiB less memory), and a command that streams nothing starts 0.13 s earlier. One request at a
time on a connection, no redirects, no proxies, no cookies; an origin is fixed for life, so the key
has nowhere else to go (law 7).

An answer may come before the body is out: sending ends there, the answer counts, and the
connection is closed. A connection is used again only when nothing is left on it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol

from yarl import URL

from immich_transfer.errors import ConnectionFailed, UsageError

from .answer import Answer, Broken, Reading
from .reading import LEAST_BYTES

KEEPALIVE_SECONDS = 4.0
"""The server closes idle connections at 5-6 s (recorded): older ones are not used again."""
CONNECT_SECONDS = 15.0
RECEIVE_BYTES = 64 << 10
STAGGER_SECONDS = 0.25
"""Between the attempts to reach several addresses of one name (RFC 8305)."""
_ALWAYS = {
    "User-Agent": "immich-transfer",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}


class Body(Protocol):
    """What is streamed as the body of a request."""

    @property
    def size(self) -> int:
        """In bytes; all of them are sent, or the attempt fails."""
        ...

    async def write(self, line: Line, head: bytes) -> bool:
        """Send `head` and the body. False when it stopped because the answer came early."""
        ...


class Line(asyncio.BufferedProtocol):
    """One connection. `room` is where it receives, for the moment until that is read: it may be
    shared by all of one loop. (A plain Protocol makes new room of 256 KiB each time: 10 us of the
    200 that a small photo costs.)"""

    def __init__(self, room: bytearray) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = room
        self._transport: Any = None
        self._reading: Reading | None = None
        self._answer: asyncio.Future[Answer] = self._loop.create_future()
        self._full = False
        self._room: asyncio.Future[None] | None = None
        self._came = 0
        self.moved_at = 0.0
        """When something moved last (loop time): a byte of a request, or LEAST_BYTES of an answer's
        body. Whoever lets its answer trickle, or says 1xx for ever, moves nothing."""

    # for bodies

    @property
    def answered(self) -> bool:
        """The answer is there, or will never be: nothing more needs to be sent."""
        return self._answer.done()

    def write(self, data: bytes | memoryview) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("connection lost")
        self.moved_at = self._loop.time()
        self._transport.write(data)

    async def drain(self) -> None:
        """Wait until more may be written."""
        if self._full and not self.answered:
            self._room = self._loop.create_future()
            await self._room
        self.moved_at = self._loop.time()

    @property
    def takes_files(self) -> bool:
        """Plain TCP on a loop that has sendfile; TLS must pass through our hands."""
        kind = getattr(self._transport, "_sendfile_compatible", None)
        return hasattr(os, "sendfile") and getattr(kind, "name", "") == "TRY_NATIVE"

    async def send_file(self, file: BinaryIO, offset: int, count: int) -> int:
        """Send so many bytes of an open file; how many there were."""
        if self._transport.is_closing():
            raise ConnectionResetError("connection lost")
        sent = await self._loop.sendfile(self._transport, file, offset, count, fallback=False)
        self.moved_at = self._loop.time()
        # The transport reads nothing meanwhile. Its reader runs after us in the next turn of the
        # loop, so an early answer is in after two.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return sent

    # one request

    async def exchange(self, head: bytes, body: bytes | Body, reading: Reading) -> Answer:
        """Send a request and read its answer. Raises Broken, OSError, and what the body raises;
        the connection is lost then."""
        self._reading = reading
        whole = True
        try:
            if isinstance(body, bytes):
                self.write(head + body)
            else:
                try:
                    whole = await body.write(self, head)
                except ConnectionError:
                    # Who closes the door may have said why: what was received is still read.
                    whole = False
            # A new future: who rests keeps no body of a photo alive.
            answer, self._answer = await self._answer, self._loop.create_future()
        except BaseException:
            self.abort()
            raise
        if not (whole and answer.reusable) or self._transport.get_write_buffer_size():
            self.abort()
        return answer

    def abort(self) -> None:
        if self._answer.done() and not self._answer.cancelled():
            self._answer.exception()  # heard: nobody else will ask
        self._answer.cancel()
        self._transport.abort()

    @property
    def alive(self) -> bool:
        return not self._transport.is_closing()

    # what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        found = transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def get_buffer(self, _: int) -> bytearray | memoryview:
        space = None if self._reading is None else self._reading.space
        return self._received if space is None else space

    def buffer_updated(self, count: int) -> None:
        if self._reading is None:
            self._transport.abort()  # nobody asked
            return
        if self._reading.in_body:
            self._came += count
            if self._came >= LEAST_BYTES:
                self._came, self.moved_at = 0, self._loop.time()
        try:
            if self._reading.space is not None:
                answer = self._reading.filled(count)
            else:
                answer = self._reading.feed(memoryview(self._received)[:count])
        except Broken as broken:
            self._settle(broken)
            self._transport.abort()
            return
        if answer is not None:
            self._settle(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reading is not None:
            try:
                self._settle(self._reading.end())
            except Broken as broken:
                self._settle(broken if exc is None else exc)
        self._wake()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def _settle(self, told: Answer | Exception) -> None:
        self._reading = None
        if self._answer.done():
            return
        if isinstance(told, Exception):
            self._answer.set_exception(told)
        else:
            self._answer.set_result(told)
        self._wake()

    def _wake(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)


class Lines:
    """The connections to one origin. `tls` is used where its scheme asks for it; no byte may rest
    for `patience` seconds. Raises UsageError for an address that is none."""

    def __init__(self, url: URL, tls: ssl.SSLContext | None, patience: float) -> None:
        host, port = url.raw_host, url.port
        if url.scheme not in ("http", "https") or not host or port is None:
            raise UsageError(f"{url} is not a URL")
        self._origin = url.origin()
        self._host, self._port = host, port
        self._tls = tls if url.scheme == "https" else None
        self._patience = patience
        self._rested: list[tuple[float, Line]] = []
        self._received = bytearray(RECEIVE_BYTES)
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        while self._rested:
            self._rested.pop()[1].abort()

    async def exchange(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        limit_of: Callable[[int], int],
        *,
        cut: bool = False,
    ) -> Answer:
        """One request on any connection. `limit_of` and `cut` are those of `Reading`.

        Raises ConnectionFailed, OSError, and what the body raises.
        """
        if url.origin() != self._origin:
            raise UsageError(f"{url.origin()} is not {self._origin}")
        head = _head(method, url, headers, body)
        while True:
            rested = self._rested_line()
            line = rested or await self._connect()
            reading = Reading(limit_of, cut=cut)
            try:
                answer = await self._watched(line, head, body or b"", reading)
            except (Broken, ConnectionError) as error:
                if rested is not None and method == "GET" and not reading.begun:
                    continue  # it was being closed while it rested; a GET may be asked twice
                if isinstance(error, Broken):
                    raise ConnectionFailed(str(error)) from None
                raise
            if line.alive:
                self._rested.append((self._loop.time(), line))
            return answer

    async def _watched(
        self, line: Line, head: bytes, body: bytes | Body, reading: Reading
    ) -> Answer:
        watch = _Watch(line, self._patience)
        try:
            return await line.exchange(head, body, reading)
        except asyncio.CancelledError:
            if watch.caught():
                moved = f"less than {LEAST_BYTES:,} bytes" if reading.begun else "no byte"
                raise ConnectionFailed(f"{moved} moved for {self._patience:g} s") from None
            raise
        finally:
            watch.stop()

    def _rested_line(self) -> Line | None:
        while self._rested:
            since, line = self._rested.pop()
            if line.alive:
                if self._loop.time() - since < KEEPALIVE_SECONDS:
                    return line
                line.abort()
        return None

    async def _connect(self) -> Line:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, line = await self._loop.create_connection(
                lambda: Line(self._received),
                self._host,
                self._port,
                ssl=self._tls,
                server_hostname=None if self._tls is None else self._host.rstrip("."),
                happy_eyeballs_delay=STAGGER_SECONDS,
            )
        return line


def _head(method: str, url: URL, headers: Mapping[str, str], body: bytes | Body | None) -> bytes:
    """The request line and its headers. Raises ValueError for a line break within one of them."""
    told = {"Host": url.host_port_subcomponent, **_ALWAYS, **headers}
    if body is not None:
        told["Content-Length"] = str(len(body) if isinstance(body, bytes) else body.size)
    elif method != "GET":
        told["Content-Length"] = "0"
    head = f"{method} {url.raw_path_qs} HTTP/1.1\r\n"
    head += "".join([f"{name}: {value}\r\n" for name, value in told.items()])
    if head.count("\r") != len(told) + 1 or head.count("\n") != len(told) + 1 or "\0" in head:
        raise ValueError("a header holds a line break")
    return head.encode() + b"\r\n"


class _Watch:
    """Cancels the current task when nothing has moved on its line for `patience` seconds.

    One timer per request, re-armed only when it fires: moving bytes costs it nothing.
    """

    def __init__(self, line: Line, patience: float) -> None:
        self._line = line
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._fired = False
        line.moved_at = self._loop.time()
        self._timer = self._loop.call_later(patience, self._look)

    def _look(self) -> None:
        left = self._line.moved_at + self._patience - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif self._task is not None:
            self._fired = True
            self._task.cancel()

    def caught(self) -> bool:
        """True when it was us who cancelled, and nobody else did."""
        return self._fired and self._task is not None and self._task.uncancel() == 0

    def stop(self) -> None:
        self._timer.cancel()

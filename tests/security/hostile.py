"""A server that means harm, as raw bytes: in front of the sandbox, and lying where it is told to.

    with Hostile(server.url) as hostile:
        hostile.play("GET /api/albums", answer(b"[]", "Set-Cookie: a=b"))

A connection carries one request. What is not played is passed on to the sandbox, so that a command
gets as far as the lie. `Elsewhere` is the other origin, which nobody may talk to.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

Play = Callable[[socket.socket], None]
"""Writes whatever it likes to a connection whose request head was read."""


class Listener:
    """A port of one's own, and a thread for every connection."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(client,), daemon=True).start()

    def _guarded(self, client: socket.socket) -> None:
        with client, suppress(OSError):  # it hung up on us, as it should
            self.serve(client)

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake a thread that waits in accept().
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Elsewhere(Listener):
    """Another origin: remembers that somebody came, and every byte that was said."""

    def __init__(self) -> None:
        self.visits = 0
        self.heard = bytearray()
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        self.visits += 1
        client.settimeout(5)
        while piece := client.recv(65536):
            self.heard += piece


class Hostile(Listener):
    """Passes requests on to `target`, unless a play was named for them."""

    def __init__(self, target: str) -> None:
        self._target = ("127.0.0.1", urlsplit(target).port or 80)
        self._plays: list[tuple[re.Pattern[str], Play]] = []
        self.heads: list[str] = []
        """The head of every request, in the order they came."""
        super().__init__()

    def play(self, what: str, play: Play) -> None:
        """`what` is a pattern for method and path, like `GET /api/albums`; the newest counts."""
        self._plays.insert(0, (re.compile(what), play))

    def forget(self) -> None:
        """Play nothing any more."""
        self._plays.clear()

    def asked(self, what: str) -> int:
        """How many requests fit the pattern."""
        return sum(re.match(what, head) is not None for head in self.heads)

    def serve(self, client: socket.socket) -> None:
        head, rest = _read_head(client)
        if not head:
            return
        text = head.decode("latin-1")
        self.heads.append(text)
        for pattern, play in self._plays:
            if pattern.match(text):
                client.settimeout(60)
                play(client)
                _drain(client)
                return
        with socket.create_connection(self._target) as server:
            once = re.sub(rb"\r\n(?i:connection): [^\r]*", b"", head)
            server.sendall(once.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n" + rest)
            up = threading.Thread(target=_pump, args=(client, server), daemon=True)
            up.start()
            _pump(server, client)


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def _drain(client: socket.socket) -> None:
    """Close in order, so that what was sent last is read and not lost in a reset."""
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass


# plays


def raw(*pieces: bytes) -> Play:
    """These bytes, whatever they mean."""

    def play(client: socket.socket) -> None:
        client.sendall(b"".join(pieces))

    return play


def endless(head: bytes, pieces: Iterator[bytes]) -> Play:
    """A head, then pieces until the other side hangs up (or there are no more)."""

    def play(client: socket.socket) -> None:
        client.sendall(head)
        for piece in pieces:
            client.sendall(piece)

    return play


def answer(body: bytes, *headers: str, status: str = "200 OK") -> Play:
    """An ordinary answer, with further headers."""
    return raw(head_of(len(body), *headers, status=status), body)


def head_of(length: int | None, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.startswith("Content-Type:") for line in headers):
        lines.append("Content-Type: application/json; charset=utf-8")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode()

"""Is the relay the line it says it is? Measured through it, with plain sockets and threads.

python -m benchmarks.line_check RTT-SECONDS RATE-BYTES
"""

from __future__ import annotations

import json
import socket
import statistics
import sys
import threading
import time
from dataclasses import dataclass

from .line import LongLine

PINGS = 9
FLOWS = 16
"""Enough for 1000 Mbit/s over 300 ms with windows of 4 MiB."""
PIECE = 256 << 10


@dataclass(frozen=True)
class Found:
    """Seconds, and bytes a second."""

    rtt: float
    first: float
    """From connecting to the first answer: two RTTs on a real line."""
    up: float
    down: float


def check(rtt: float, rate: float, seconds: float = 3.0) -> Found:
    """Ping through the line, then fill it in both directions, one after the other."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_serve, args=(listening,), daemon=True).start()
    try:
        with LongLine(f"http://127.0.0.1:{listening.getsockname()[1]}", rtt, rate) as line:
            place = ("127.0.0.1", line.port)
            began = time.perf_counter()
            with socket.create_connection(place) as one:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _ping(one)
                first = time.perf_counter() - began
                found = statistics.median(_ping(one) for _ in range(PINGS))
            up = _fill(place, b"u", rtt, seconds)
            down = _fill(place, b"d", rtt, seconds)
    finally:
        listening.close()
    return Found(found, first, up, down)


def _ping(connection: socket.socket) -> float:
    began = time.perf_counter()
    connection.sendall(b"p")
    connection.recv(1)
    return time.perf_counter() - began


def _fill(place: tuple[str, int], way: bytes, rtt: float, seconds: float) -> float:
    """Bytes a second that arrive, once the windows are open."""
    arrived = [0] * FLOWS
    end = threading.Event()
    threads = [
        threading.Thread(target=_flow, args=(place, way, arrived, at, end), daemon=True)
        for at in range(FLOWS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(12 * rtt + 0.3)
    before, began = sum(arrived), time.perf_counter()
    time.sleep(seconds)
    rate = (sum(arrived) - before) / (time.perf_counter() - began)
    end.set()
    for thread in threads:
        thread.join(10)
    return rate


def _flow(
    place: tuple[str, int], way: bytes, arrived: list[int], at: int, end: threading.Event
) -> None:
    with socket.create_connection(place) as connection:
        connection.settimeout(5)
        connection.sendall(way)
        if way == b"d":
            buffer = bytearray(PIECE)
            while not end.is_set():
                arrived[at] += connection.recv_into(buffer)
            return
        counting = threading.Thread(target=_count, args=(connection, arrived, at), daemon=True)
        counting.start()
        piece = bytes(PIECE)
        while not end.is_set():
            connection.sendall(piece)


def _count(connection: socket.socket, arrived: list[int], at: int) -> None:
    """The far end tells what came, eight bytes a number."""
    held = b""
    try:
        while data := connection.recv(4096):
            held += data
            whole = len(held) // 8 * 8
            if whole:
                arrived[at] = int.from_bytes(held[whole - 8 : whole])
                held = held[whole:]
    except OSError:
        return


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    """A byte for a byte; after `d` bytes without end; after `u` it counts what comes."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with connection:
            while way := connection.recv(1):
                if way == b"p":
                    connection.sendall(way)
                elif way == b"d":
                    piece = bytes(PIECE)
                    while True:
                        connection.sendall(piece)
                else:
                    _sink(connection)
                    return
    except OSError:
        return


def _sink(connection: socket.socket) -> None:
    buffer = bytearray(PIECE)
    came, told = 0, 0.0
    while size := connection.recv_into(buffer):
        came += size
        if time.perf_counter() - told > 0.02:
            told = time.perf_counter()
            connection.sendall(came.to_bytes(8))


if __name__ == "__main__":
    seen = check(float(sys.argv[1]), float(sys.argv[2]))
    print(json.dumps(vars(seen)))

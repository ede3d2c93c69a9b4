"""A long line: a TCP relay that adds delay both ways and caps the rate, in a process of its own.

    python -m benchmarks.relay HOST:PORT --rtt 0.1 --rate 12500000 [--stall-every 5 --stall-for 1]
                               [--reset-every 7]

It prints one JSON line with the port it listens on, and ends with SIGTERM. Each direction is one
bottleneck that all connections share: a chunk is sent when those before it are through, at `rate`
bytes a second, and arrives half an RTT later. What waits before the bottleneck is bounded by
`BUFFER_RTTS`; beyond it the relay does not read, which the sender feels. A connection is no
faster than TCP would let it be: the first request costs an RTT more, and the bytes that are on
their way and not yet acknowledged begin with ten segments, doubled every RTT up to `WINDOW`, and
begin anew after a pause. Nothing is lost: a line that loses is not shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

FIRST_WINDOW = 10 * 1460
"""RFC 6928."""
WINDOW = 4 << 20
"""The most that Linux keeps for a connection's unacknowledged bytes by default (tcp_wmem)."""
REST_SECONDS = 0.2
"""A connection that sent nothing for an RTT and so long begins slowly again (RFC 2861)."""
PIECE = 64 << 10
PIECE_SECONDS = 0.002
ACK_SECONDS = 0.1
"""An acknowledgement comes an RTT and no more than so much queue after its bytes."""
BUFFER_RTTS = 1.0
BUFFER_LEAST = 0.05
"""The bottleneck's own buffer, in seconds at its rate: an RTT, and never less than this."""
SOCKET_BUFFER = 256 << 10
"""Small, so that what the kernel holds beyond the line's own buffer hardly matters."""
TICK = 0.0005
"""The loop wakes up to a millisecond late; half of it is given back on average."""


@dataclass(frozen=True)
class Settings:
    """Seconds and bytes a second."""

    rtt: float
    rate: float
    stall_every: float = 0.0
    stall_for: float = 0.0
    reset_every: float = 0.0


class Line:
    """One direction of the bottleneck."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()
        self._rate = settings.rate
        self.piece = int(min(PIECE, max(PIECE // 16, self._rate * PIECE_SECONDS)))
        """Read at once from one connection: small on a slow line, so that all have their share."""
        self._delay = max(0.0, settings.rtt / 2 - TICK)
        self._buffer = max(BUFFER_LEAST, settings.rtt * BUFFER_RTTS)
        self._free = 0.0
        """When the last byte that was taken will be through."""
        self._waiting: deque[Flow] = deque()
        self._woken: asyncio.TimerHandle | None = None

    def take(self, size: int) -> float:
        """Bytes enter; returns when they arrive."""
        self._free = max(self._loop.time(), self._free) + size / self._rate
        return self._free + self._delay

    @property
    def full(self) -> bool:
        return self._free - self._loop.time() > self._buffer

    def wait(self, flow: Flow) -> None:
        """`flow` reads on when there is room, after those that wait already."""
        self._waiting.append(flow)
        if self._woken is None:
            self._woken = self._loop.call_at(self._free - self._buffer, self._room)

    def stall(self, seconds: float) -> None:
        """Nothing passes for so long; what is behind the bottleneck still arrives."""
        self._free = max(self._loop.time(), self._free) + seconds

    def _room(self) -> None:
        self._woken = None
        # They read after this callback: as many go on as a piece of each will fill.
        room = (self._buffer - (self._free - self._loop.time())) * self._rate
        for _ in range(min(len(self._waiting), max(1, int(room / self.piece)))):
            self._waiting.popleft().go_on()
        if self._waiting:
            at = max(self._free - self._buffer, self._loop.time() + 0.0005)
            self._woken = self._loop.call_at(at, self._room)


class Flow:
    """One connection in one direction: reads from `source`, writes to `sink` an RTT half later."""

    def __init__(self, line: Line, back: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._back = back
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None
        self.other: Flow | None = None
        """The same connection the other way."""
        self._over = False
        """The end of the stream has arrived at the sink."""
        self._window = FIRST_WINDOW
        self._unacknowledged = 0
        self._moved_at = 0.0
        self._reading = True
        self._blocked = False
        """Wants to read, but its window is full."""
        self._narrow_at = 0.0
        """When the window was full last: only a window that is used grows."""
        self._sink_full = False
        self._held: list[int] = []
        """Acknowledgements that wait for a slow receiver."""

    @property
    def room(self) -> int:
        """How many bytes may be read now."""
        return max(1, min(self._line.piece, self._window - self._unacknowledged))

    def received(self, data: bytes) -> None:
        now = self._loop.time()
        if not self._unacknowledged and now - self._moved_at > self._back * 2 + REST_SECONDS:
            self._window = FIRST_WINDOW
        self._moved_at = now
        self._unacknowledged += len(data)
        self._loop.call_at(self._line.take(len(data)), self._deliver, data)
        if self._unacknowledged >= self._window:
            self._blocked = True
            self._narrow_at = now
            self._pause()
        elif self._line.full:
            self._pause()
            self._line.wait(self)

    def ended(self) -> None:
        """No more bytes come: the end travels behind the last one."""
        self._loop.call_at(self._line.take(1), self._end)

    def broke(self) -> None:
        """The connection is gone: so is its other half, once all has arrived there."""
        self._loop.call_at(self._line.take(1), self._close)

    def go_on(self) -> None:
        """There is room on the line."""
        if self._unacknowledged >= self._window:
            self._blocked = True
        elif not self._reading and self.source is not None and not self.source.is_closing():
            self._reading = True
            self.source.resume_reading()

    def sink_full(self, full: bool) -> None:
        self._sink_full = full
        if not full:
            held, self._held = self._held, []
            for size in held:
                self._loop.call_later(self._back, self._acknowledged, size)

    def _pause(self) -> None:
        if self._reading and self.source is not None and not self.source.is_closing():
            self._reading = False
            self.source.pause_reading()

    def _deliver(self, data: bytes) -> None:
        if self.sink is not None and not self.sink.is_closing():
            self.sink.write(data)
        if self._sink_full:
            self._held.append(len(data))
        else:
            self._loop.call_later(self._back, self._acknowledged, len(data))

    def _acknowledged(self, size: int) -> None:
        self._moved_at = self._loop.time()
        self._unacknowledged -= size
        if self._moved_at - self._narrow_at < self._back * 2 + ACK_SECONDS:
            self._window = min(WINDOW, self._window + size)
        if self._blocked and self._unacknowledged < self._window:
            self._blocked = False
            if self._line.full:
                self._line.wait(self)
            else:
                self.go_on()

    def _end(self) -> None:
        self._over = True
        if self.other is not None and self.other._over:
            self._close()
            self.other._close()
        elif self.sink is not None and not self.sink.is_closing():
            self.sink.write_eof()

    def _close(self) -> None:
        if self.sink is not None and not self.sink.is_closing():
            self.sink.close()


class End(asyncio.BufferedProtocol):
    """One socket: `out` carries what is read from it, `into` what is written to it."""

    scratch = bytearray(PIECE)
    """For all: it is copied before the loop reads again."""

    def __init__(self, out: Flow, into: Flow, live: set[asyncio.Transport]) -> None:
        self._out, self._into, self._live = out, into, live

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._out.source = self._into.sink = transport
        self._live.add(transport)
        _no_delay(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self.scratch)[: self._out.room]

    def buffer_updated(self, nbytes: int) -> None:
        self._out.received(bytes(memoryview(self.scratch)[:nbytes]))

    def eof_received(self) -> bool:
        self._out.ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._out.broke()
        if self._out.source is not None:
            self._live.discard(self._out.source)

    def pause_writing(self) -> None:
        self._into.sink_full(True)

    def resume_writing(self) -> None:
        self._into.sink_full(False)


class Relay:
    """Listens, and joins every connection with one of its own to the target."""

    def __init__(self, host: str, port: int, settings: Settings) -> None:
        self._target = (host, port)
        self._settings = settings
        self._up, self._down = Line(settings), Line(settings)
        self.live: set[asyncio.Transport] = set()
        """Both ends of every connection."""
        self._pairs: dict[asyncio.Transport, asyncio.Transport] = {}
        self._jobs: set[asyncio.Task[None]] = set()

    async def serve(self) -> int:
        """Start; returns the port."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        listening.bind(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accepted, sock=listening, backlog=512)
        if self._settings.stall_every:
            self._start(self._stall())
        if self._settings.reset_every:
            self._start(self._reset())
        port: int = listening.getsockname()[1]
        return port

    def close(self) -> None:
        """Stop listening and cut what is left."""
        self._server.close()
        for job in self._jobs:
            job.cancel()
        for transport in self.live:
            transport.abort()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    def _accepted(self) -> End:
        half = self._settings.rtt / 2
        up, down = Flow(self._up, half), Flow(self._down, half)
        up.other, down.other = down, up
        near = _Near(up, down, self.live)
        near.made = lambda: self._start(self._join(up, down))
        return near

    async def _join(self, up: Flow, down: Flow) -> None:
        assert up.source is not None
        up.source.pause_reading()
        loop = asyncio.get_running_loop()
        asked = loop.time()
        near = up.source
        far_socket = socket.socket()
        far_socket.setblocking(False)
        far_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        try:
            await loop.sock_connect(far_socket, self._target)
            far, _ = await loop.create_connection(lambda: End(down, up, self.live), sock=far_socket)
        except OSError:
            far_socket.close()
            near.abort()
            return
        self._pairs[near] = far
        # The handshake that the kernel has answered already.
        await asyncio.sleep(asked + self._settings.rtt - loop.time())
        if not near.is_closing():
            near.resume_reading()

    async def _stall(self) -> None:
        while True:
            await asyncio.sleep(self._settings.stall_every)
            self._up.stall(self._settings.stall_for)
            self._down.stall(self._settings.stall_for)

    async def _reset(self) -> None:
        """Cut the connection that is oldest, on both sides."""
        while True:
            await asyncio.sleep(self._settings.reset_every)
            self._pairs = {n: f for n, f in self._pairs.items() if n in self.live}
            for near, far in list(self._pairs.items())[:1]:
                near.abort()
                far.abort()


class _Near(End):
    made: Callable[[], None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.made()


def _no_delay(transport: asyncio.Transport) -> None:
    plain = transport.get_extra_info("socket")
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def run(target: str, settings: Settings) -> None:
    host, _, port = target.rpartition(":")
    relay = Relay(host, int(port), settings)
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    print(json.dumps({"port": await relay.serve()}), flush=True)
    await end.wait()
    relay.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("target", metavar="HOST:PORT")
    for name, unit in (("rtt", "S"), ("rate", "BYTES")):
        parser.add_argument(f"--{name}", type=float, required=True, metavar=unit)
    for name in ("stall-every", "stall-for", "reset-every"):
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar="S")
    asked = vars(parser.parse_args())
    asyncio.run(run(asked.pop("target"), Settings(**asked)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

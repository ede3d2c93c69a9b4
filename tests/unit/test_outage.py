"""The circuit: one ping judges a failure, an outage costs nobody an attempt, patience ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from immich_transfer.errors import ConnectionFailed, Interrupted, ServerUnavailable
from immich_transfer.events import Back, Event, Waiting
from immich_transfer.immich.outage import Outage

FAILURE = ConnectionFailed("connection refused")


class Server:
    """Answers pings from a script; the last answer repeats."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.pings = 0

    async def ping(self) -> str | None:
        self.pings += 1
        await asyncio.sleep(0)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def outage_of(
    server: Server, patience: float, heard: Callable[[Event], None] = lambda _: None
) -> tuple[Outage, asyncio.Event]:
    stop = asyncio.Event()
    return Outage(server.ping, patience, stop, heard), stop


def test_a_server_that_answers_is_not_away() -> None:
    async def main() -> None:
        server = Server(None)
        outage, _ = outage_of(server, 60)
        assert await outage.after(FAILURE) is False
        assert server.pings == 1

    asyncio.run(main())


def test_many_failures_at_once_share_one_outage_and_its_pings() -> None:
    async def main() -> None:
        heard: list[Event] = []
        server = Server("refused", None)
        outage, _ = outage_of(server, 60, heard.append)
        verdicts = await asyncio.gather(*(outage.after(FAILURE) for _ in range(50)))
        assert verdicts == [True] * 50
        assert server.pings == 2
        assert [type(event) for event in heard] == [Waiting, Back]

    asyncio.run(main())


def test_without_patience_the_first_miss_ends_it_for_all() -> None:
    async def main() -> None:
        server = Server("refused")
        outage, _ = outage_of(server, 0)
        for _ in range(3):
            with pytest.raises(ServerUnavailable, match="refused"):
                await outage.after(FAILURE)
        assert server.pings == 1

    asyncio.run(main())


def test_patience_ends() -> None:
    async def main() -> None:
        server = Server("refused")
        outage, _ = outage_of(server, 0.05)
        with pytest.raises(ServerUnavailable, match=r"did not come back within 0\.05 s"):
            await outage.after(FAILURE)

    asyncio.run(main())


def test_a_stop_ends_the_waiting_at_once() -> None:
    async def main() -> None:
        server = Server("refused")
        outage, stop = outage_of(server, 3600)
        waiting = asyncio.create_task(outage.after(FAILURE))
        await asyncio.sleep(0)
        stop.set()
        with pytest.raises(Interrupted):
            await asyncio.wait_for(waiting, 5)

    asyncio.run(main())

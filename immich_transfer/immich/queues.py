"""The server's job queues, as every version can tell and be told of them.

From 2.4 on `/queues` lists and pauses; before that `/jobs` did. Both count the same.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from .compat import QUEUES
from .connect import Connection


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """One queue as it stands."""

    name: str
    paused: bool = False
    active: int = 0
    """Jobs that run now."""
    waiting: int = 0
    held: int = 0
    """Jobs that wait for their queue to be resumed."""
    delayed: int = 0
    failed: int = 0
    completed: int = 0

    @property
    def left(self) -> int:
        """Jobs that run or will soon."""
        return self.active + self.waiting


class _Counts(msgspec.Struct):
    active: int = 0
    waiting: int = 0
    paused: int = 0
    delayed: int = 0
    failed: int = 0
    completed: int = 0


class _Status(msgspec.Struct, rename="camel"):
    is_paused: bool


class _Legacy(msgspec.Struct, rename="camel"):
    """A queue in the answers of `/jobs`."""

    job_counts: _Counts
    queue_status: _Status


class _Told(msgspec.Struct, rename="camel"):
    """A queue in the answers of `/queues`."""

    name: str
    is_paused: bool
    statistics: _Counts


class Queues:
    """Lists, pauses and resumes. For admins; the permissions are `reading` and `changing`."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection.http
        self.modern = connection.release >= QUEUES
        self.reading = "queue.read" if self.modern else "job.read"
        self.changing = "queue.update" if self.modern else "job.create"

    async def every(self) -> list[Queue]:
        """All of them, in the server's order."""
        if self.modern:
            return [_queue(told) for told in await self._http.call("GET", "queues", list[_Told])]
        legacy = await self._http.call("GET", "jobs", dict[str, _Legacy])
        return [_legacy(name, told) for name, told in legacy.items()]

    async def set_paused(self, name: str, paused: bool) -> Queue:
        """Pause or resume one; what runs is finished. It may be in that state already."""
        if self.modern:
            path = f"queues/{quote(name, safe='')}"
            return _queue(await self._http.call("PUT", path, _Told, json={"isPaused": paused}))
        return await self.command(name, "pause" if paused else "resume")

    async def command(self, name: str, command: str, *, force: bool = False) -> Queue:
        """The commands of `PUT /jobs/{name}`: start, pause, resume, empty, clear-failed. Needs
        `job.create`; `force` always goes along, since servers before 1.118 insist on it."""
        body: dict[str, Any] = {"command": command, "force": force}
        path = f"jobs/{quote(name, safe='')}"
        return _legacy(name, await self._http.call("PUT", path, _Legacy, json=body))


def _queue(told: _Told) -> Queue:
    return _made(told.name, told.is_paused, told.statistics)


def _legacy(name: str, told: _Legacy) -> Queue:
    return _made(name, told.queue_status.is_paused, told.job_counts)


def _made(name: str, paused: bool, counts: _Counts) -> Queue:
    return Queue(
        name=name,
        paused=paused,
        active=counts.active,
        waiting=counts.waiting,
        held=counts.paused,
        delayed=counts.delayed,
        failed=counts.failed,
        completed=counts.completed,
    )

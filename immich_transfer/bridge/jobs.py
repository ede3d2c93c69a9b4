"""The server's job queues: list, start, pause, resume, empty, and wait until they are idle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from immich_transfer.errors import CannotContinue, LimitReached
from immich_transfer.immich.admin import admin_only
from immich_transfer.immich.queues import Queues

from .calls import Calls, path_of
from .queue_names import manual_job, queue_name
from .server_models import Queue

QUIET_LOOKS = 2
"""Between one job and the next that it makes, a queue is empty for a moment: it is idle when it
was found so this often in a row."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
"""Seconds between looks: short jobs are over soon, long ones are not asked after all the time."""


class Jobs(Calls):
    """`/queues` (>= 2.4) and `/jobs`. Always the key of an admin, with the permission named.

    Queues may be named as any version or the web page names them: `thumbnailGeneration`,
    `thumbnail-generation`, `Generate Thumbnails`.
    """

    @property
    def reading(self) -> str:
        """The permission that `list` and `wait` need: `queue.read`, before 2.4 `job.read`."""
        return self._queues.reading

    @property
    def changing(self) -> str:
        """The permission that `pause` and `resume` need: `queue.update`, before 2.4
        `job.create`."""
        return self._queues.changing

    @property
    def _queues(self) -> Queues:
        return Queues(self._connection)

    async def list(self) -> list[Queue]:
        """Every queue that this server has. Every version: `GET /queues`, before 2.4 `GET /jobs`.
        Permission `reading`."""
        with admin_only(self._connection, self.reading, purpose="listing the server's jobs"):
            return await self._queues.every()

    async def find(self, wanted: str) -> Queue:
        """The queue of this name, in any spelling. Raises UsageError when there is none,
        CannotContinue when only other versions have it. Every version; permission `reading`."""
        return (await self._found([wanted]))[0]

    async def start(self, wanted: str, *, force: bool = False) -> Queue | None:
        """Have a queue work on what is missing, or with `force` on everything again.

        Permissions `reading` and `job.create`. Also starts housekeeping by its name (>= 1.116:
        `person-cleanup`, `tag-cleanup`, `user-cleanup`; later more), which has no queue of its
        own: then None is returned. Every version; `PUT /jobs/{name}`, deprecated since 2.4, is
        still the only way.
        """
        housekeeping = manual_job(wanted, self._release)
        if housekeeping is not None:
            with admin_only(self._connection, "job.create", purpose="starting jobs"):
                await self._tell("POST", "jobs", json={"name": housekeeping})
            return None
        queue = await self.find(wanted)
        with admin_only(self._connection, "job.create", purpose="starting jobs"):
            return await self._queues.command(queue.name, "start", force=force)

    async def pause(self, wanted: str) -> Queue:
        """Begin no new job; what runs is finished. Every version: `PUT /queues/{name}`, before 2.4
        `PUT /jobs/{name}`. Permissions `reading` and `changing`."""
        return await self._set(wanted, True)

    async def resume(self, wanted: str) -> Queue:
        """Go on. Every version, as `pause`. Permissions `reading` and `changing`."""
        return await self._set(wanted, False)

    async def empty(self, wanted: str) -> None:
        """Drop the jobs that wait. Every version: `DELETE /queues/{name}/jobs` (permission
        `queueJob.delete`), before 2.4 `PUT /jobs/{name}` (`job.create`)."""
        queue = await self.find(wanted)
        modern = self._queues.modern
        permission = "queueJob.delete" if modern else "job.create"
        with admin_only(self._connection, permission, purpose="emptying a queue"):
            if modern:
                await self._tell("DELETE", path_of("queues", queue.name, "jobs"), json={})
            else:
                await self._queues.command(queue.name, "empty")

    async def clear_failed(self, wanted: str) -> Queue:
        """Forget the jobs that failed. Permission `job.create`. Every version: `/queues` can only
        do it together with dropping what waits."""
        queue = await self.find(wanted)
        with admin_only(self._connection, "job.create", purpose="forgetting failed jobs"):
            return await self._queues.command(queue.name, "clear-failed")

    async def wait(
        self,
        wanted: Iterable[str] = (),
        *,
        timeout: float | None = None,
        heard: Callable[[Sequence[Queue]], None] | None = None,
    ) -> Sequence[Queue]:
        """Return when these queues (without names: all) have nothing to do, with their state.
        `heard` is called with it after every look.

        Raises LimitReached after `timeout` seconds, CannotContinue when a queue named here is
        paused and has jobs: it would never become idle. Without names such ones are left out.
        Every version; permission `reading`.
        """
        names = [queue.name for queue in await self._found(wanted)]
        until = None if timeout is None else time.monotonic() + timeout
        quiet, pause = 0, FIRST_PAUSE
        while True:
            queues = [queue for queue in await self.list() if not names or queue.name in names]
            if heard is not None:
                heard(queues)
            if names:
                _refuse_paused(queues)
            quiet = 0 if any(queue.left for queue in queues if not queue.paused) else quiet + 1
            if quiet >= QUIET_LOOKS:
                return queues
            left = pause if until is None else until - time.monotonic()
            if left <= 0:
                raise LimitReached(
                    f"still busy after {timeout:g} s: {busy(queues)}",
                    hint="the server goes on; wait longer with --timeout, or ask again later",
                )
            await self._http.outage.pause(min(pause, left))
            pause = min(LONGEST_PAUSE, pause * 1.5) if quiet == 0 else FIRST_PAUSE

    async def _set(self, wanted: str, paused: bool) -> Queue:
        queue = await self.find(wanted)
        verb = "pausing" if paused else "resuming"
        with admin_only(self._connection, self.changing, purpose=f"{verb} a queue"):
            return await self._queues.set_paused(queue.name, paused)

    async def _found(self, wanted: Iterable[str]) -> Sequence[Queue]:
        """These queues, each once, in the order they were named."""
        names = list(wanted)
        if not names:
            return []
        listed = {queue.name: queue for queue in await self.list()}
        meant = dict.fromkeys(queue_name(name, listed, self._release) for name in names)
        return [listed[name] for name in meant]


def busy(queues: Iterable[Queue]) -> str:
    """'library (1 active, 12 waiting), sidecar (3 waiting)'."""
    told = []
    for queue in queues:
        counts = [(queue.active, "active"), (queue.waiting, "waiting")]
        if queue.left and not queue.paused:
            text = ", ".join(f"{count:,} {what}" for count, what in counts if count)
            told.append(f"{queue.name} ({text})")
    return ", ".join(told) or "settling"


def _refuse_paused(queues: Iterable[Queue]) -> None:
    for queue in queues:
        if queue.paused and not queue.active and queue.held + queue.waiting:
            held = queue.held + queue.waiting
            raise CannotContinue(
                f"the queue {queue.name} is paused, with {held:,} {'job' if held == 1 else 'jobs'}"
                " in it: it would never become idle",
                hint=f"resume it with `immich-transfer jobs resume {queue.name}`",
            )

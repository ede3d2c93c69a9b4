"""Watch, the wiring: notices and looks at everything become rounds, and a round is an upload.

    notices ─► look ─► settling ─► finished ──┐
    start, --rescan, lost notices ─► all ─────┴─► round: run_upload ─► failed, pending ─► again

Nothing is remembered here that matters: a start looks at everything, and so does every `--rescan`,
so a crash, a full list or a lost notice costs time. The manifest is held by each round only while
it lasts: other commands run in between, and a round waits while one of them holds it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence

import anyio
import msgspec

from immich_transfer.config.options import ServerOptions, TransferOptions, UploadOptions
from immich_transfer.errors import Exit, TransferError
from immich_transfer.events import Event, Listener, Notice, Settled, Stopping
from immich_transfer.model import Outcome
from immich_transfer.pipeline.shutdown import heed_signals
from immich_transfer.upload.flow import run_upload

from .chosen import Meant, Round
from .looking import companions, look
from .notices import Change, Notices
from .settle import MOST_WAITING, Settling, failed_pause, outage_pause
from .systemd import Supervisor

FINAL = (Exit.USAGE, Exit.KEY, Exit.CANNOT_CONTINUE)
"""What ends the watch when its very first round cannot begin: waiting does not mend a typo."""
HELD_OFF = (Exit.UNAVAILABLE, Exit.BUSY, Exit.CANNOT_CONTINUE, Exit.USAGE)
"""Ends of a round after which all of it is tried again."""
FULL_PAUSE = 600.0
"""Seconds before a server without room for more, or a full disk, is tried again."""
Named = frozenset[str]


class WatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What only a watch is asked. Seconds."""

    settle: float = 5.0
    """A file counts as finished when it did not change for this long."""
    rescan: float = 3600.0
    """How often everything is looked at; 0 does so at the start only."""


async def run_watch(
    server: ServerOptions,
    transfer: TransferOptions,
    options: UploadOptions,
    watch: WatchOptions,
    *,
    listener: Listener,
    arguments: Sequence[str],
    ready: Callable[[], None],
) -> Exit:
    """Upload what is new or changed below `options.paths` until a signal; returns its exit code.

    `ready` is called once changes are heard of. Raises a TransferError when nothing can begin, or
    when the server refuses the key.
    """
    return await Watch(server, transfer, options, watch, listener, arguments).run(ready)


class Watch:
    """One watch, from its start to the signal that ends it."""

    def __init__(
        self,
        server: ServerOptions,
        transfer: TransferOptions,
        options: UploadOptions,
        watch: WatchOptions,
        listener: Listener,
        arguments: Sequence[str],
    ) -> None:
        self._server, self._transfer, self._options = server, transfer, options
        self._watch = watch
        self._listener = listener
        self._arguments = arguments
        paths = dict.fromkeys(_without_parents(path) for path in options.paths)
        self._roots = {os.path.abspath(path): path for path in paths}
        self._meant = Meant(
            tuple(self._roots), hidden=options.hidden, default_excludes=options.default_excludes
        )
        self._supervisor = Supervisor(os.environ)
        self._notices = Notices(tuple(self._roots), tell=self._told, lost=self._lost, say=self._say)
        self._wake = asyncio.Event()
        self._round_stop = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._ended: Exit | None = None
        self._settling = Settling(watch.settle)
        self._changed: dict[str, bool] = {}
        """Notices not looked at yet: is it there?"""
        self._finished: set[str] = set()
        self._everything_at: float | None = time.monotonic()
        """When everything is to be looked at."""
        self._again: set[str] = set()
        """Files that failed, until they are tried again."""
        self._again_at: float | None = None
        self._not_before = 0.0
        """No round until then: the last one could not be held."""
        self._trouble: set[str] = set()
        """Failed and pending files of the round that is on."""
        self._held_off = 0
        self._failures = 0
        self._began = False
        self._complaint = ""

    async def run(self, ready: Callable[[], None]) -> Exit:
        """Until a signal."""
        with heed_signals(self._halt, self._scope.cancel), self._scope:
            async with anyio.create_task_group() as group:
                group.start_soon(self._notices.follow)
                group.start_soon(self._beat)
                # Before the first look at everything: what comes after it is told.
                await self._notices.begun.wait()
                ready()
                self._supervisor.tell("READY=1", f"STATUS=Watching {len(self._roots)} folders")
                try:
                    while self._ended is None:
                        await self._step()
                finally:
                    self._supervisor.tell("STOPPING=1")
                    self._notices.stop()
                    group.cancel_scope.cancel()
        return self._ended or Exit.INTERRUPTED

    # what comes in, on the event loop

    def _halt(self, code: Exit) -> None:
        """The first signal."""
        self._ended = self._ended or code
        self._round_stop.set()
        self._wake.set()

    def _told(self, changes: list[Change]) -> None:
        for path, there in changes:
            if len(self._changed) >= MOST_WAITING:
                self._lost()
                break
            self._changed[path] = there
        self._wake.set()

    def _lost(self) -> None:
        self._everything_at = time.monotonic()
        self._wake.set()

    def _say(self, text: str) -> None:
        self._listener(Notice(text))

    def _hear(self, event: Event) -> None:
        """What a round tells."""
        match event:
            case Stopping(signal=code) if code is not None:
                self._ended = self._ended or Exit(code)
            case Settled(item=item) if item.outcome in (Outcome.FAILED, Outcome.PENDING):
                if len(self._trouble) < MOST_WAITING:
                    self._trouble.add(os.path.abspath(item.path))
            case _:
                pass
        self._listener(event)

    async def _beat(self) -> None:
        """Tell the supervisor that this loop turns."""
        while self._supervisor.beat_seconds is not None:
            self._supervisor.tell("WATCHDOG=1")
            await asyncio.sleep(self._supervisor.beat_seconds)

    # the loop

    async def _step(self) -> None:
        """Wait until there is something to do, then do it."""
        await self._sleep()
        self._wake.clear()
        if self._ended is not None:
            return
        await self._look()
        now = time.monotonic()
        if self._again_at is not None and now >= self._again_at:
            self._finished |= self._again
            self._again, self._again_at = set(), None
        if now < self._not_before:
            return
        if self._everything_at is not None and now >= self._everything_at:
            await self._round(None)
        elif self._finished:
            only, self._finished = frozenset(self._finished), set()
            await self._round(only)

    async def _sleep(self) -> None:
        rounds = [self._everything_at, 0.0 if self._finished else None]
        times = [max(at, self._not_before) for at in rounds if at is not None]
        times += [at for at in (self._again_at, self._settling.next_due()) if at is not None]
        pause = max(0.0, min(times) - time.monotonic()) if times else None
        try:
            await asyncio.wait_for(self._wake.wait(), pause)
        except TimeoutError:
            return

    async def _look(self) -> None:
        """Look at what was told of, and again at what may be finished."""
        changed, self._changed = self._changed, {}
        there = [path for path, is_there in changed.items() if is_there]
        for path, is_there in changed.items():
            if not is_there:
                self._settling.seen(path, None, time.monotonic())
        due = self._settling.due(time.monotonic())
        if not there and not due:
            return
        stamps = await asyncio.to_thread(look, there, due, self._meant)
        now = time.monotonic()
        for path in there:
            for companion in companions(path, self._settling.waiting()):
                self._settling.hold(companion, now)
        for path, stamp in stamps.items():
            if self._settling.seen(path, stamp, now):
                self._finished.add(path)
        if self._settling.overflowed or len(self._finished) >= MOST_WAITING:
            self._settling.overflowed = False
            self._lost()

    async def _round(self, only: Named | None) -> None:
        """Upload everything that is at rest, or only what is finished."""
        paths = [path for root, path in self._roots.items() if os.path.isdir(root)]
        if only is None:
            self._everything_at = None
            if self._watch.rescan:
                self._everything_at = time.monotonic() + self._watch.rescan
        if not paths:
            return
        search = Round(
            self._meant,
            only=only,
            waiting=self._settling.waiting(),
            settle=self._watch.settle,
            now_ns=time.time_ns(),
        )
        if only is None:
            self._finished.clear()  # they are among everything
        self._round_stop = asyncio.Event()
        self._trouble = set()
        try:
            summary = await run_upload(
                self._server,
                self._transfer,
                msgspec.structs.replace(self._options, paths=tuple(paths)),
                listener=self._hear,
                arguments=self._arguments,
                command="watch",
                stop=self._round_stop,
                walk=search.walk,
            )
            code = Exit(summary.exit_code)
            self._began, self._complaint = True, ""
        except TransferError as error:
            self._judge(error)
            code = error.exit_code
        now = time.monotonic()
        for path, stamp in search.young.items():
            if self._settling.seen(path, stamp, now):
                self._finished.add(path)
        self._plan(code, only, now)

    def _judge(self, error: TransferError) -> None:
        """A round that could not be held: end the watch, or say why it waits."""
        if self._ended is not None:
            return
        if error.exit_code is Exit.KEY or (not self._began and error.exit_code in FINAL):
            raise error
        if error.message != self._complaint:
            self._complaint = error.message
            self._say(f"waiting: {error.message}")

    def _plan(self, code: Exit, only: Named | None, now: float) -> None:
        """When to try what was not done again."""
        if code in HELD_OFF:
            self._held_off += 1
            full = code is Exit.CANNOT_CONTINUE
            self._not_before = now + (FULL_PAUSE if full else outage_pause(self._held_off))
            if only is None:
                self._everything_at = now
            else:
                self._finished |= only
            return
        self._held_off = 0
        self._failures = self._failures + 1 if self._trouble else 0
        again = failed_pause(self._failures) if self._trouble else None
        if again is not None:
            self._again |= self._trouble
            self._again_at = now + again


def _without_parents(path: str) -> str:
    """`a/..` is not the folder of `a` when `a` is a link: walk and notices must agree."""
    return os.path.realpath(path) if os.pardir in path.split(os.sep) else path

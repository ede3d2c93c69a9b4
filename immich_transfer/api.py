"""The Python API: the same engine as the command, with typed results and events.

async with ImmichTransfer("http://nas:2283", key) as transfer:
    report = await transfer.upload(["photos"], albums=["Summer"])
    print(report.summary.outcomes, report.ok)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any

import msgspec

from .config.options import Secret, ServerOptions, TransferOptions, UploadOptions
from .config.settings import default_state_dir
from .events import Event, Finished, Listener, Settled
from .model import ItemResult, Outcome, Summary
from .upload.flow import run_upload


class Report(msgspec.Struct, frozen=True):
    """How a transfer ended."""

    summary: Summary
    problems: tuple[ItemResult, ...]
    """Files that failed or are pending, with the reason (at most 10,000)."""

    @property
    def ok(self) -> bool:
        """True when everything that should be there is there."""
        return self.summary.exit_code == 0


class ImmichTransfer:
    """A server and an account to transfer to. Options are those of `TransferOptions`.

    One upload at a time may use a state folder; another raises ManifestBusy.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        state_dir: str | os.PathLike[str] | None = None,
        insecure: bool = False,
        ca_file: str | None = None,
        **options: Any,
    ) -> None:
        self._server = ServerOptions(
            url=url.rstrip("/").removesuffix("/api"),
            api_key=Secret(api_key),
            insecure=insecure,
            ca_file=ca_file,
        )
        self._transfer = TransferOptions(
            state_dir=os.fspath(state_dir) if state_dir is not None else default_state_dir(),
            **options,
        )
        self._stops: set[asyncio.Event] = set()

    async def __aenter__(self) -> ImmichTransfer:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Like a first Ctrl-C: nothing new starts, what is in flight finishes."""
        for stop in self._stops:
            stop.set()

    async def upload(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        listener: Listener | None = None,
        **options: Any,
    ) -> Report:
        """Upload files and folders; keywords are the fields of `UploadOptions`.

        `listener` hears every event. Raises a TransferError for what ends the run before it
        began (wrong key, no server, another run holds the manifest).
        """
        problems: list[ItemResult] = []

        def hear(event: Event) -> None:
            if (
                isinstance(event, Settled)
                and event.item.outcome in (Outcome.FAILED, Outcome.PENDING)
                and len(problems) < 10_000
            ):
                problems.append(event.item)
            if listener is not None:
                listener(event)

        wanted = UploadOptions(paths=tuple(os.fsdecode(path) for path in paths), **options)
        stop = asyncio.Event()
        self._stops.add(stop)
        try:
            summary = await run_upload(
                self._server,
                self._transfer,
                wanted,
                listener=hear,
                arguments=("upload", "--", *wanted.paths),
                stop=stop,
            )
        finally:
            self._stops.discard(stop)
        return Report(summary, tuple(problems))

    async def upload_events(
        self, paths: Sequence[str | os.PathLike[str]], **options: Any
    ) -> AsyncIterator[Event]:
        """The same as a stream: every event in order, the last one `Finished`.

        A slow reader slows the report, not the upload: events wait in memory until read. Leaving
        the loop early stops the upload gracefully.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        work = asyncio.create_task(self.upload(paths, listener=events.put_nowait, **options))
        work.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
                if isinstance(event, Finished):
                    break
        finally:
            if not work.done():
                self.stop()
            await work

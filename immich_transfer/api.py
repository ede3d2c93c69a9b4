"""The Python API: the same engine as the command, with typed results and events.

async with ImmichTransfer("http://nas:2283", key) as transfer:
    report = await transfer.upload(["photos"], albums=["Summer"])
    print(report.summary.outcomes, report.ok)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any

import msgspec

from .arguments import typed
from .check.flow import run_check
from .check.verdicts import DIFFERENT
from .config.options import (
    CheckOptions,
    DownloadOptions,
    Secret,
    Selection,
    ServerOptions,
    TransferOptions,
    UploadOptions,
)
from .config.settings import default_state_dir
from .download.flow import run_download
from .errors import UsageError
from .events import Event, Finished, Listener, Settled
from .model import ItemResult, Outcome, Summary
from .upload.flow import run_upload

PROBLEMS = (Outcome.FAILED, Outcome.PENDING)
PROBLEMS_KEPT = 10_000


class Report(msgspec.Struct, frozen=True):
    """How a transfer ended."""

    summary: Summary
    problems: tuple[ItemResult, ...]
    """Files that failed or are pending, with the reason; of a check also those that differ (at
    most 10,000)."""

    @property
    def ok(self) -> bool:
        """True when everything that should be there is there."""
        return self.summary.exit_code == 0


class ImmichTransfer:
    """A server and an account to transfer to. Options are those of `TransferOptions`.

    One run at a time may use a state folder; another raises ManifestBusy.
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
        wanted = UploadOptions(paths=tuple(os.fsdecode(path) for path in paths), **options)
        return await self._report(
            listener,
            lambda hear, stop: run_upload(
                self._server,
                self._transfer,
                wanted,
                listener=hear,
                arguments=typed(wanted),
                stop=stop,
            ),
        )

    async def download(
        self,
        output: str | os.PathLike[str],
        selection: Selection,
        *,
        listener: Listener | None = None,
        **options: Any,
    ) -> Report:
        """Bring what `selection` means to the folder `output`; keywords are the other fields of
        `DownloadOptions`.

            await transfer.download("albums", Selection(albums=("Summer",)), sidecars="xmp")

        Raises a TransferError for what ends the run before it began (no such album, wrong key).
        """
        wanted = DownloadOptions(output=os.fsdecode(output), selection=selection, **options)
        return await self._report(
            listener,
            lambda hear, stop: run_download(
                self._server,
                self._transfer,
                wanted,
                listener=hear,
                arguments=typed(wanted),
                stop=stop,
            ),
        )

    async def mirror(
        self,
        output: str | os.PathLike[str],
        selection: Selection,
        *,
        listener: Listener | None = None,
        **options: Any,
    ) -> Report:
        """The same, following renames, and with `delete=True` also what left the server."""
        return await self.download(output, selection, listener=listener, mirror=True, **options)

    async def check(
        self,
        paths: Sequence[str | os.PathLike[str]] = (),
        *,
        output: str | os.PathLike[str] | None = None,
        selection: Selection | None = None,
        layout: str | None = None,
        scrub: str | os.PathLike[str] | None = None,
        repair: bool = False,
        read: bool = False,
        listener: Listener | None = None,
    ) -> Report:
        """Compare local `paths` with the server, or a `selection` with the folder `output`, or the
        folder `scrub` with what was written to it. `report.ok` is True when all is the same.

        A `layout` is that of the download. Raises UsageError unless exactly one of the three is
        given, and for a path or folder that does not exist.
        """
        if [bool(paths), selection is not None, scrub is not None].count(True) != 1 or (
            (selection is None) != (output is None)
        ):
            raise UsageError("give paths, or a selection and its output, or a folder to scrub")
        if repair and scrub is None:
            raise UsageError("repair belongs to scrub")
        for path in paths:
            if not os.path.lexists(path):
                raise UsageError(f"{os.fsdecode(path)} does not exist")
        download = None
        if selection is not None and output is not None:
            download = DownloadOptions(
                output=os.fsdecode(output), selection=selection, layout=layout
            )
        files = None
        if paths:
            files = UploadOptions(
                paths=tuple(os.fsdecode(path) for path in paths), checksum=read, sidecars=False
            )
        wanted = CheckOptions(
            files=files,
            download=download,
            scrub=None if scrub is None else os.fsdecode(scrub),
            repair=repair,
            read=read,
        )
        return await self._report(
            listener,
            lambda hear, stop: run_check(
                self._server, self._transfer, wanted, listener=hear, arguments=("check",), stop=stop
            ),
            kept=(*PROBLEMS, *DIFFERENT),
        )

    async def _report(
        self,
        listener: Listener | None,
        flow: Callable[[Listener, asyncio.Event], Awaitable[Summary]],
        kept: tuple[Outcome, ...] = PROBLEMS,
    ) -> Report:
        """Run a flow that `stop` can reach, and gather what went wrong."""
        problems: list[ItemResult] = []

        def hear(event: Event) -> None:
            if (
                isinstance(event, Settled)
                and event.item.outcome in kept
                and len(problems) < PROBLEMS_KEPT
            ):
                problems.append(event.item)
            if listener is not None:
                listener(event)

        stop = asyncio.Event()
        self._stops.add(stop)
        try:
            summary = await flow(hear, stop)
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

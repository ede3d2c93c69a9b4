"""The Python API: the same engine as the command, with typed results and events.

async with ImmichTransfer("http://nas:2283", key) as transfer:
    report = await transfer.upload(["photos"], albums=["Summer"])
    print(report.summary.outcomes, report.ok)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from types import TracebackType
from typing import Any

import msgspec

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
                arguments=("upload", "--", *wanted.paths),
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
        command = "mirror" if wanted.mirror else "download"
        return await self._report(
            listener,
            lambda hear, stop: run_download(
                self._server,
                self._transfer,
                wanted,
                listener=hear,
                arguments=(command, "-o", wanted.output, *_words(selection)),
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
        scrub: str | os.PathLike[str] | None = None,
        repair: bool = False,
        read: bool = False,
        listener: Listener | None = None,
    ) -> Report:
        """Compare local `paths` with the server, or a `selection` with the folder `output`, or the
        folder `scrub` with what was written to it. `report.ok` is True when all is the same.

        Raises UsageError unless exactly one of the three is given.
        """
        if [bool(paths), selection is not None, scrub is not None].count(True) != 1 or (
            (selection is None) != (output is None)
        ):
            raise UsageError("give paths, or a selection and its output, or a folder to scrub")
        download = None
        if selection is not None and output is not None:
            download = DownloadOptions(output=os.fsdecode(output), selection=selection)
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


def _words(selection: Selection) -> Iterator[str]:
    """A selection as one would type it, so that `resume` can take such a run up."""
    for title in selection.albums:
        yield from ("--album", title)
    for album_id in selection.album_ids:
        yield from ("--album-id", album_id)
    for flag, given in (
        ("--all", selection.everything),
        ("--favorites", selection.favorites),
        ("--archived", selection.archived),
    ):
        if given:
            yield flag
    for name, value in (
        ("--search", selection.search),
        ("--type", selection.type),
        ("--taken-after", selection.taken_after),
        ("--taken-before", selection.taken_before),
    ):
        if value is not None:
            yield from (name, value)
    for person in selection.people:
        yield from ("--person", person)
    for tag in selection.tags:
        yield from ("--tag", tag)

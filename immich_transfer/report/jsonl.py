"""The JSON lines of `--json`: a stable contract (design §8), one object a line.

Lines are gathered and written together, because 100,000 items may settle within a second; they go
out at the latest after half a second, and at once when the run starts, ends or stands still.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from typing import Any, BinaryIO, TextIO

import msgspec

from ..events import Event, Finished, RunStarted, Settled, Stopping, Waiting
from ..model import ItemResult
from .meter import Meter
from .stream import Out
from .wording import escape

BATCH_BYTES = 64 * 1024
"""Lines are written together up to here: what a pipe takes in one go."""
BATCH_SECONDS = 0.5
"""No line waits longer than this for the next event."""
PROGRESS_SECONDS = 1.0


class JsonLines:
    """A listener that writes what programs want to know to `stream`."""

    def __init__(
        self,
        stream: BinaryIO | TextIO,
        *,
        progress: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = Out(stream)
        self._encoder = msgspec.json.Encoder()
        self._clock = clock
        self._meter = Meter(clock) if progress else None
        self._batch = bytearray()
        self._written_at = self._progress_at = clock()
        self._dry_run = False

    @property
    def broken(self) -> bool:
        """The reader went away; nothing is written any more."""
        return self._out.broken

    def __call__(self, event: Event) -> None:
        if self._meter is not None:
            self._meter(event)
        match event:
            case Settled(item=item):
                self._item(item)
            case RunStarted():
                self._run(event)
                self.flush()
            case Finished(summary=summary):
                if self._meter is not None:
                    self._progress()
                self._put(summary.line())
                self.flush()
            case Waiting() | Stopping():
                self.flush()
            case _:
                pass
        self.tick(self._clock())

    def tick(self, now: float) -> None:
        """Write what is due; called with every event, and from time to time when none comes."""
        if self._meter is not None and now - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = now
            if self._meter.run is not None:
                self._progress()
                self.flush()
        elif self._batch and now - self._written_at >= BATCH_SECONDS:
            self.flush()

    def error_line(self, message: str, exit_code: int, hint: str | None = None) -> None:
        """The one line of a run that could not begin."""
        line: dict[str, Any] = {"type": "error", "v": 1, "exit_code": int(exit_code)}
        line["message"] = message
        if hint is not None:
            line["hint"] = hint
        self._put(line)
        self.flush()

    def flush(self) -> None:
        self._written_at = self._clock()
        if self._batch:
            self._out.data(bytes(self._batch))
            self._batch.clear()

    def _run(self, event: RunStarted) -> None:
        self._dry_run = event.dry_run
        line: dict[str, Any] = {
            "type": "run",
            "v": 1,
            "run": event.run,
            "command": event.command,
            "server": event.server,
            "user": event.user,
        }
        if event.dry_run:
            line["dry_run"] = True
        self._put(line)

    def _item(self, item: ItemResult) -> None:
        path = item.path
        line = _ItemLine(
            outcome=item.outcome.value,
            path=path,
            asset_id=item.asset_id,
            sha1=None if item.sha1 is None else item.sha1.hex(),
            bytes=item.size,
            reason=item.reason,
            error=item.error,
            hint=item.hint,
            note=item.note,
            dry_run=self._dry_run,
        )
        try:
            self._put_data(self._encoder.encode(line))
        except UnicodeEncodeError:
            # Rare, so it is cheaper to fail here than to look at every name before.
            if _undecodable(path):
                line.path_b64 = base64.b64encode(_raw(path)).decode()
            self._put_data(self._encoder.encode(_encodable(msgspec.to_builtins(line))))

    def _progress(self) -> None:
        meter = self._meter
        if meter is None:
            return
        meter.sample()
        self._put(
            {
                "type": "progress",
                "done": meter.done,
                "total": meter.total,
                "bytes": meter.bytes_done,
                "bytes_total": meter.bytes_total,
                "rate": round(meter.rate()),
            }
        )

    def _put(self, line: dict[str, Any]) -> None:
        try:
            data = self._encoder.encode(line)
        except UnicodeEncodeError:
            # A message may quote a name that is not UTF-8.
            data = self._encoder.encode(_encodable(line))
        self._put_data(data)

    def _put_data(self, data: bytes) -> None:
        if self._out.broken:
            return
        if not data.isascii():
            data = escape(data.decode()).encode()
        self._batch += data
        self._batch += b"\n"
        if len(self._batch) >= BATCH_BYTES:
            self.flush()


class _ItemLine(msgspec.Struct, tag="item", kw_only=True, omit_defaults=True, gc=False):
    """An item line; the order of the fields is that of the contract."""

    outcome: str
    path: str
    path_b64: str | None = None
    asset_id: str | None = None
    sha1: str | None = None
    bytes: int
    reason: str | None = None
    error: str | None = None
    hint: str | None = None
    note: str | None = None
    dry_run: bool = False


def _undecodable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return True
    return False


def _raw(path: str) -> bytes:
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return path.encode("utf-8", "replace")


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return _raw(value).decode("utf-8", "replace")
        case dict():
            return {key: _encodable(each) for key, each in value.items()}
        case list() | tuple():
            return [_encodable(each) for each in value]
        case _:
            return value

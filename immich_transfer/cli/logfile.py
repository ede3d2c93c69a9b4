"""`--log-file`: what happens in a run, one JSON object a line, for looking into later.

The file is private (0600), appended to, and written line by line, so that a crash loses nothing.
Bytes moving are left out: they are thousands, and the summary has their sum.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from types import TracebackType
from typing import Any

import msgspec

from immich_transfer.errors import TransferError, UsageError
from immich_transfer.events import BytesMoved, Discovered, Event, Expected, Hashed, SendEnded

from .secrets import redact

_LEFT_OUT = (BytesMoved, Discovered, Expected, Hashed, SendEnded)


class LogFile:
    """A listener that writes to `path`; raises UsageError when it cannot be opened."""

    def __init__(self, path: str) -> None:
        self._broken = False
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = open(descriptor, "w", encoding="ascii", buffering=1)  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"cannot write the log file {path}: {error.strerror}") from None

    def __enter__(self) -> LogFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, TransferError):
            self._write("error", {"message": error.message, "exit_code": int(error.exit_code)})
        elif error is not None:
            text = "".join(traceback.format_exception(error))
            self._write("error", {"message": type(error).__name__, "traceback": text})
        try:
            self._file.close()
        except OSError:
            self._broken = True

    def __call__(self, event: Event) -> None:
        if not isinstance(event, _LEFT_OUT):
            self._write(type(event).__name__, msgspec.structs.asdict(event))

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        if self._broken:
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{now % 1 * 1000:03.0f}Z"
        line = json.dumps({"time": stamp, "event": name, **fields}, default=_plain)
        try:
            self._file.write(redact(line) + "\n")
        except (OSError, ValueError):
            # A log that cannot be written must not end a transfer.
            self._broken = True


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        return {name: each for name, each in fields.items() if each is not None}
    return str(value)

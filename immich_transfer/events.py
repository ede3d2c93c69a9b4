"""What a flow tells the outside while it runs: values, in order, never asked back.

A listener is called on the event loop and must return at once. Reports, the JSON lines and the
Python API's event stream are all listeners.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .model import ItemResult, Summary


class RunStarted(msgspec.Struct, frozen=True, gc=False):
    """The server answered, the key is good, the first file is about to be looked at."""

    run: str
    command: str
    server: str
    """Server version as text, e.g. '2.7.5'."""
    user: str
    """Id of the key's owner."""
    user_name: str
    dry_run: bool = False
    resumed: bool = False


class Discovered(msgspec.Struct, frozen=True, gc=False):
    """More files were found: counts and bytes of this batch."""

    files: int
    bytes: int


class Expected(msgspec.Struct, frozen=True, gc=False):
    """A count that ran ahead of the transfer: so many files and bytes there are to judge."""

    files: int
    bytes: int


class WalkDone(msgspec.Struct, frozen=True, gc=False):
    """Nothing more will be discovered: totals are final now."""


class Hashed(msgspec.Struct, frozen=True, gc=False):
    """Bytes were read for hashing."""

    bytes: int


class SendStarted(msgspec.Struct, frozen=True, gc=False):
    """A body starts to go out. `key` names this transfer until `SendEnded`."""

    key: int
    shown: str
    size: int
    attempt: int


class BytesMoved(msgspec.Struct, frozen=True, gc=False):
    """Body bytes went over the wire for transfer `key`."""

    key: int
    bytes: int


class SendEnded(msgspec.Struct, frozen=True, gc=False):
    """The transfer `key` is over, well or not."""

    key: int


class Retrying(msgspec.Struct, frozen=True, gc=False):
    """An attempt failed and will be made again in `delay` seconds."""

    what: str
    reason: str
    delay: float


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """The server is away: nothing is sent but a ping now and then. `until_giving_up` in seconds."""

    reason: str
    until_giving_up: float


class Back(msgspec.Struct, frozen=True, gc=False):
    """The server answers again after `seconds`."""

    seconds: float


class Settled(msgspec.Struct, frozen=True, gc=False):
    """One file has its outcome."""

    item: ItemResult


class Notice(msgspec.Struct, frozen=True, gc=False):
    """Something a person should know that is no file's outcome."""

    text: str


class Stopping(msgspec.Struct, frozen=True, gc=False):
    """Nothing new starts; what is in flight finishes."""

    reason: str
    signal: int | None = None
    """The exit code of the signal that asked for it; None when the run ends for its own reasons."""


class Finished(msgspec.Struct, frozen=True, gc=False):
    """The run is over."""

    summary: Summary


Event = (
    RunStarted
    | Discovered
    | Expected
    | WalkDone
    | Hashed
    | SendStarted
    | BytesMoved
    | SendEnded
    | Retrying
    | Waiting
    | Back
    | Settled
    | Notice
    | Stopping
    | Finished
)
Listener = Callable[[Event], None]

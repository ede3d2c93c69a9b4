"""Everything that can go wrong, as one tree.

    TransferError
    ├── ItemError            one file: it becomes `failed`, the run goes on (exit 3 at the end)
    │   ├── ChangedWhileReading   the file moved under us: hash it again, then try again
    │   ├── LocalReadError        the disk refused to give it
    │   ├── LocalWriteError       the disk refused to take it
    │   └── ServerRefused         the server said no to this one (400, 413, 415, a lasting 500)
    ├── Transient            one attempt failed; a retry may help (never leaves the client)
    │   ├── Throttled             429, 503, or any answer with Retry-After
    │   ├── Unavailable           502, 504, 404 on a route that must exist: the server's own trouble
    │   ├── Stumbled              500 and its like: this request's trouble, as long as others pass
    │   │   └── WrongBytes            what came is not what the server says it has
    │   └── ConnectionFailed      refused, reset, timed out, cut, or not an answer of Immich's
    ├── Interrupted          the user asked to stop while we waited: the item is `pending`
    └── RunError             ends the run
        ├── UsageError            2   flags, settings, paths, albums that do not exist
        ├── ServerUnavailable     5   unreachable, in maintenance, answering nonsense
        ├── CannotContinue        7   quota, disk full, server too old
        ├── NotServed             1   the server refuses a call that the whole run depends on
        ├── LimitReached          8   a --max-… limit
        ├── ManifestBusy         11   another run holds the manifest
        └── KeyRefused           12   key missing, wrong, or lacking a permission

Messages are one line, say what to do next, and never hold the API key.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command; the same number stands in the summary line."""

    OK = 0
    FAILED = 1
    USAGE = 2
    ITEMS_FAILED = 3
    DIFFERENCES = 4
    UNAVAILABLE = 5
    CANNOT_CONTINUE = 7
    LIMIT = 8
    BUSY = 11
    KEY = 12
    INTERRUPTED = 130
    TERMINATED = 143


SEVERITY = (
    Exit.KEY,
    Exit.USAGE,
    Exit.BUSY,
    Exit.CANNOT_CONTINUE,
    Exit.UNAVAILABLE,
    Exit.LIMIT,
    Exit.DIFFERENCES,
    Exit.ITEMS_FAILED,
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.FAILED,
    Exit.OK,
)
"""Worst first: when several apply, the most severe is the exit code."""


def worst(*codes: Exit) -> Exit:
    """The most severe of `codes`; OK when there are none."""
    return min(codes, key=SEVERITY.index, default=Exit.OK)


class TransferError(Exception):
    """Root of the tree. `exit_code` is what the command ends with when nothing catches it."""

    exit_code: Exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ItemError(TransferError):
    """One file cannot be transferred; the others can."""

    exit_code = Exit.ITEMS_FAILED


class ChangedWhileReading(ItemError):
    """The file changed between hashing and the end of sending: its hash says nothing now."""


class LocalReadError(ItemError):
    """The local file could not be read."""


class LocalWriteError(ItemError):
    """The local file or its folder could not be written."""


class ServerRefused(ItemError):
    """The server refused this item; sending it again would not help."""

    def __init__(self, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Transient(TransferError):
    """One attempt failed for a reason that may pass."""

    exit_code = Exit.UNAVAILABLE


class Throttled(Transient):
    """The server asked for patience. `retry_after` is in seconds, None when it did not say."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Transient):
    """The server or its proxy is in trouble (502, 504), or its routes are gone (maintenance)."""


class Stumbled(Transient):
    """The server failed on this request (500): the item's own if it lasts."""


class WrongBytes(Stumbled):
    """The bytes that came do not have the length or the checksum the server says they have."""


class Interrupted(TransferError):
    """A stop was asked for while waiting to try again."""

    exit_code = Exit.INTERRUPTED


class ConnectionFailed(Transient):
    """No complete answer came: refused, reset, cut or timed out."""


class RunError(TransferError):
    """Ends the run."""


class UsageError(RunError):
    """The command line, the settings or a named path cannot be used."""

    exit_code = Exit.USAGE


class ServerUnavailable(RunError):
    """The server cannot be reached or does not answer as Immich does; running again may help."""

    exit_code = Exit.UNAVAILABLE


class CannotContinue(RunError):
    """Quota, a full disk, or a server that is too old: waiting does not help."""

    exit_code = Exit.CANNOT_CONTINUE


class NotServed(RunError):
    """The server refuses a call that the whole run depends on: no item's fault, no outage."""

    @classmethod
    def by(cls, refusal: ServerRefused) -> NotServed:
        """What a refusal is for the run, when it was not about one item."""
        return cls(f"the server refuses what the run depends on: {refusal.message}",
                   hint=refusal.hint)  # fmt: skip


class LimitReached(RunError):
    """A limit the user set was reached."""

    exit_code = Exit.LIMIT


class ManifestBusy(RunError):
    """Another run holds the manifest."""

    exit_code = Exit.BUSY


class KeyRefused(RunError):
    """The API key is missing, wrong, or lacks a permission (named in the message)."""

    exit_code = Exit.KEY

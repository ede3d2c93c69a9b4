"""One manifest, one process: a lock file, and beside it a note of who holds it.

The operating system drops the lock when its holder dies, however it dies. The note is only for
people; it is written after the lock was won and may be stale when nobody holds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from filelock import FileLock, Timeout

from immich_transfer.errors import ManifestBusy, UsageError
from immich_transfer.failpoints import ARMED, refusal

LOCK = "manifest.lock"
HOLDER = "manifest.holder"


class StateLock:
    """Held from construction until `release`. `who` must not contain the API key."""

    def __init__(self, state_dir: str, who: str) -> None:
        self._holder = os.path.join(state_dir, HOLDER)
        self._lock = FileLock(os.path.join(state_dir, LOCK), mode=0o600, thread_local=False)
        try:
            if ARMED:
                refusal("manifest.lock")
            self._lock.acquire(blocking=False)
        except Timeout:
            raise ManifestBusy(
                f"another run holds the manifest in {state_dir}{_described(self._holder)}",
                hint="wait for it to end, or use another --state-dir",
            ) from None
        except (OSError, NotImplementedError) as error:
            raise UsageError(
                f"cannot lock the manifest in {state_dir}: {error}",
                hint="use a --state-dir on a local disk that you can write to",
            ) from None
        # A disk without room for the note still has its lock: the note is a courtesy.
        with contextlib.suppress(OSError):
            self._write(who)

    def _write(self, who: str) -> None:
        note = json.dumps({"pid": os.getpid(), "command": who, "started": time.time()})
        fresh = f"{self._holder}.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(note)
        os.replace(fresh, self._holder)

    def release(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._holder)
        self._lock.release()


def _described(holder: str) -> str:
    """' (process 12, upload, since 10:15:02)', as far as the note can be read."""
    try:
        with open(holder, encoding="utf-8") as file:
            note = json.load(file)
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(note["started"])))
        command = f", {note['command']}" if note["command"] else ""
        return f" (process {int(note['pid'])}{command}, since {since})"
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return ""

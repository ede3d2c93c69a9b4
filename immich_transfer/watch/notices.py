"""What the operating system tells of changes below some folders, for as long as it can.

    watchfiles ─► (path, whether it is there) ─► tell
    a folder that went away or came back, notices that broke off ─► lost: look at everything

One thread waits for all folders. Nothing here is trusted to be complete.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from immich_transfer.errors import UsageError

GROUP_MS = 1600
"""Changes that follow each other are handed on together, at the latest after this."""
STEP_MS = 200
"""A pause of this length ends a group; a stop is heard as fast."""
LOOK_MS = 500
"""How often the folders themselves are looked at: whether each is still the same one."""
AGAIN_SECONDS = 60.0
"""Notices that cannot be had are asked for again after this."""

INSTALL = "pip install 'immich-transfer[watch]'"


class Change(NamedTuple):
    path: str
    there: bool
    """False when it was deleted or moved away."""


def watchfiles() -> Any:
    """The module that knows how each system tells of changes. Raises UsageError without it."""
    try:
        import watchfiles as module
    except ImportError:
        raise UsageError("watch needs the package watchfiles", hint=INSTALL) from None
    return module


class Notices:
    """Notices about `roots`, which may come and go."""

    def __init__(
        self,
        roots: Sequence[str],
        *,
        tell: Callable[[list[Change]], None],
        lost: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._roots = tuple(roots)
        self._tell = tell
        self._lost = lost
        self._say = say
        self._stop = asyncio.Event()
        self._gone: set[str] = set()
        self._reals = {os.path.realpath(root): root for root in roots}
        self._missed = False
        self._complaint = ""
        self.begun = asyncio.Event()
        """Set once changes are heard of, or it is known that they are not."""

    def stop(self) -> None:
        self._stop.set()

    async def follow(self) -> None:
        """Hand on changes until `stop`."""
        module = watchfiles()
        while not self._stop.is_set():
            here = self._look()
            try:
                if here:
                    await self._listen(module, here)
                else:
                    self.begun.set()
                    await self._pause(LOOK_MS / 1000)
            except Exception as error:  # noqa: BLE001  whatever watchfiles and its systems raise
                self.begun.set()
                self._complain(_reason(error))
                await self._pause(AGAIN_SECONDS)
            self._missed = True  # what happens from now until we listen again is not told

    async def _listen(self, module: Any, here: dict[str, tuple[int, int]]) -> None:
        """Until a folder is not the one it was."""
        async for changes in module.awatch(
            *here,
            watch_filter=None,
            debounce=GROUP_MS,
            step=STEP_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            stop_event=self._stop,
            ignore_permission_denied=True,
        ):
            self.begun.set()
            if self._missed:
                self._missed, self._complaint = False, ""
                self._lost()
            deleted = module.Change.deleted
            if changes:
                self._tell([Change(self._named(p), kind is not deleted) for kind, p in changes])
            if self._look() != here:
                return

    def _named(self, path: str) -> str:
        """A path below the folder as it was named: some systems tell the one behind a link."""
        if not path.startswith(self._roots):
            for real, root in self._reals.items():
                if path.startswith(real + os.sep):
                    return root + path[len(real) :]
        return path

    def _look(self) -> dict[str, tuple[int, int]]:
        """The folders that are there, each with what makes it this one."""
        here = {}
        for root in self._roots:
            try:
                status = os.stat(root)
            except OSError as error:
                if root not in self._gone:
                    self._gone.add(root)
                    self._say(f"{root} is not there ({error.strerror}); waiting for it")
                continue
            if root in self._gone:
                self._gone.discard(root)
                self._say(f"{root} is there again")
            here[root] = (status.st_dev, status.st_ino)
        return here

    def _complain(self, reason: str) -> None:
        """Say once why there are no notices."""
        if reason != self._complaint:
            self._complaint = reason
            self._say(f"no notices of changes: {reason}")

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "watch limit" in text or "No space left" in text:
        return (
            "the system's limit of watched folders is reached (sysctl"
            " fs.inotify.max_user_watches); changes are found by looking at everything (--rescan)"
        )
    return f"{text}; changes are found by looking at everything (--rescan)"

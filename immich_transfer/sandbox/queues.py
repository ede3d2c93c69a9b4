"""The server's job queues: what runs, what waits in a paused one, and which names a version knows.

Uploads do their jobs at once here, so queues fill only by `start` commands and library scans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from .answers import Issue, Refusal, invalid
from .versions import Release, words

if TYPE_CHECKING:
    from .app import Box

_ALWAYS = words(
    """thumbnailGeneration metadataExtraction videoConversion faceDetection facialRecognition
smartSearch duplicateDetection backgroundTask storageTemplateMigration migration search sidecar
library notifications"""
)
_SINCE = {
    "backupDatabase": (1, 120, 0),
    "ocr": (2, 2, 0),
    "workflow": (2, 3, 0),
    "editor": (2, 5, 0),
    "integrityCheck": (3, 0, 0),
}
_NEVER_STARTED = frozenset(words("backgroundTask search notifications workflow editor"))
"""Their jobs come from elsewhere: `start` is refused."""
START_SECONDS = 0.25
"""How long the job of a `start` takes when there is little to do."""
ASSET_SECONDS = 0.01
"""What `force` adds for every asset: all are done again."""

Work = Callable[[], None]


def queue_names(release: Release) -> list[str]:
    """Every queue this version has."""
    return [*_ALWAYS, *(name for name, since in _SINCE.items() if release.number >= since)]


class Queues:
    """What the queues of one sandbox hold. Which are paused stands in the box, for its state."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._active: Counter[str] = Counter()
        self._held: dict[str, list[tuple[float, Work]]] = {}

    def known(self, name: str) -> str:
        """`name`, if this version has such a queue; else its 400."""
        names = queue_names(self._box.release)
        if name not in names:
            old = f"name must be one of the following values: {', '.join(names)}"
            raise invalid(Issue(("name",), old, "Invalid option", "invalid_value"))
        return name

    def paused(self, name: str) -> bool:
        return name in self._box.paused_queues

    def active(self, name: str) -> bool:
        return self._active[name] > 0

    def counts(self, name: str) -> dict[str, int]:
        held = len(self._held.get(name, ()))
        return {
            "active": self._active[name],
            "completed": 0,
            "failed": 0,
            "delayed": 0,
            "waiting": 0 if self.paused(name) else held,
            "paused": held if self.paused(name) else 0,
        }

    def put(self, name: str, seconds: float, work: Work = lambda: None) -> None:
        """A job: it begins at once, or when its queue is resumed."""
        if self.paused(name):
            self._held.setdefault(name, []).append((seconds, work))
            return

        def done() -> None:
            self._active[name] -= 1
            work()

        self._active[name] += 1
        self._box.later(seconds, done)

    def start(self, name: str, *, force: bool) -> None:
        """The `start` command."""
        if self.active(name):
            raise Refusal(400, "Job is already running")
        if name in _NEVER_STARTED:
            raise Refusal(400, f"Invalid job name: {name}")
        again = ASSET_SECONDS * len(self._box.store.assets) if force else 0
        self.put(name, START_SECONDS + again)

    def pause(self, name: str) -> None:
        """What runs is finished, what waits is held."""
        self._box.paused_queues.add(name)

    def resume(self, name: str) -> None:
        self._box.paused_queues.discard(name)
        for seconds, work in self._held.pop(name, []):
            self.put(name, seconds, work)

    def empty(self, name: str) -> None:
        """Drop what has not begun."""
        self._held.pop(name, None)

"""What a queue may be called: by any version of the API, by the web page, or nearly so."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from immich_transfer.errors import CannotContinue, UsageError
from immich_transfer.immich.compat import MANUAL_SINCE, QUEUE_SINCE, Version

_ALSO = {
    "thumbnailGeneration": ("thumbnails", "thumbnail", "generate thumbnails"),
    "metadataExtraction": ("metadata", "extract metadata"),
    "videoConversion": ("videos", "transcode", "transcoding", "transcode videos"),
    "faceDetection": ("faces", "detect faces"),
    "facialRecognition": ("recognize faces", "face recognition", "people"),
    "smartSearch": ("clip", "clip encoding", "encode clip"),
    "duplicateDetection": ("duplicates", "detect duplicates"),
    "backgroundTask": ("background", "background tasks"),
    "storageTemplateMigration": ("storage template",),
    "migration": ("migrate files", "migrations"),
    "sidecar": ("sidecars", "sidecar metadata"),
    "library": ("libraries", "external libraries", "library scan"),
    "notifications": ("notification",),
    "backupDatabase": ("backup", "database backup"),
    "ocr": ("text recognition",),
    "workflow": ("workflows",),
    "editor": ("edits",),
    "integrityCheck": ("integrity", "integrity checks"),
}
"""The web page's names, those of releases before 1.106, and what people type."""


def plain(name: str) -> str:
    """'Thumbnail Generation', 'thumbnail-generation-queue' and 'thumbnailGeneration' are one."""
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    return letters.removesuffix("queue") or letters


def queue_name(wanted: str, listed: Iterable[str], version: Version) -> str:
    """The name this server gives to the queue `wanted`; `listed` is what it has.

    Raises UsageError for an unknown name (with the nearest), CannotContinue for a queue that this
    version does not have.
    """
    names = list(listed)
    known = _spellings([*QUEUE_SINCE, *names])
    found = known.get(plain(wanted))
    if found is None:
        near = get_close_matches(plain(wanted), known, n=1, cutoff=0.6)
        tip = f"; did you mean {known[near[0]]}?" if near else ""
        raise UsageError(
            f"no queue {wanted!r}{tip}", hint=f"this server has {', '.join(sorted(names))}"
        )
    if found not in names:
        since = QUEUE_SINCE[found]
        needs = f", it came with {since}" if version < since else ""
        raise CannotContinue(f"the server is Immich {version}: it has no queue {found}{needs}")
    return found


def manual_job(wanted: str, version: Version) -> str | None:
    """The housekeeping job of this name, if it is one. Raises CannotContinue when this version
    does not have it."""
    found = next((name for name in MANUAL_SINCE if plain(name) == plain(wanted)), None)
    if found is not None and version < MANUAL_SINCE[found]:
        raise CannotContinue(
            f"the server is Immich {version}: the job {found} came with {MANUAL_SINCE[found]}"
        )
    return found


def _spellings(names: Iterable[str]) -> dict[str, str]:
    found = {plain(other): name for name in names for other in _ALSO.get(name, ())}
    return found | {plain(name): name for name in names}

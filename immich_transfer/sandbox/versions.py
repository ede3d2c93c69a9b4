"""What differs between the server versions the sandbox speaks, as one table.

Recorded on real 2.7.5 and 3.0.3 servers; the rest of the API is the same for both.
"""

from __future__ import annotations

from typing import NamedTuple


class Release(NamedTuple):
    """One server version's manners."""

    number: tuple[int, int, int]
    device_ids_required: bool
    """2.x demands `deviceAssetId` and `deviceId`; 3.x ignores them."""
    long_errors: bool
    """2.x adds `error`, `statusCode` and `correlationId` to every error body."""
    albums_hold_assets: bool
    """2.x: albums list owned ones only, with `assets`, `owner` and `ownerId`."""
    strict_dates: bool
    """3.x takes only RFC 3339 instants with a zone."""
    file_error: int
    """Status of any failure while a file is served: 500 in 2.x, 404 in 3.x."""
    search_timeline_only: bool
    """2.x searches the timeline unless told otherwise; 3.x everything but locked."""

    @property
    def text(self) -> str:
        return ".".join(map(str, self.number))


RELEASES = {
    "2.7": Release((2, 7, 5), True, True, True, False, 500, True),
    "3.0": Release((3, 0, 3), False, False, False, True, 404, False),
}

IMAGES = (
    ".avif",
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".webp",
    ".3fr",
    ".ari",
    ".arw",
    ".cap",
    ".cin",
    ".cr2",
    ".cr3",
    ".crw",
    ".dcr",
    ".dng",
    ".erf",
    ".fff",
    ".iiq",
    ".k25",
    ".kdc",
    ".mrw",
    ".nef",
    ".nrw",
    ".orf",
    ".ori",
    ".pef",
    ".psd",
    ".raf",
    ".raw",
    ".rw2",
    ".rwl",
    ".sr2",
    ".srf",
    ".srw",
    ".x3f",
    ".heic",
    ".heif",
    ".hif",
    ".insp",
    ".jp2",
    ".jpe",
    ".jxl",
    ".svg",
    ".tif",
    ".tiff",
)
VIDEOS = (
    ".3gp",
    ".3gpp",
    ".avi",
    ".flv",
    ".insv",
    ".m2t",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpe",
    ".mpeg",
    ".mpg",
    ".mts",
    ".mxf",
    ".ts",
    ".vob",
    ".webm",
    ".wmv",
)

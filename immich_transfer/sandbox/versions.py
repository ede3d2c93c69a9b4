"""What differs between the server versions the sandbox speaks, as one table.

Recorded on real 2.7.5 and 3.0.3 servers; what the table does not name is the same in both. Another
version is one more row.
"""

from __future__ import annotations

from typing import NamedTuple


def words(text: str) -> tuple[str, ...]:
    """A long list of names, written as text."""
    return tuple(text.split())


class Release(NamedTuple):
    """One server version's manners."""

    number: tuple[int, int, int]
    prerelease_told: bool
    """3.x adds `prerelease` to `/server/version`."""
    device_ids: bool
    """2.x demands `deviceAssetId` and `deviceId` and shows them; 3.x ignores them."""
    duration_text: bool
    """2.x: any text in, `0:00:00.00000` out; 3.x: whole milliseconds in, a number or null out."""
    long_errors: bool
    """2.x adds `error`, `statusCode` and `correlationId` to every error body."""
    correlation_header: str
    """Carries the id of the request; a client's own is echoed."""
    albums_hold_assets: bool
    """2.x: albums have `assets`, `owner` and `ownerId`, and the owner is not in `albumUsers`."""
    albums_list_shared: bool
    """3.x lists what is shared with the caller too; 2.x only with `shared=true`."""
    strict_dates: bool
    """3.x takes only RFC 3339 instants with a zone."""
    strict_ids: bool
    """3.x takes only UUIDs of version 4 (or the nil one)."""
    empty_checksum_taken: bool
    """3.x answers `accept` for an empty checksum, 2.x a 400."""
    file_error: int
    """Status of any failure while a file is served: 500 in 2.x, 404 in 3.x."""
    foreign_original: int
    """Status for the original of an asset one may not see."""
    search_default: frozenset[str]
    """Visibilities a search shows unless told otherwise."""
    search_album_of_all: bool
    """3.x finds every owner's assets by `albumIds`, 2.x only the caller's."""
    legacy_routes: bool
    """2.x still has `/assets/exist` and `/server/theme`."""
    extra_features: tuple[str, ...]
    extra_queues: tuple[str, ...]

    @property
    def text(self) -> str:
        return ".".join(map(str, self.number))


RELEASES = {
    "2.7": Release(
        number=(2, 7, 5),
        prerelease_told=False,
        device_ids=True,
        duration_text=True,
        long_errors=True,
        correlation_header="X-Immich-Cid",
        albums_hold_assets=True,
        albums_list_shared=False,
        strict_dates=False,
        strict_ids=False,
        empty_checksum_taken=False,
        file_error=500,
        foreign_original=400,
        search_default=frozenset(["timeline"]),
        search_album_of_all=False,
        legacy_routes=True,
        extra_features=(),
        extra_queues=(),
    ),
    "3.0": Release(
        number=(3, 0, 3),
        prerelease_told=True,
        device_ids=False,
        duration_text=False,
        long_errors=False,
        correlation_header="X-Correlation-ID",
        albums_hold_assets=False,
        albums_list_shared=True,
        strict_dates=True,
        strict_ids=True,
        empty_checksum_taken=True,
        file_error=404,
        foreign_original=404,
        search_default=frozenset(["timeline", "archive", "hidden"]),
        search_album_of_all=True,
        legacy_routes=False,
        extra_features=("realtimeTranscoding",),
        extra_queues=("integrityCheck",),
    ),
}

VISIBILITIES = ("archive", "timeline", "hidden", "locked")

IMAGES = words(
    """.avif .bmp .gif .jpeg .jpg .png .webp .3fr .ari .arw .cap .cin .cr2 .cr3 .crw .dcr .dng .erf
    .fff .iiq .k25 .kdc .mrw .nef .nrw .orf .ori .pef .psd .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f
    .heic .heif .hif .insp .jp2 .jpe .jxl .svg .tif .tiff"""
)
VIDEOS = words(
    """.3gp .3gpp .avi .flv .insv .m2t .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ts .vob
    .webm .wmv"""
)
SIDECARS = (".xmp",)
_MOVING = frozenset(VIDEOS)
_KNOWN = frozenset(IMAGES + VIDEOS)

_TYPES = {
    ".jpg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".tif": "image/tiff",
    ".svg": "image/svg+xml",
    ".insp": "image/jpeg",
    ".mov": "video/quicktime",
    ".avi": "video/x-msvideo",
    ".mkv": "video/x-matroska",
    ".wmv": "video/x-ms-wmv",
    ".flv": "video/x-flv",
    ".mpg": "video/mpeg",
    ".mpe": "video/mpeg",
    ".3gp": "video/3gpp",
    ".m4v": "video/x-m4v",
    ".mts": "video/mp2t",
    ".m2ts": "video/mp2t",
}


def extension_of(name: str) -> str:
    """Lower case, with the dot; none for a name that is nothing but an extension."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def is_video(name: str) -> bool:
    return extension_of(name) in _MOVING


def media_type(name: str) -> str:
    """The Content-Type the server gives by extension."""
    extension = extension_of(name)
    if extension not in _KNOWN:
        return "application/octet-stream"
    kind = "video" if extension in _MOVING else "image"
    return _TYPES.get(extension) or f"{kind}/{extension[1:]}"

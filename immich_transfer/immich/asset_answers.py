"""Assets as listings show them, and what we make of them. Extra fields are ignored."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

import msgspec

from immich_transfer.model import AssetId, RemoteAsset, Sha1


class ExifAnswer(msgspec.Struct, gc=False, rename="camel"):
    """`exifInfo`; only there when it was asked for."""

    file_size_in_byte: int | None = None
    make: str | None = None
    model: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None


class AssetAnswer(msgspec.Struct, gc=False, rename="camel"):
    """One asset of `POST /search/metadata`, `GET /albums/{id}` (< 3.0) or `GET /assets/{id}`."""

    id: str
    original_file_name: str
    checksum: str
    """Base64 of the SHA-1; in external libraries of the text `path:<server path>`."""
    owner_id: str = ""
    type: str = "IMAGE"
    visibility: str | None = None
    """Server >= 1.133."""
    is_archived: bool = False
    is_trashed: bool = False
    library_id: str | None = None
    live_photo_video_id: str | None = None
    created_at: str = ""
    """When it was added to the server; >= 1.140."""
    file_created_at: str = ""
    file_modified_at: str = ""
    local_date_time: str = ""
    updated_at: str = ""
    exif_info: ExifAnswer | None = None

    def remote(self) -> RemoteAsset:
        exif = self.exif_info or _NO_EXIF
        return RemoteAsset(
            id=AssetId(self.id),
            name=_text(self.original_file_name),
            sha1=None if self.library_id is not None else sha1_of(self.checksum),
            size=exif.file_size_in_byte,
            owner=self.owner_id,
            video=self.type == "VIDEO",
            visibility=self.visibility or ("archive" if self.is_archived else "timeline"),
            trashed=self.is_trashed,
            live_video=AssetId(self.live_photo_video_id) if self.live_photo_video_id else None,
            taken=milliseconds(self.file_created_at),
            modified=milliseconds(self.file_modified_at),
            local=self.local_date_time,
            updated=self.updated_at,
            camera=(exif.make or "", exif.model or ""),
            place=(exif.city or "", exif.state or "", exif.country or ""),
        )


_NO_EXIF = ExifAnswer()


def _text(name: str) -> str:
    """Without halves of surrogate pairs: JSON can spell them, no file system and no line can."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode()


def sha1_of(checksum: str) -> Sha1 | None:
    """The 20 bytes of a base64 checksum; None when it is something else."""
    try:
        raw = base64.b64decode(checksum, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Sha1(raw) if len(raw) == 20 else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(instant: str) -> int:
    """RFC 3339 to ms since the epoch; 0 when it is missing or makes no sense."""
    try:
        when = datetime.fromisoformat(instant)
    except ValueError:
        return 0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return round((when - _EPOCH).total_seconds() * 1000)


def instant(ms: int) -> str:
    """The form that every version takes: 2020-01-02T03:04:05.000Z."""
    seconds, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


class SearchAssets(msgspec.Struct, gc=False, rename="camel"):
    """`assets` of a search answer. `total` is of this page only, so it is not read."""

    items: list[AssetAnswer]
    next_page: str | None = None


class SearchAnswer(msgspec.Struct, gc=False):
    """`POST /search/metadata` and `/search/smart`."""

    assets: SearchAssets


class StatisticsAnswer(msgspec.Struct, gc=False):
    """`POST /search/statistics` (>= 1.135)."""

    total: int


class MonthAnswer(msgspec.Struct, gc=False, rename="camel"):
    """One bucket of `GET /timeline/buckets`."""

    time_bucket: str
    count: int


class BucketColumns(msgspec.Struct, gc=False, rename="camel"):
    """`GET /timeline/bucket` from 1.133 on: columns of one length."""

    id: list[str]
    owner_id: list[str] = []
    live_photo_video_id: list[str | None] = []


class ArchiveAnswer(msgspec.Struct, gc=False, rename="camel"):
    """One of the `archives` of `POST /download/info` (201)."""

    size: int
    asset_ids: list[str]


class PersonAnswer(msgspec.Struct, gc=False):
    id: str
    name: str = ""


class PeopleAnswer(msgspec.Struct, gc=False, rename="camel"):
    """`GET /people`; `has_next_page` from 1.109 on."""

    people: list[PersonAnswer]
    has_next_page: bool = False

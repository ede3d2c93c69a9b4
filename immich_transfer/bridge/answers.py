"""Assets as the server shows them with all their fields, and what we make of them."""

from __future__ import annotations

import msgspec

from immich_transfer.immich.asset_answers import AssetAnswer, ExifAnswer, milliseconds

from .models import Asset, Person, Tag


class ExifWire(ExifAnswer, gc=False, rename="camel"):
    """`exifInfo`; in lists only there when it was asked for."""

    description: str | None = None
    rating: int | float | None = None
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None
    exif_image_width: int | float | None = None
    exif_image_height: int | float | None = None


class AssetWire(AssetAnswer, gc=False, rename="camel"):
    """One asset of any answer, as far as it tells."""

    is_favorite: bool = False
    is_offline: bool = False
    original_mime_type: str | None = None
    original_path: str = ""
    duration: str | int | float | None = None
    """Before 3.0 text like 0:00:12.34500; then ms, or null for what does not move."""
    width: int | float | None = None
    """>= 2.5"""
    height: int | float | None = None
    exif_info: ExifWire | None = None
    people: tuple[Person, ...] = ()
    tags: tuple[Tag, ...] = ()

    def remote(self) -> Asset:
        seen = super().remote()
        exif = self.exif_info or _NO_EXIF
        return Asset(
            **{name: getattr(seen, name) for name in seen.__struct_fields__},
            favorite=self.is_favorite,
            offline=self.is_offline,
            added=milliseconds(self.created_at),
            library=self.library_id,
            mime=self.original_mime_type or "",
            path=self.original_path,
            duration=seconds(self.duration),
            width=_whole(self.width if self.width is not None else exif.exif_image_width),
            height=_whole(self.height if self.height is not None else exif.exif_image_height),
            description=exif.description or "",
            rating=_whole(exif.rating),
            latitude=exif.latitude,
            longitude=exif.longitude,
            time_zone=exif.time_zone,
            people=self.people,
            tags=self.tags,
        )


_NO_EXIF = ExifWire()


class PageWire(msgspec.Struct, gc=False, rename="camel"):
    """`assets` of a search answer."""

    items: list[AssetWire]
    next_page: str | None = None


class SearchWire(msgspec.Struct, gc=False):
    """`POST /search/metadata` and `/search/smart`."""

    assets: PageWire


def seconds(duration: str | float | None) -> float | None:
    """A duration of any version in seconds; None for what does not move."""
    if duration is None:
        return None
    if not isinstance(duration, str):
        return duration / 1000 or None
    total = 0.0
    try:
        for part in duration.split(":"):
            total = total * 60 + float(part)
    except ValueError:
        return None
    return total or None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)

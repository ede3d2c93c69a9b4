"""Everything the server knows of one asset: what lists leave out, asked for one at a time.

Lists leave the tags out and people mostly (2.7.5 and 3.0.3), so a sidecar costs one
`GET /assets/{id}` a file.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from immich_transfer.errors import ItemError, ServerRefused, ServerUnavailable, Stumbled, Transient
from immich_transfer.model import AssetId, Sha1
from immich_transfer.policy.facts import Facts

from .connect import Connection
from .reading import decode
from .verdicts import is_gone
from .wire import Tag

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")
_WIDEST = timedelta(hours=14)
"""No zone is further from UTC."""
_STEP = timedelta(minutes=15)
"""Offsets of today's zones are multiples of this."""


class Exif(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`exifInfo`: of the file, overlaid with what was edited on the server."""

    description: str | None = None
    rating: int | float | None = None
    latitude: float | None = None
    longitude: float | None = None
    date_time_original: str | None = None
    """An instant. None before the metadata job has run."""
    time_zone: str | None = None
    """'Europe/Berlin' or 'UTC+2'; None when the file does not tell."""


class Person(msgspec.Struct, frozen=True, gc=False):
    """Somebody recognised; `name` is '' until the user gives one (3.x leaves the faces out)."""

    name: str = ""


class AssetDetail(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`GET /assets/{id}`, as far as sidecars need it."""

    id: str
    original_file_name: str
    checksum: str
    """Base64."""
    library_id: str | None = None
    local_date_time: str | None = None
    """Wall clock where it was taken, written as if UTC."""
    is_favorite: bool = False
    """Only of one's own assets; false for those of others."""
    is_archived: bool = False
    visibility: str = "timeline"
    """Server >= 1.133; before that `is_archived` alone."""
    exif_info: Exif | None = None
    tags: tuple[Tag, ...] = ()
    people: tuple[Person, ...] = ()

    @property
    def sha1(self) -> Sha1 | None:
        """Of the original's bytes; None in external libraries, whose checksum is of the path."""
        if self.library_id is not None:
            return None
        try:
            raw = base64.b64decode(self.checksum, validate=True)
        except (binascii.Error, ValueError):
            return None
        return Sha1(raw) if len(raw) == 20 else None


class Details:
    """The detail call of one connection. Needs `asset.read`."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection.http

    async def of(self, asset_id: AssetId) -> AssetDetail | None:
        """What the server knows of this asset; None when it is gone, locked or not ours to see.

        Raises ItemError when the server refuses or fails for this asset alone, ServerUnavailable
        when it cannot be asked, KeyRefused when the key may not.
        """
        path = f"assets/{quote(asset_id, safe='')}"

        async def attempt(_: int) -> AssetDetail:
            _status, body = await self._http.once("GET", path)
            return decode(body, AssetDetail)

        try:
            return await self._http.persist(attempt, "asking for the details of a file")
        except ServerRefused as refusal:
            if is_gone(refusal):
                return None
            raise
        except Stumbled as failure:
            raise ItemError(f"its details cannot be had: {failure.message}") from None
        except Transient as failure:
            raise ServerUnavailable(
                f"GET /{path} failed too often: {failure.message}",
                hint="run the same command again later; nothing is lost",
            ) from None


def facts(detail: AssetDetail, *, albums: Iterable[str], original_name: str) -> Facts:
    """The facts of a file. Lists come out sorted, so that no order of the server's changes them.

    `original_name` is '' when the file on disk is named as on the server. People without a name
    are left out.
    """
    exif = detail.exif_info or Exif()
    sha1 = detail.sha1
    placed = exif.latitude is not None and exif.longitude is not None
    return Facts(
        asset_id=detail.id,
        sha1=None if sha1 is None else sha1.hex(),
        original_name=original_name,
        description=exif.description or "",
        rating=None if exif.rating is None else round(exif.rating),
        favorite=detail.is_favorite,
        archived=detail.is_archived or detail.visibility == "archive",
        taken=local_time(exif.date_time_original, exif.time_zone, detail.local_date_time),
        latitude=exif.latitude if placed else None,
        longitude=exif.longitude if placed else None,
        tags=_sorted(tag.value for tag in detail.tags),
        people=_sorted(person.name for person in detail.people),
        albums=_sorted(albums),
    )


def local_time(instant: str | None, zone: str | None, wall: str | None) -> str:
    """When it was taken, as RFC 3339 with the offset of the zone it was taken in.

    `instant` and `zone` are of the exif part, `wall` is `localDateTime`. Without a zone it is the
    wall clock without an offset: the instant was then guessed by the server from its own zone. A
    zone this machine has no data for (Windows) is measured by how far wall clock and instant are
    apart; when that makes no sense the instant is told in UTC, 'Z'. '' when no date is known.
    """
    moment, clock = _parsed(instant), _parsed(wall)
    if moment is None:
        return ""
    if not zone and clock is not None:
        return _text(clock.replace(tzinfo=None))
    known = _zone(zone) if zone else None
    if known is None and clock is not None:
        apart = clock - moment
        if abs(apart) <= _WIDEST and not apart % _STEP:
            known = timezone(apart)
    try:
        local = moment.astimezone(known or UTC)
    except OverflowError:
        known, local = None, moment
    offset = local.utcoffset()
    if known is None or offset is None or offset % timedelta(minutes=1):
        return _text(moment.replace(tzinfo=None)) + "Z"
    return _text(local)


def _zone(name: str) -> tzinfo | None:
    """The zone of this name; None when it is not known here."""
    if name in ("UTC", "GMT", "Z"):
        return UTC
    told = _OFFSET.fullmatch(name)
    if told is not None:
        offset = timedelta(hours=int(told[2]), minutes=int(told[3] or 0))
        return timezone(-offset if told[1] == "-" else offset) if offset <= _WIDEST else None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone, no name of one, a folder of zones
        return None


def _parsed(text: str | None) -> datetime | None:
    """An ISO 8601 text in UTC; None when there is none that the calendar here can hold."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))

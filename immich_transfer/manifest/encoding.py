"""How values look inside the database: bytes for names, 16 bytes for asset ids."""

from __future__ import annotations

import sys

from immich_transfer.model import AssetId

_ENCODING = sys.getfilesystemencoding()
_ERRORS = sys.getfilesystemencodeerrors()
_HALF = 1 << 63


def path_in(path: str) -> bytes:
    """`os.fsencode` without its type checks: this runs once for every file of every walk."""
    return path.encode(_ENCODING, _ERRORS)


def path_out(raw: bytes) -> str:
    return raw.decode(_ENCODING, _ERRORS)


def name_in(name: str) -> bytes:
    """A name that may come from an undecodable folder; any `str` survives the round trip."""
    return name.encode("utf-8", "surrogatepass")


def name_out(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def prose(text: str | None) -> str | None:
    """Text for people: lone surrogates, which SQLite refuses, become readable escapes."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def asset_in(asset_id: str | None) -> bytes | str | None:
    """16 bytes when it is a UUID as the server writes it, else the text as it is."""
    if asset_id is None:
        return None
    text = asset_id.replace("-", "")
    if len(text) == 32 and len(asset_id) == 36:
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            return prose(asset_id)
        # Only what comes back as the same text: a third of the time of writing it out again.
        dashes = asset_id[8] + asset_id[13] + asset_id[18] + asset_id[23]
        if raw.hex() == text and dashes == "----":
            return raw
    return prose(asset_id)


def asset_out(stored: bytes | str) -> AssetId:
    return AssetId(_uuid(stored) if isinstance(stored, bytes) else stored)


def _uuid(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def signed(number: int) -> int:
    """A number as SQLite holds it, in 64 signed bits: inodes of some network file systems use all
    64, and the nanoseconds of a time beyond the year 2262 need more."""
    if -_HALF <= number < _HALF:
        return number
    return ((number + _HALF) & (_HALF * 2 - 1)) - _HALF

"""Names of files and folders on disk, made from whatever the server sends. Pure, no I/O.

A name is changed only where some common system could not hold it, would read it as something else
or would show it as something else: path separators, control and invisible characters, devices of
Windows, dots and spaces at the end. So a library downloaded on Linux can be copied to any disk,
and no name leads out of its folder.

All of it depends on the names and ids alone, never on the order of arrival: every run makes the
same names. The character sets are fixed here instead of asked from the Unicode database, whose
categories differ between versions of Python.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Id = TypeVar("_Id", bound=str)

LONGEST_NAME = 255
"""UTF-8 bytes of one name: ext4, XFS, Btrfs, ZFS, APFS. NTFS, exFAT and HFS+ count 255 UTF-16
units instead, and no text has more of them than UTF-8 bytes."""

_LONGEST_EXTENSION = 15
"""Characters after the dot; more is the rest of a sentence. `.jpg_original` must fit."""
_LONGEST_CLUSTER = 32
"""Characters that a cut goes back to spare an emoji or accented letter; a family has 7 to 11."""
_LONGEST_HALF = 512
"""Characters at either end of a name that are looked at: normalising takes quadratic time on
hostile text, and a name that fits once composed has at most 4 x 255 of them."""

_EXTENSION = re.compile(rf"(?<=.)\.[^\s.]{{1,{_LONGEST_EXTENSION}}}\Z", re.DOTALL)

_DEVICES = r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|\Z)"
"""Windows opens the device whatever follows the first dot, spaces before it left aside."""
_DEVICE = re.compile(_DEVICES, re.ASCII | re.IGNORECASE)

# Nearly all names are like this, and one match at C speed says so. It is a shortcut only: the
# long way gives each of these names unchanged.
_PLAIN = re.compile(
    rf"(?!{_DEVICES})(?![. ])[\w .,;()\[\]{{}}+=@#$%&'!~^`-]{{1,{LONGEST_NAME}}}(?<![. ])",
    re.ASCII | re.IGNORECASE,
)

# Joiners, variation selectors and the signs that Arabic sets around numbers belong to readable
# text and are let through.
_INVISIBLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\xad\u180e\u200b\u2060-\u206f\ufeff\ufff0-\ufffb"  # no glyph: soft hyphen, zero-width space …
    "\u061c\u200e\u200f\u2028-\u202e"  # direction of writing, line and paragraph separators
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # layout of odd scripts
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags: text that nobody sees
    "\ud800-\udfff"  # lone surrogates: no text in UTF-8
    "\uf000-\uf0ff"  # stand for the forbidden characters themselves on SMB, WSL and Cygwin
    "\ufdd0-\ufdef"  # not characters, here and at the end of each plane
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)
_FORBIDDEN = str.maketrans(dict.fromkeys('/\\<>:"|?*\0', "_"))

# What HFS+ and case-folding ext4 pass over when they compare names, as far as safe names have it.
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u200c\u200d\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)

_PLAIN_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PART = re.compile(r"\.[0-9A-Za-z-]{1,64}\.[0-9a-f]{12}\.part")


def safe_name(name: str, *, fallback: str = "unnamed") -> str:
    """One path component that every system can hold and reads alike; a name that is one stays.

    What cannot stay becomes `_`; spaces at the start, dots and spaces at the end, and invisible
    characters at either go. Too long a name loses the end of its stem and keeps its extension.
    `fallback`, itself such a name, is for names of which nothing is left. Idempotent.
    """
    if _PLAIN.fullmatch(name):
        return name
    if len(name) > 2 * _LONGEST_HALF:
        name = name[:_LONGEST_HALF] + name[-_LONGEST_HALF:]
    text = _INVISIBLE.sub("\0", unicodedata.normalize("NFC", name))
    # Stripped, not replaced: `a.jpg.` and `a.jpg\n` stay pictures.
    text = _fitting(text.lstrip(" \0").rstrip(". \0").translate(_FORBIDDEN))
    if device := _DEVICE.match(text):
        end = device.end(1)
        text = _fitting(f"{text[:end]}_{text[end:]}")
    if is_part(name_key(text)):
        text = text.replace(".", "_", 1)
    return text or fallback


def split_name(name: str) -> tuple[str, str]:
    """Stem and extension, the dot with the extension; '' when there is none worth the name."""
    found = _EXTENSION.search(name)
    return (name, "") if found is None else (name[: found.start()], found.group())


def name_key(path: str) -> str:
    """The identity of a name or path: equal keys may be one file on some file system. Idempotent.

    Unicode's canonical caseless matching (D145), less the invisible characters that some systems
    pass over. ASCII only loses its case.
    """
    if path.isascii():
        return path.lower()
    text = unicodedata.normalize("NFD", _IGNORED.sub("", path)).casefold()
    return unicodedata.normalize("NFC", text)


def with_suffix(name: str, suffix: str, *, folder: bool = False) -> str:
    """`a.jpg` and `3f9a1c2d` make `a (3f9a1c2d).jpg`, the stem cut so that it fits.

    A folder has no extension: `Rome 2.5` becomes `Rome 2.5 (3f9a1c2d)`.
    """
    stem, extension = (safe_name(name), "") if folder else split_name(safe_name(name))
    end = f" ({suffix}){extension}"
    return safe_name(_cut(stem, LONGEST_NAME - len(end.encode())) + end)


def distinct(
    names: Iterable[tuple[_Id, str]],
    taken: Callable[[str], bool] = lambda key: False,
    *,
    folders: bool = False,
) -> dict[_Id, str]:
    """The final, safe name of each id in one folder: no two have the same key.

    `names` are (id, wished name), in any order, made safe here; of an id that is listed twice the
    lower name counts. `taken(key)` says whether a name with that `name_key` (of the name alone,
    not its path) is held already, as those of earlier runs are; their ids must not be in `names`.

    Of the ids that wish for one name the lowest gets it, unless it is taken, and the others get
    `with_suffix` of the first 8 hex digits of their id, of 16 or all when a name is in the way.
    A wished name is never lost to a made one. Time is linear in the names, but for one sort of
    those that collide.
    """
    wished: dict[_Id, str] = {}
    for own, name in names:
        safe = safe_name(name)
        if wished.setdefault(own, safe) > safe:
            wished[own] = safe
    groups: dict[str, list[_Id]] = defaultdict(list)
    for own, name in wished.items():
        groups[name_key(name)].append(own)
    final: dict[_Id, str] = {}
    losers: list[_Id] = []
    for key, group in groups.items():
        first = None if taken(key) else min(group)
        if first is not None:
            final[first] = wished[first]
        losers += (own for own in group if own != first)
    # Every key in `groups` is now held, by its first or by an earlier run.
    made: set[str] = set()
    for own in sorted(losers):
        for suffix in _suffixes(own):
            name = with_suffix(wished[own], suffix, folder=folders)
            key = name_key(name)
            if key not in groups and key not in made and not taken(key):
                break
        made.add(key)
        final[own] = name
    return final


def part_name(asset_id: str, sha1: bytes | None) -> str:
    """The file that a download grows in; the same content of the same asset takes it up again.

    An id that is not plain is hashed, so that it cannot lead out of the folder.
    """
    plain = _PLAIN_ID.fullmatch(asset_id) is not None
    own = asset_id if plain else _hashed(asset_id)[:32]
    return f".{own}.{(sha1 or b'').hex()[:12]:0<12}.part"


def is_part(name: str) -> bool:
    """True for what `part_name` makes; `safe_name` never gives such a name, in any case."""
    return name.startswith(".") and _PART.fullmatch(name) is not None


def live_video_name(still: str, video: str) -> str:
    """The name of a live photo's video: the final stem of its still, its own extension.

    Never the name of the still itself; other names of the folder are the caller's to look at.
    """
    still = safe_name(still)
    stem, _ = split_name(still)
    _, extension = split_name(safe_name(video))
    name = safe_name(_cut(stem, LONGEST_NAME - len(extension.encode())) + extension)
    return with_suffix(name, "video") if name_key(name) == name_key(still) else name


def _suffixes(own: str) -> Iterator[str]:
    # Only the form the server writes is taken as it is: then no two ids have the same digits.
    digits = own.replace("-", "") if _UUID.fullmatch(own) else _hashed(own)
    yield digits[:8]
    yield digits[:16]
    yield digits
    for number in itertools.count(2):
        yield f"{digits} {number}"


def _hashed(own: str) -> str:
    return hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()


def _fitting(text: str) -> str:
    if len(text.encode()) <= LONGEST_NAME:
        return text
    stem, extension = split_name(text)
    return (_cut(stem, LONGEST_NAME - len(extension.encode())) + extension).rstrip(". ")


def _cut(text: str, most: int) -> str:
    """The start of `text` in at most `most` UTF-8 bytes, if possible up to a whole character."""
    kept = text.encode()[: max(most, 0)].decode(errors="ignore")
    if len(kept) == len(text):
        return text
    for end in range(len(kept), max(len(kept) - _LONGEST_CLUSTER, 0), -1):
        if not _joined(text[end - 1], text[end]):
            return text[:end]
    return kept


def _joined(before: str, after: str) -> bool:
    """True where a person sees one character: marks, skin tones, joined emoji."""
    return (
        "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or unicodedata.category(after) in ("Mn", "Me", "Mc")
    )

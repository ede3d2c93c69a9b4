"""What differs between the server versions the sandbox speaks, in tables.

2.7 and 3.0 are as recorded on real 2.7.5 and 3.0.3 servers; the others follow the API documents of
1.106.4 and 1.132.3 and, for 3.2, the types of its official SDK. Another version is one more number.
"""

from __future__ import annotations

from typing import NamedTuple


def words(text: str) -> tuple[str, ...]:
    """A long list of names, written as text."""
    return tuple(text.split())


VISIBILITIES = ("archive", "timeline", "hidden", "locked")


class Release(NamedTuple):
    """One server version's manners, as far as they are no matter of routes or fields."""

    number: tuple[int, int, int]
    device_ids: bool
    """Before 3.0 `deviceAssetId` and `deviceId` are demanded and shown; 3.x ignores them."""
    duration_text: bool
    """Before 3.0 any text in, `0:00:00.00000` out; then whole milliseconds in, a number or null
    out."""
    long_errors: bool
    """Before 3.0 every error body has `error`, `statusCode` and `correlationId`."""
    correlation_header: str
    """Carries the id of the request; a client's own is echoed."""
    visibility: bool
    """From 1.133 one word; before that `isArchived` and `isVisible`. Buckets of the timeline are
    columns from then on."""
    key_permissions: bool
    """From 1.113 keys have permissions."""
    unnamed_needs_all: bool
    """From 1.136 a route that names no permission wants a key with `all`."""
    trash_told: bool
    """From 1.115 a check says `isTrashed`."""
    trash_counted: bool
    """From 1.116 what was restored or emptied is counted (200); before that 204."""
    tag_paths: bool
    """From 1.113 tags have values, parents and 204 for a delete."""
    stack_objects: bool
    """From 1.113 an asset tells its stack as an object; before that as a list of assets."""
    deletes_say_nothing: bool
    """From 1.138 deletes of albums and keys, and new jobs, are 204."""
    disposition: bool
    """From 1.136 originals tell their names."""
    albums_hold_assets: bool
    """Before 3.0 albums have `assets`, `owner` and `ownerId`; the owner is not in `albumUsers`."""
    albums_list_shared: bool
    """From 3.0 the list has what is shared with the caller too; before only with `shared=true`."""
    strict_dates: bool
    """3.x takes only RFC 3339 instants with a zone."""
    strict_ids: bool
    """3.x takes only UUIDs of version 4 (or the nil one)."""
    empty_checksum_taken: bool
    """3.x answers `accept` for an empty checksum, earlier ones a 400."""
    file_error: int
    """Status of any failure while a file is served: 500, and 404 from 3.0 on."""
    foreign_original: int
    """Status for the original of an asset one may not see."""
    search_default: frozenset[str]
    """Visibilities a search shows unless told otherwise."""
    search_album_of_all: bool
    """3.x finds every owner's assets by `albumIds`, 2.x only the caller's."""
    structured_search: bool
    """3.2 also takes `filter`, `orderBy` and `cursor`."""

    @property
    def text(self) -> str:
        return ".".join(map(str, self.number))

    def has(self, first: tuple[int, ...], last: tuple[int, ...] = (99,)) -> bool:
        """True from the version `first` on, up to and with all of `last`."""
        return first <= self.number and self.number[: len(last)] <= last


def _release(major: int, minor: int, patch: int) -> Release:
    at = (major, minor, patch)
    old = at < (3,)
    shown = {"timeline", "hidden"} if at < (1, 133) else {"timeline"}
    return Release(
        number=at,
        device_ids=old,
        duration_text=old,
        long_errors=old,
        correlation_header="X-Immich-Cid" if old else "X-Correlation-ID",
        visibility=at >= (1, 133),
        key_permissions=at >= (1, 113),
        unnamed_needs_all=at >= (1, 136),
        trash_told=at >= (1, 115),
        trash_counted=at >= (1, 116),
        tag_paths=at >= (1, 113),
        stack_objects=at >= (1, 113),
        deletes_say_nothing=at >= (1, 138),
        disposition=at >= (1, 136),
        albums_hold_assets=old,
        albums_list_shared=not old,
        strict_dates=not old,
        strict_ids=not old,
        empty_checksum_taken=not old,
        file_error=500 if old else 404,
        foreign_original=400 if old else 404,
        search_default=frozenset(shown if old else {"timeline", "archive", "hidden"}),
        search_album_of_all=not old,
        structured_search=at >= (3, 2),
    )


RELEASES = {
    "1.106": _release(1, 106, 4),
    "1.132": _release(1, 132, 3),
    "2.7": _release(2, 7, 5),
    "3.0": _release(3, 0, 3),
    "3.2": _release(3, 2, 2),
}

"""What the user asked for, as frozen values that every room may read.

Flags, environment, profile and defaults are merged elsewhere (`settings.py`); here is only the
meaning, unit and default of each option. Sizes are bytes, rates bytes per second, times seconds.
"""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from immich_transfer.model import Visibility


class Secret:
    """An API key that does not show itself: `str` and `repr` give stars, `reveal` the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself, for the one header it belongs in."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which server, as whom, and how its certificate is judged."""

    url: str
    api_key: Secret
    insecure: bool = False
    """Do not verify the TLS certificate (said in every summary)."""
    ca_file: str | None = None
    """A PEM file with further authorities to trust."""


class TransferOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What all transfers share."""

    state_dir: str
    transfers: int | None = None
    """Bodies in flight at once; None lets the pace adapt to the server."""
    hashers: int = max(1, min(4, os.cpu_count() or 1))
    bwlimit_up: int | None = None
    bwlimit_down: int | None = None
    retries: int = 5
    """Attempts per item in all. An outage of the server costs none."""
    wait: float = 1800.0
    """How long to wait for a server that is away; 0 gives up at once."""
    wait_start: float | None = None
    """The same before the server ever answered; None means at most 15 s (a typo is likelier)."""
    timeout_idle: float = 120.0
    """A transfer in which no byte moved for this long is taken as cut."""
    max_errors: int | None = None
    """End the run (exit 8) once this many files failed; None never does."""
    dry_run: bool = False
    strict: bool = False
    """Exit 3 also when files were skipped, trashed or deleted remotely."""


class UploadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `upload` is asked to do."""

    paths: tuple[str, ...]
    albums: tuple[str, ...] = ()
    """Every file goes into each of these."""
    album_from: Literal["folder", "path"] | None = None
    tags: tuple[str, ...] = ()
    favorite: bool = False
    visibility: Visibility | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    filter_from: tuple[str, ...] = ()
    """Files of gitignore-style exclude patterns."""
    type: Literal["image", "video"] | None = None
    min_size: int | None = None
    max_size: int | None = None
    newer_ns: int | None = None
    """Only files modified at or after this instant (ns since the epoch)."""
    older_ns: int | None = None
    """Only files modified before this instant (ns since the epoch)."""
    hidden: bool = False
    default_excludes: bool = True
    follow_links: bool = False
    checksum: bool = False
    """Read every file again instead of trusting fingerprints."""
    trashed: Literal["skip", "restore", "reupload"] = "skip"
    deleted: Literal["skip", "reupload"] = "skip"
    delete_source: bool = False
    """Delete each local file once the server's own checksum of its copy was compared."""
    sidecars: bool = True
    pause_jobs: bool = False
    """Pause the server's heavy queues for the run (needs an admin's key)."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which assets of the server are meant."""

    albums: tuple[str, ...] = ()
    """Names; `*`, `?` and `[…]` match when there is a `*`."""
    album_ids: tuple[str, ...] = ()
    everything: bool = False
    """The whole library: timeline and archive."""
    favorites: bool = False
    search: str | None = None
    """What the server's own (smart) search is asked for."""
    limit: int = 100
    """How many of its best matches are meant: it ranks the whole library."""
    type: Literal["image", "video"] | None = None
    taken_after: str | None = None
    """RFC 3339 instant, inclusive."""
    taken_before: str | None = None
    people: tuple[str, ...] = ()
    """Names or ids; assets that show all of them."""
    tags: tuple[str, ...] = ()
    """Full paths; assets that have all of them."""
    archived: bool = False
    """Only what is archived."""

    @property
    def filtered(self) -> bool:
        """True when a search, not an album or the library, says what is meant."""
        return bool(
            self.favorites
            or self.search
            or self.type
            or self.taken_after
            or self.taken_before
            or self.people
            or self.tags
            or self.archived
        )


class DownloadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `download` and `mirror` are asked to do."""

    output: str
    selection: Selection
    layout: str | None = None
    """Path template; None is `{album}/{filename}` for albums, by year and month for the rest."""
    sidecars: Literal["xmp", "json", "none"] = "none"
    on_conflict: Literal["keep-both", "skip", "overwrite"] = "keep-both"
    deleted: Literal["fetch", "skip"] = "fetch"
    """What to do about files that were deleted here."""
    checksum: bool = False
    """Read every local file again instead of trusting fingerprints."""
    mirror: bool = False
    """Follow renames and moves on the server."""
    delete: bool = False
    """Only mirror: remove files whose asset left."""
    max_delete: int | float | None = None
    """Files, or a share from 0.0 to 1.0; None is the larger of 50 and 10 %, never all."""
    trash_dir: str | None = None
    """Where removed files go; None is a dated folder inside the state folder."""


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `check` is asked to compare: exactly one of `files`, `download` and `scrub`."""

    files: UploadOptions | None = None
    """Local files: is every one of them on the server?"""
    download: DownloadOptions | None = None
    """Albums or the library: is every asset on disk below its `output`?"""
    scrub: str | None = None
    """A folder we wrote: are its bytes still those we wrote?"""
    repair: bool = False
    """Fetch again what a scrub found to be damaged or gone."""
    read: bool = False
    """Hash the bytes again instead of trusting fingerprints."""

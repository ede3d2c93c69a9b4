"""Values that travel between the rooms: frozen, small, free of behaviour.

Checksums are raw 20-byte SHA-1 digests (`Sha1`), turned to text only at the edges. Paths are `str`
as `os.fsdecode` makes them: names that are not UTF-8 carry surrogate escapes and survive the round
trip to disk (PEP 383).
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Any, NewType

import msgspec

Sha1 = NewType("Sha1", bytes)
"""A SHA-1 digest of a whole file: 20 raw bytes."""

AssetId = NewType("AssetId", str)
"""The server's name for an asset: a UUID as text."""


class Outcome(StrEnum):
    """How one discovered item ended. Every item of a run ends in exactly one (law 3)."""

    # upload
    UPLOADED = "uploaded"
    DUPLICATE = "duplicate"
    # download and mirror
    DOWNLOADED = "downloaded"
    UNCHANGED = "unchanged"
    MOVED = "moved"
    REMOVED = "removed"
    CONFLICT = "conflict"
    # check
    EQUAL = "equal"
    UNVERIFIABLE = "unverifiable"
    MISSING_REMOTE = "missing-remote"
    MISSING_LOCAL = "missing-local"
    DIFFERS = "differs"
    # all
    TRASHED = "trashed"
    DELETED_REMOTELY = "deleted-remotely"
    SKIPPED = "skipped"
    FAILED = "failed"
    PENDING = "pending"

    # The one of Enum is a function in Python, and every file is counted by outcome five times.
    __hash__ = str.__hash__


class Visibility(StrEnum):
    """Where the server shows an asset (server >= 1.133; before that only archived or not)."""

    TIMELINE = "timeline"
    ARCHIVE = "archive"
    HIDDEN = "hidden"


class Fingerprint(msgspec.Struct, frozen=True, gc=False):
    """What `stat` says of a file's content without opening it. Sizes in bytes, times in ns."""

    size: int
    mtime_ns: int
    inode: int


class LocalFile(msgspec.Struct, frozen=True, gc=False):
    """A file found on disk, not yet judged."""

    path: str
    """Absolute path: the key in the manifest."""
    shown: str
    """As a person would type it from where the command runs."""
    folder: str
    """Path of its folder below the given root, '/'-separated; '' for files directly in the root."""
    root: str
    """The root it was found under, absolute."""
    fingerprint: Fingerprint
    sidecar: str | None = None
    """Absolute path of the XMP sidecar that belongs to it."""
    sidecar_stamp: str | None = None
    """Size and mtime_ns of the sidecar as 'size:mtime_ns', to see whether it changed."""

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def size(self) -> int:
        return self.fingerprint.size


class RemoteAsset(msgspec.Struct, frozen=True, gc=False):
    """An asset as the server lists it. Instants in ms since the epoch."""

    id: AssetId
    name: str
    """`originalFileName`: whatever was uploaded, so anything at all."""
    sha1: Sha1 | None
    """None where the server's checksum is not of the bytes (external libraries)."""
    size: int | None = None
    """Bytes, when the listing told."""
    owner: str = ""
    video: bool = False
    visibility: str = "timeline"
    trashed: bool = False
    live_video: AssetId | None = None
    """The video part of a live photo: an asset of its own."""
    taken: int = 0
    """`fileCreatedAt`."""
    modified: int = 0
    """`fileModifiedAt`: the mtime of the file once uploaded."""
    local: str = ""
    """`localDateTime`: wall clock where it was taken, written as if UTC."""
    updated: str = ""
    """`updatedAt`: moves with every edit."""
    camera: tuple[str, str] = ("", "")
    """Make and model."""
    place: tuple[str, str, str] = ("", "", "")
    """City, state, country."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A file we put on disk for one asset of one collection, as the manifest remembers it."""

    collection: int
    asset_id: AssetId
    path: str
    """Below the destination, '/'-separated."""
    base: str
    """What the layout made of it, before collisions were resolved: while this stays, so does
    `path`."""
    sha1: Sha1
    """Of the bytes we wrote."""
    fingerprint: Fingerprint
    xxh3: bytes
    """xxh3-128 of the bytes we wrote: what `check --scrub` compares at disk speed."""
    proven: bool = True
    """False when the server has no checksum of the bytes to compare with."""
    sidecar_stamp: str | None = None
    """What the sidecar beside it was made from; None when there is none."""


class Collection(msgspec.Struct, frozen=True, gc=False):
    """An album, the library or a search, kept below one destination."""

    number: int
    kind: str
    """'album', 'library' or 'search'."""
    name: str
    """What stays when titles change: the album's id, or the search as text."""
    title: str
    folder: str
    """The name that stands for `{album}` in a layout."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """A body that was coming down."""

    asset_id: AssetId
    path: str
    """Of the part file, below the destination."""
    validator: str | None = None
    """The ETag it came with: what If-Range needs."""


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """Something the walk found and left out, with the reason a person would accept."""

    shown: str
    reason: str
    size: int = 0


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """A file or folder that could not be judged: ends as `failed`, never missing."""

    shown: str
    error: str


class Digest(msgspec.Struct, frozen=True, gc=False):
    """The identity of a file's bytes: the whole SHA-1 and a sampled xxh3 for recognising moves."""

    sha1: Sha1
    sample: bytes


class Known(msgspec.Struct, frozen=True, gc=False):
    """What the manifest remembers of one content on one account."""

    asset_id: AssetId
    uploaded: bool
    """True when our own upload put it there: then its absence is somebody's decision."""
    sidecar_stamp: str | None = None


class ItemResult(msgspec.Struct, frozen=True, gc=False):
    """One line of the report: what became of one discovered file."""

    outcome: Outcome
    path: str
    size: int = 0
    asset_id: AssetId | None = None
    sha1: Sha1 | None = None
    reason: str | None = None
    """Why it was skipped."""
    error: str | None = None
    hint: str | None = None
    note: str | None = None
    """Something to say about an outcome that is fine, e.g. a sidecar the server will not take."""


class Totals(msgspec.Struct):
    """The running count of one run; the summary line is made from it."""

    discovered: int = 0
    outcomes: dict[Outcome, int] = {}
    verified: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    """Like `bytes_sent`: of photos, in every attempt; not of the API's answers."""
    bytes_hashed: int = 0
    requests: int = 0
    retries: int = 0

    def count(self, outcome: Outcome, n: int = 1) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + n

    def balanced(self) -> bool:
        """Law 3: every discovered file has exactly one outcome."""
        return self.discovered == sum(self.outcomes.values())


class Summary(msgspec.Struct, frozen=True):
    """The end of a run, as told to people and programs."""

    run: str
    command: str
    exit_code: int
    discovered: int
    outcomes: dict[str, int]
    verified: int
    bytes_sent: int
    bytes_received: int
    bytes_hashed: int
    requests: int
    retries: int
    seconds: float
    dry_run: bool = False
    insecure: bool = False
    message: str | None = None
    """Why the run ended before its end, when it did."""
    owed: int = 0
    """Album and tag entries that could not be settled and stay in the manifest."""
    notes: tuple[str, ...] = ()

    def line(self) -> dict[str, Any]:
        """The `summary` JSON line of the stable contract (v1)."""
        line: dict[str, Any] = {"type": "summary", "v": 1, **msgspec.structs.asdict(self)}
        line["notes"] = list(self.notes)
        if not self.dry_run:
            del line["dry_run"]
        if not self.insecure:
            del line["insecure"]
        if self.message is None:
            del line["message"]
        if not self.notes:
            del line["notes"]
        return line


class RunInfo(msgspec.Struct, frozen=True):
    """One row of `runs`."""

    run: str
    command: str
    arguments: tuple[str, ...]
    started: float
    ended: float | None
    exit_code: int | None
    summary: dict[str, Any] | None = None


class Debt(msgspec.Struct, frozen=True, gc=False):
    """A promise made before an upload and struck off after the server's answer."""

    sha1: Sha1
    kind: str
    """'album' or 'tag'."""
    target: str
    """The album's name or the tag's full path."""
    asset_id: AssetId | None = None
    """Known once the content is on the server."""

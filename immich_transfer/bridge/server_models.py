"""What the server tells of itself, its users, libraries and queues. Frozen; fields that a version
does not know have defaults, and what it adds is ignored."""

from __future__ import annotations

import msgspec

from immich_transfer.immich.queues import Queue

__all__ = [
    "About",
    "Config",
    "Features",
    "Library",
    "LibraryStatistics",
    "PathCheck",
    "Queue",
    "Release",
    "Statistics",
    "Storage",
    "Synced",
    "User",
    "UserUsage",
]


class Release(msgspec.Struct, frozen=True):
    """A server's version. `prerelease` is the number of a release candidate (>= 3.0)."""

    major: int
    minor: int
    patch: int
    prerelease: int | None = None

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        return text if self.prerelease is None else f"{text}-rc.{self.prerelease}"


class About(msgspec.Struct, frozen=True, rename="camel"):
    """How the server was built. `version` is like 'v2.7.5'."""

    version: str
    version_url: str = ""
    licensed: bool = False
    build: str | None = None
    source_ref: str | None = None
    source_commit: str | None = None
    nodejs: str | None = None
    ffmpeg: str | None = None
    libvips: str | None = None
    exiftool: str | None = None
    imagemagick: str | None = None


class Features(msgspec.Struct, frozen=True):
    """Which of its features are on, by the server's own names."""

    known: dict[str, bool]

    def on(self, name: str) -> bool:
        """False also for one that this version does not have."""
        return self.known.get(name, False)


class Config(msgspec.Struct, frozen=True, rename="camel"):
    """What the server tells everybody of its settings."""

    trash_days: int = 0
    user_delete_delay: int = 0
    external_domain: str = ""
    is_initialized: bool = True
    is_onboarded: bool = True
    login_page_message: str = ""
    public_users: bool = True
    """False: users see only themselves (told since 1.113)."""
    maintenance_mode: bool = False
    """Told since 2.3."""


class Storage(msgspec.Struct, frozen=True):
    """The disk that holds the uploads, in bytes."""

    size: int = msgspec.field(name="diskSizeRaw")
    used: int = msgspec.field(name="diskUseRaw")
    available: int = msgspec.field(name="diskAvailableRaw")
    percent: float = msgspec.field(name="diskUsagePercentage")


class UserUsage(msgspec.Struct, frozen=True, rename="camel"):
    """What one user has on the server; `usage` in bytes."""

    user_id: str
    user_name: str
    photos: int = 0
    videos: int = 0
    usage: int = 0
    usage_photos: int | None = None
    usage_videos: int | None = None
    quota_size_in_bytes: int | None = None


class Statistics(msgspec.Struct, frozen=True, rename="camel"):
    """What all users have on the server; `usage` in bytes."""

    photos: int = 0
    videos: int = 0
    usage: int = 0
    usage_photos: int | None = None
    usage_videos: int | None = None
    usage_by_user: tuple[UserUsage, ...] = ()


class User(msgspec.Struct, frozen=True, rename="camel"):
    """An account. The last three are told only of oneself."""

    id: str
    name: str = ""
    email: str = ""
    is_admin: bool | None = None
    quota_size_in_bytes: int | None = None
    quota_usage_in_bytes: int | None = None


class Library(msgspec.Struct, frozen=True, rename="camel"):
    """An external library: folders on the server's disk that it shows without owning them."""

    id: str
    name: str
    owner_id: str
    import_paths: tuple[str, ...] = ()
    exclusion_patterns: tuple[str, ...] = ()
    asset_count: int = 0
    refreshed_at: str | None = None
    """When the last scan ended."""
    created_at: str = ""
    updated_at: str = ""


class LibraryStatistics(msgspec.Struct, frozen=True):
    """What a library shows. Files gone from the disk are still counted (recorded)."""

    photos: int = 0
    videos: int = 0
    total: int = 0
    usage: int = 0


class PathCheck(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the server can use a folder for a library, and why not."""

    import_path: str
    is_valid: bool = False
    message: str | None = None


class Synced(msgspec.Struct, frozen=True):
    """A library before and after a scan."""

    library: Library
    before: LibraryStatistics
    after: LibraryStatistics
    offline_before: int | None = None
    """Assets whose file is gone; None when the server does not say."""
    offline_after: int | None = None

    @property
    def came(self) -> int:
        """Files that were not known before."""
        return max(0, self.after.total - self.before.total)

    @property
    def forgotten(self) -> int:
        """Assets that the server dropped."""
        return max(0, self.before.total - self.after.total)

    @property
    def went(self) -> int | None:
        """Files that are no longer on the disk: their assets lie in the trash."""
        return self._moved(self.offline_before, self.offline_after)

    @property
    def returned(self) -> int | None:
        """Files that were gone and are there again."""
        return self._moved(self.offline_after, self.offline_before)

    @staticmethod
    def _moved(first: int | None, second: int | None) -> int | None:
        return None if first is None or second is None else max(0, second - first)

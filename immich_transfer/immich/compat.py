"""Which server versions know which call: the one place where versions are compared.

Facts from the API documents of every release 1.106.0 to 3.0.3 and from recorded servers
2.7.5 and 3.0.3.
"""

from __future__ import annotations

from typing import NamedTuple


class Version(NamedTuple):
    """A server's release, comparable: Version(2, 7, 5)."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = Version(1, 106, 0)
"""Plural paths (`/assets`); nothing older is spoken."""
SERVER_PATH = Version(1, 107, 0)
OLD_SERVER_PATH = "server-info"
"""`/server/*` answers; before that only `/server-info/*`. `about` comes with it."""
KEY_PERMISSIONS = Version(1, 113, 0)
"""API keys carry permissions; tags can be upserted."""
PEOPLE_PAGED = Version(1, 109, 0)
"""`GET /people` takes `page` and `size`."""
TRASH_TOLD = Version(1, 115, 0)
"""bulk-upload-check tells `isTrashed`; before that a trashed copy looks like any other."""
VISIBILITY = Version(1, 133, 0)
"""`visibility` replaces `isArchived` in requests."""
ALBUM_SEARCH = Version(1, 135, 0)
"""Search knows `albumIds`, and `POST /search/statistics` counts."""
FILENAME_FIELD = Version(1, 135, 0)
"""The upload field `filename` names the asset, whatever the part is called."""
PERMISSION_NAMES = Version(1, 137, 0)
"""Permission names as they are today."""
KEY_SELF = Version(1, 139, 0)
"""`GET /api-keys/me` tells what a key may do."""
STRICT_ROUTES = Version(1, 136, 0)
"""A route that names no permission needs a key with `all` from here on."""
ALBUMS_HOLD_ASSETS = Version(3, 0, 0)
"""Before this `GET /albums/{id}` holds its assets; `GET /albums` lists shared ones apart."""
DEVICE_IDS_GONE = Version(3, 0, 0)
"""Uploads need no `deviceAssetId` and `deviceId` any more."""
SCOPED_CHECK = Version(1, 141, 0)
"""bulk-upload-check names `asset.upload`: between STRICT_ROUTES and this it takes `all`."""

BARE_SCAN = Version(1, 116, 0)
"""A library's scan has no body; before this it has to have one."""
MANUAL_JOBS = Version(1, 116, 0)
"""`POST /jobs` starts housekeeping by name."""
QUEUES = Version(2, 4, 0)
"""`/queues` lists, pauses, resumes and empties; `/jobs` is deprecated, but alone can start a queue
and forget its failed jobs."""

QUEUE_SINCE = {
    "thumbnailGeneration": OLDEST,
    "metadataExtraction": OLDEST,
    "videoConversion": OLDEST,
    "faceDetection": OLDEST,
    "facialRecognition": OLDEST,
    "smartSearch": OLDEST,
    "duplicateDetection": OLDEST,
    "backgroundTask": OLDEST,
    "storageTemplateMigration": OLDEST,
    "migration": OLDEST,
    "search": OLDEST,
    "sidecar": OLDEST,
    "library": OLDEST,
    "notifications": OLDEST,
    "backupDatabase": Version(1, 120, 0),
    "ocr": Version(2, 2, 0),
    "workflow": Version(2, 3, 0),
    "editor": Version(2, 5, 0),
    "integrityCheck": Version(3, 0, 0),
}
"""Every queue, and the first version that has it. A server may list one we do not know."""

MANUAL_SINCE = {
    "person-cleanup": MANUAL_JOBS,
    "tag-cleanup": MANUAL_JOBS,
    "user-cleanup": MANUAL_JOBS,
    "memory-cleanup": Version(1, 127, 0),
    "memory-create": Version(1, 127, 0),
    "backup-database": Version(1, 130, 0),
    "integrity-missing-files": Version(3, 0, 0),
    "integrity-untracked-files": Version(3, 0, 0),
    "integrity-checksum-mismatch": Version(3, 0, 0),
}
"""Housekeeping that can be started; what deletes is left to the web page, which shows what."""

_OLD_NAMES = {"albumAsset.create": "album.addAsset"}


def server_path(version: Version) -> str:
    """Where `version` tells of itself."""
    return "server" if version >= SERVER_PATH else OLD_SERVER_PATH


def permission_name(permission: str, version: Version) -> str:
    """The name that `version` gives to today's `permission`."""
    if version < PERMISSION_NAMES:
        return _OLD_NAMES.get(permission, permission)
    return permission


def missing_permissions(
    wanted: tuple[str, ...], granted: tuple[str, ...] | None, version: Version
) -> list[str]:
    """Which of `wanted` the key lacks; nothing when the server cannot tell (`granted` is None)."""
    if granted is None or "all" in granted:
        return []
    return [name for name in (permission_name(p, version) for p in wanted) if name not in granted]

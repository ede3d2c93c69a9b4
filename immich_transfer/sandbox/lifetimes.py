"""Which routes, permissions and fields exist in which version; the rest exists in all of them.

A version is as long as it needs to be: a last one of `2` is the whole of 2.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .versions import RELEASES, Release, words


class Life(NamedTuple):
    """From which version on, and up to which."""

    first: tuple[int, ...] = (1,)
    last: tuple[int, ...] = (99,)


def _number(text: str, other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(int, text.split("."))) if text != "-" else other


def _table(text: str) -> dict[str, Life]:
    """Lines of: name, first version, last version; `-` where there is none."""
    lives = {}
    for line in text.strip().splitlines():
        *name, first, last = line.split()
        lives[" ".join(name)] = Life(_number(first, Life().first), _number(last, Life().last))
    return lives


_ROUTES = _table("""
* /server-info                     -     1.117
GET /server-info/about             1.107 1.117
* /server                          1.107 -
GET /server/theme                  1.107 2
GET /api-keys/me                   1.139 -
PUT /albums/assets                 1.139 -
PUT /tags                          1.113 -
PUT /tags/assets                   1.113 -
GET /tags/{id}/assets              -     1.112
* /stacks                          1.113 -
POST /assets/exist                 -     2
POST /search/statistics            1.135 -
POST /sync/stream                  1.127 -
POST /jobs                         1.116 -
* /queues                          2.4   -
POST /libraries/{id}/removeOffline -     1.115
POST /admin/maintenance            2.3   -
GET /admin/maintenance/status      2.5   -
* /asset-files                     3.2   -
""")


def lives(release: Release, method: str, path: str) -> bool:
    """True when the version has this route."""
    life = _ROUTES.get(f"{method} {path}")
    if life is None:
        life = _ROUTES.get("* /" + path.split("/")[1], Life())
    return release.has(*life)


_NAMED_EARLY = ("/albums", "/api-keys", "/libraries", "/people", "/stacks", "/tags", "/timeline")
"""Routes below these named their permission before 1.137, when the others did not yet."""
_NAMED_LATE = ("/assets", "/users")


def permission_of(release: Release, path: str, permission: str | None) -> str | None:
    """What a key must be permitted for this route in this version; None when any key will do."""
    if not release.key_permissions:
        return None
    if release.has((1, 137)):
        return permission
    if path.startswith("/trash"):
        return permission
    early = path.startswith(_NAMED_EARLY) and permission != "all"
    album_part = path.startswith("/albums") and path.endswith(_NAMED_LATE)
    return permission if early and not album_part else None


_PERMISSIONS = _table(
    """
album.addAsset    1.113 1.136
album.removeAsset 1.113 1.136
assetFile.read    3.2   -
assetFile.download 3.2  -
queue.read        2.4   -
queue.update      2.4   -
maintenance       2.3   -
asset.copy        2.2   -
"""
    + "".join(
        f"{name} 1.137 -\n"
        for name in words(
            """albumAsset.create albumAsset.delete albumUser.create asset.statistics folder.read
    job.create job.read server.about server.storage server.statistics sync.stream user.read"""
        )
    )
)


def grantable(release: Release, permission: str) -> bool:
    """True when a key of this version can have a permission of this name."""
    return release.has(*_PERMISSIONS.get(permission, Life()))


_ASSET_FIELDS = _table("""
createdAt      1.140 -
visibility     1.133 -
width          2.5   -
height         2.5   -
isEdited       2.5   -
deviceAssetId  -     2
deviceId       -     2
unassignedFaces -    2
stackCount     -     1.112
""")
_USER_FIELDS = _table("""
profileChangedAt 1.118 -
license          1.113 -
clusterGroupId   3.2   -
""")
_PERSON_FIELDS = _table("""
updatedAt  1.107 -
isFavorite 1.125 -
""")
_CONFIG_FIELDS = _table("""
publicUsers     1.118 -
mapDarkStyleUrl  1.118 -
mapLightStyleUrl 1.118 -
maintenanceMode 2.3   -
minFaces        3     -
""")
_FEATURES = _table("""
importFaces         1.114 -
ocr                 2.2   -
realtimeTranscoding 3     -
""")
_UPLOAD_FIELDS = _table("""
isArchived -     1.132
isVisible  -     1.132
visibility 1.133 -
filename   1.135 -
metadata   1.140 -
""")
_EDIT_FIELDS = _table("""
isArchived  -     1.132
visibility  1.133 -
rating      1.112 -
livePhotoVideoId 1.113 -
""")
_MANY_EDIT_FIELDS = _table("""
description 1.133 -
""")
_SEARCH_FIELDS = _table("""
albumIds      1.135 -
tagIds        1.126 -
visibility    1.133 -
isArchived    -     1.132
isVisible     -     1.132
withArchived  -     1.132
rating        1.120 -
description   1.130 -
deviceId      -     2
deviceAssetId -     2
language      1.131 -
queryAssetId  1.141 -
filter        3.2   -
orderBy       3.2   -
cursor        3.2   -
""")
_TIMELINE_FIELDS = _table("""
size            -     1.132
isArchived      -     1.132
visibility      1.133 -
tagId           1.126 -
withCoordinates 1.143 -
""")
_EXIF_FIELDS = _table("""
rating 1.112 -
""")
_FACE_FIELDS = _table("""
sourceType 1.114 -
""")
_KINDS = {
    "asset": _ASSET_FIELDS,
    "exif": _EXIF_FIELDS,
    "face": _FACE_FIELDS,
    "user": _USER_FIELDS,
    "person": _PERSON_FIELDS,
    "config": _CONFIG_FIELDS,
    "features": _FEATURES,
    "upload": _UPLOAD_FIELDS,
    "edit many": _MANY_EDIT_FIELDS,
    "edit": _EDIT_FIELDS,
    "search": _SEARCH_FIELDS,
    "timeline": _TIMELINE_FIELDS,
}
_UNKNOWN = {
    kind: {
        release.number: frozenset(name for name, life in table.items() if not release.has(*life))
        for release in RELEASES.values()
    }
    for kind, table in _KINDS.items()
}


def unknown(release: Release, kind: str) -> frozenset[str]:
    """Fields of such a thing that this version does not know."""
    return _UNKNOWN[kind][release.number]


def known(release: Release, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Without the fields that this version does not know: sent ones are ignored, others untold."""
    strange = unknown(release, kind)
    return {name: value for name, value in data.items() if name not in strange}

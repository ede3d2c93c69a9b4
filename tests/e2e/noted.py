"""The users' notes as a table: each line of them, the command, and the calls made today.

`test_notes.py` runs every row on every version, and holds the README and
`docs/from-curl.md` to what stands here.
"""

from __future__ import annotations

from .note_rows import REFUSED, Row
from .note_scene import Scene
from .support import Result, sha1


def _names(result: Result) -> list[str]:
    return [line["name"] for line in result.lines]


def _only(result: Result, kind: str) -> bool:
    return [line["type"] for line in result.lines] == [kind]


def _file(scene: Scene, name: str) -> bytes:
    return (scene.bench.home / name).read_bytes()


FOUND_ANEW = "GET /timeline/buckets, GET /timeline/bucket?timeBucket, POST /search/metadata"
UPLOADED = "GET /server/media-types, POST /assets/bulk-upload-check {assets}, POST /assets"
LOOKED_UP = UPLOADED + ", GET /assets/{id}"
"""Before 1.115 no check tells of the trash: the asset itself is asked for."""
OLD_UPLOADED = LOOKED_UP.replace("/server/", "/server-info/")
IN_ALBUM = ", GET /albums, POST /albums {albumName}, PUT /albums/{id}/assets {ids}"
SCANNED = "GET /libraries, POST /libraries/{id}/scan"
SYNCED = f"{SCANNED}, GET /libraries/{{id}}/statistics"
OLD_SCAN = " {refreshModifiedFiles, refreshAllFiles}"
LOST = "POST /search/metadata {libraryId, isOffline}"

ROWS = (
    Row(
        "GET /server-info/ping",
        "ping --url {url} --api-key {key}",
        "GET /server/version, GET /api-keys/me, GET /users/me",
        lambda s, r: r.lines[0]["user"]["id"] == s.user,
        (
            ("1.107", "GET /server-info/version, GET /users/me"),
            ("1.139", "GET /server/version, GET /users/me"),
        ),
    ),
    Row(
        "GET /server-info",
        "server",
        "GET /server/about, GET /server/features, GET /server/storage, GET /server/statistics",
        lambda s, r: r.lines[0]["version"].startswith(s.box.version),
        (
            (
                "1.107",
                "GET /server-info/features, GET /server-info/storage, GET /server-info/statistics",
            ),
        ),
    ),
    Row(
        "GET /server-info/about",
        "server about",
        "GET /server/about",
        lambda s, r: r.lines[0]["version"].startswith(f"v{s.box.version}"),
        (("1.107", f"{REFUSED}1.107"),),
    ),
    Row(
        "GET /user/me",
        "users me",
        "GET /users/me",
        lambda s, r: r.lines[0]["id"] == s.user,
    ),
    Row(
        "GET /users",
        "users list",
        "GET /users",
        lambda s, r: s.user in [line["id"] for line in r.lines],
    ),
    Row(
        "GET /albums",
        "albums list",
        "GET /albums",
        lambda s, r: r.lines == [],
        (("3.0", "GET /albums, GET /albums?shared"),),
    ),
    Row(
        "GET /albums/{id}",
        "albums show {album}",
        f"GET /albums/{{id}}, {FOUND_ANEW} {{albumIds}}",
        lambda s, r: _names(r) == ["Trip", "hills.jpg"],
        (("3.0", "GET /albums/{id}"),),
    ),
    Row(
        "POST /albums {albumName}",
        'albums create "Summer 2024"',
        "GET /albums, POST /albums {albumName}",
        lambda s, r: s.contents() == {"Summer 2024": []},
        (("3.0", "GET /albums, GET /albums?shared, POST /albums {albumName}"),),
    ),
    Row(
        "PUT /albums/{id}/assets {ids}",
        "albums add {album} {asset}",
        "GET /albums/{id}, PUT /albums/{id}/assets {ids}",
        lambda s, r: set(s.contents()["Trip"]) == set(s.ids),
    ),
    Row(
        "DELETE /albums/{id}",
        "albums delete {album} --yes",
        "GET /albums/{id}, DELETE /albums/{id}",
        lambda s, r: s.contents() == {} and len(s.held()) == 2,
    ),
    Row(
        "GET /assets?limit=100",
        "assets list --take 100",
        FOUND_ANEW,
        lambda s, r: {line["id"] for line in r.lines} == set(s.ids),
    ),
    Row(
        "GET /assets/{id}",
        "assets show {asset}",
        "GET /assets/{id}",
        lambda s, r: _names(r) == ["beach.jpg"],
    ),
    Row(
        "GET /assets/{id}/thumbnail?format=jpeg",
        "assets thumbnail {asset} -o small.webp",
        "GET /assets/{id}/thumbnail?size",
        lambda s, r: len(_file(s, "small.webp")) > 0,
    ),
    Row(
        "GET /assets/{id}/thumbnail?size=fullsize",
        "assets thumbnail {asset} --size fullsize -o full.jpg",
        "GET /assets/{id}/thumbnail?size",
        lambda s, r: len(_file(s, "full.jpg")) > 0,
        (("1.131", f"{REFUSED}1.131"),),
    ),
    Row(
        "GET /assets/{id}/original",
        "assets original {asset} -o photo.jpg",
        "GET /assets/{id}, GET /assets/{id}/original",
        lambda s, r: sha1(_file(s, "photo.jpg")) == s.sum_of(s.asset),
    ),
    Row(
        "DELETE /assets {ids}",
        "assets delete {asset} --yes",
        "DELETE /assets {ids, force}",
        lambda s, r: len(s.held()) == 1,
    ),
    Row(
        "POST /assets -F assetData=@photo.jpg",
        "upload {photo}",
        UPLOADED,
        lambda s, r: s.sent("IMG_0001.jpg"),
        (("1.107", OLD_UPLOADED), ("1.115", LOOKED_UP)),
    ),
    Row(
        "for f in *; do curl -F assetData=@$f …",
        "upload --folder {photos}",
        UPLOADED,
        lambda s, r: s.sent() and r.outcomes["uploaded"] == 3,
        (("1.107", OLD_UPLOADED), ("1.115", LOOKED_UP)),
    ),
    Row(
        "POST /search/assets {query, take}",
        "search beach --take 5",
        "POST /search/smart {query, size}",
        lambda s, r: sorted(_names(r)) == ["beach.jpg", "hills.jpg"],
    ),
    Row(
        "POST /search/metadata {originalFileName}",
        "search --metadata --name hills",
        "POST /search/metadata {originalFileName}",
        lambda s, r: _names(r) == ["hills.jpg"],
    ),
    Row(
        "POST /search/metadata {albumIds}",
        "search --metadata --album {album_name}",
        "GET /albums, POST /search/metadata {albumIds}",
        lambda s, r: _names(r) == ["hills.jpg"],
        (
            ("1.135", f"{REFUSED}1.135"),
            ("3.0", "GET /albums, GET /albums?shared, POST /search/metadata {albumIds}"),
        ),
    ),
    Row(
        "GET /libraries",
        "libraries list",
        "GET /libraries",
        lambda s, r: all(line["type"] == "library" for line in r.lines),
    ),
    Row(
        "POST /libraries/{id}/scan",
        "libraries scan {library}",
        SCANNED,
        lambda s, r: _only(r, "library-scan") and s.scanned(),
        (("1.116", SCANNED + OLD_SCAN),),
    ),
    Row(
        "GET /jobs",
        "jobs list",
        "GET /queues",
        lambda s, r: _names(r) == list(s.box.state()["queues"]),
        (("2.4", "GET /jobs"),),
    ),
    Row(
        "POST /jobs {jobName, force}",
        "jobs start thumbnailGeneration",
        "GET /queues, PUT /jobs/{name} {command, force}",
        lambda s, r: _only(r, "job-start"),
        (("2.4", "GET /jobs, PUT /jobs/{name} {command, force}"),),
    ),
    Row(
        "POST /jobs {name: person-cleanup}",
        "jobs start person-cleanup",
        "POST /jobs {name}",
        lambda s, r: _only(r, "job-start"),
        (("1.116", f"{REFUSED}1.116"),),
    ),
    Row(
        "the script that uploads a folder into an album",
        "upload --url {url} --api-key {key} --folder {photos} --album Summer",
        UPLOADED + IN_ALBUM,
        lambda s, r: s.sent() and {s.sum_of(i) for i in s.contents()["Summer"]} == _sums(s),
        (("1.107", OLD_UPLOADED + IN_ALBUM), ("1.115", LOOKED_UP + IN_ALBUM)),
    ),
    Row(
        "the script that downloads an album",
        "download --url {url} --api-key {key} --album-id {album} --output {output}",
        f"GET /albums, GET /albums/{{id}}, {FOUND_ANEW} {{albumIds}},"
        " POST /download/info {albumId}, GET /assets/{id}/original",
        lambda s, r: set(s.bench.fetched().values()) == {s.sum_of(s.ids[1])},
        (
            (
                "3.0",
                "GET /albums, GET /albums?shared, GET /albums/{id}, GET /assets/{id}/original",
            ),
        ),
    ),
    Row(
        "the script that syncs an external library",
        "libraries sync {library}",
        f"{SYNCED}, GET /queues, POST /search/statistics {{libraryId}}",
        lambda s, r: r.lines[0]["came"] == 3 and s.scanned(),
        (
            ("1.116", f"{SYNCED.replace('/scan', f'/scan{OLD_SCAN}')}, GET /jobs, {LOST}"),
            ("1.135", f"{SYNCED}, GET /jobs, {LOST}"),
            ("2.4", f"{SYNCED}, GET /jobs, POST /search/statistics {{libraryId}}"),
        ),
    ),
)


def _sums(scene: Scene) -> set[str]:
    return {sha1(content) for content in scene.local.values()}

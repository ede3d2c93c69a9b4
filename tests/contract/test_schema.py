"""Answers of the sandbox's main routes against the OpenAPI document of its version.

Not of a live server: how well that keeps to its own document is not ours to judge, and some of
these calls would change more of it than a guest may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from immich_transfer.sandbox.server import Sandbox
from immich_transfer.sandbox.versions import RELEASES
from tests.contract.schema import FOLDER, Document
from tests.contract.target import Answer, Target, photo
from tests.sandbox_fixture import VERSIONS, SandboxProcess


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest, sandboxes: Callable[[str], SandboxProcess]) -> Target:
    box = sandboxes(request.param)
    return Target(box.url, box.key)


@pytest.fixture(scope="module")
def document(server: Target) -> Document:
    found = Document.of(server.version)
    if found is None:
        pytest.skip(f"no OpenAPI document of {server.version} in {FOLDER}")
    return found


@pytest.fixture(scope="module")
def ids(server: Target) -> Iterator[dict[str, str]]:
    """One of each kind, by the name it has in a path."""
    video = server.new_asset(name="a.mov")
    asset = server.new_asset(name="a.heic", extra={"livePhotoVideoId": video})
    other = server.new_asset()
    tag = server.new_tag()
    album = server.new_album(assetIds=[asset, other])
    name = "ids" if server.since(1, 113) else "assetIds"
    server.call("PUT", f"/tags/{tag['id']}/assets", {name: [asset]})
    server.call("POST", "/stacks", {"assetIds": [asset, other]})
    me = server.call("GET", "/users/me").json["id"]
    found = {"asset": asset, "other": other, "tag": tag["id"], "album": album["id"], "me": me}
    owner = {"ownerId": me, "name": "contract schema", "importPaths": ["/nowhere"]}
    library = server.call("POST", "/libraries", owner)
    found["library"] = library.json["id"] if library.status == 201 else me
    yield found | {"word": tag["name"], "tag body": name}
    server.call("DELETE", f"/libraries/{found['library']}")


Body = Callable[[dict[str, str]], Any]
ROUTES: list[tuple[str, str, str | None, Body | None]] = [
    ("GET", "/server/ping", None, None),
    ("GET", "/server/version", None, None),
    ("GET", "/server/features", None, None),
    ("GET", "/server/config", None, None),
    ("GET", "/server/media-types", None, None),
    ("GET", "/server/about", None, None),
    ("GET", "/server/storage", None, None),
    ("GET", "/server/statistics", None, None),
    ("GET", "/api-keys/me", None, None),
    ("GET", "/api-keys", None, None),
    ("GET", "/users/me", None, None),
    ("GET", "/users", None, None),
    ("GET", "/users/{id}", "me", None),
    ("GET", "/assets/statistics", None, None),
    ("GET", "/assets/{id}", "asset", None),
    ("PUT", "/assets/{id}", "asset", lambda ids: {"isFavorite": True}),
    ("POST", "/search/metadata", None, lambda ids: {"withExif": True, "size": 20}),
    ("POST", "/search/statistics", None, lambda ids: {}),
    ("POST", "/search/smart", None, lambda ids: {"query": "a", "size": 5, "withExif": True}),
    ("GET", "/people", None, None),
    ("GET", "/timeline/buckets", None, None),
    ("GET", "/tags/{id}/assets", "tag", None),
    ("GET", "/asset-files", None, None),
    ("GET", "/server/theme", None, None),
    ("PUT", "/jobs/{name}", "library", lambda ids: {"command": "resume", "force": False}),
    ("POST", "/api-keys", None, lambda ids: {"name": "schema", "permissions": ["asset.read"]}),
    (
        "POST",
        "/assets/exist",
        None,
        lambda ids: {"deviceId": "contract", "deviceAssetIds": ["a"]},
    ),
    ("POST", "/download/info", None, lambda ids: {"albumId": ids["album"]}),
    ("GET", "/albums", None, None),
    ("GET", "/albums/{id}", "album", None),
    ("PATCH", "/albums/{id}", "album", lambda ids: {"description": "words"}),
    ("POST", "/albums", None, lambda ids: {"albumName": "contract schema"}),
    ("PUT", "/albums/{id}/assets", "album", lambda ids: {"ids": [ids["asset"]]}),
    ("PUT", "/albums/assets", None, lambda i: {"albumIds": [i["album"]], "assetIds": [i["asset"]]}),
    ("DELETE", "/albums/{id}/assets", "album", lambda ids: {"ids": [ids["other"]]}),
    ("GET", "/tags", None, None),
    ("GET", "/tags/{id}", "tag", None),
    ("PUT", "/tags", None, lambda ids: {"tags": [ids["word"]]}),
    ("PUT", "/tags/{id}/assets", "tag", lambda ids: {ids["tag body"]: [ids["other"]]}),
    ("PUT", "/tags/assets", None, lambda i: {"tagIds": [i["tag"]], "assetIds": [i["asset"]]}),
    ("POST", "/stacks", None, lambda ids: {"assetIds": [ids["asset"], ids["other"]]}),
    ("POST", "/trash/restore/assets", None, lambda ids: {"ids": [ids["asset"]]}),
    ("GET", "/jobs", None, None),
    ("GET", "/queues", None, None),
    ("GET", "/queues/{name}", "library", None),
    ("PUT", "/queues/{name}", "library", lambda ids: {"isPaused": False}),
    ("POST", "/jobs", None, lambda ids: {"name": "tag-cleanup"}),
    ("GET", "/libraries", None, None),
    ("GET", "/libraries/{id}", "library", None),
    ("GET", "/libraries/{id}/statistics", "library", None),
    ("POST", "/libraries/{id}/validate", "library", lambda ids: {"importPaths": ["/nowhere"]}),
    ("POST", "/libraries/{id}/scan", "library", lambda ids: {}),
    ("DELETE", "/assets", None, lambda ids: {"ids": []}),
    ("PUT", "/assets", None, lambda ids: {"ids": [ids["asset"]], "isFavorite": False}),
    ("GET", "/search/person?name=a", None, None),
    (
        "POST",
        "/assets/bulk-upload-check",
        None,
        lambda ids: {"assets": [{"id": "a", "checksum": "0" * 40}]},
    ),
]


def judge(document: Document, method: str, path: str, answer: Answer) -> None:
    schema = document.answer(method, path, answer.status)
    if schema is not None:
        assert list(document.faults(answer.json, schema)) == []


@pytest.mark.parametrize(("method", "path", "kind", "body"), ROUTES)
def test_an_answer_is_as_documented(
    server: Target,
    document: Document,
    ids: dict[str, str],
    method: str,
    path: str,
    kind: str | None,
    body: Body | None,
) -> None:
    path = path.replace("/server", server.info)
    if path == "/libraries/{id}/scan" and server.since(1, 116):
        body = None
    place = path.replace("{id}", ids.get(kind or "", "")).replace("{name}", kind or "")
    if path == "/timeline/buckets" and not server.since(1, 133):
        place += "?size=MONTH"
    answer = server.call(method, place, None if body is None else body(ids))
    if path == "/asset-files" and server.since(3, 2):
        pytest.skip("no document knows it")
    path = path.partition("?")[0]
    if not document.has(method, path):
        taken_for_an_id = path == "/api-keys/me"
        assert answer.status == (400 if taken_for_an_id else 404)
        return
    if answer.status == 403 and answer.message == "Forbidden":
        pytest.skip("for admins")
    if path == "/search/smart" and answer.status == 400:
        pytest.skip("the search by words is off")
    if method == "POST" and path == "/api-keys":
        server.call("DELETE", f"/api-keys/{answer.json['apiKey']['id']}")
    if method == "POST" and path == "/albums":
        server.call("DELETE", f"/albums/{answer.json['id']}")
    judge(document, method, path, answer)


def test_a_bucket_is_as_documented(server: Target, document: Document, ids: dict[str, str]) -> None:
    query = f"albumId={ids['album']}" + ("" if server.since(1, 133) else "&size=MONTH")
    first = server.call("GET", f"/timeline/buckets?{query}").json[0]
    query += f"&timeBucket={first['timeBucket']}"
    for more in ("", "&withStacked=true", "&withCoordinates=true&order=asc"):
        answer = server.call("GET", f"/timeline/bucket?{query}{more}")
        judge(document, "GET", "/timeline/bucket", answer)


Routes = set[tuple[str, str]]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Routes]:
    """Every route of the sandbox, by its version."""

    async def of(version: str) -> Routes:
        data = tmp_path_factory.mktemp("routes")
        async with Sandbox(str(data), version=version) as box:
            return set(box.routes)

    return {version: asyncio.run(of(version)) for version in VERSIONS}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_route_is_there_just_where_the_document_has_it(
    routes: dict[str, Routes], version: str
) -> None:
    """Whatever route the sandbox has in some version."""
    release = RELEASES[version]
    document = Document.of(release.number)
    if document is None:
        pytest.skip(f"no OpenAPI document of {release.text} in {FOLDER}")
    everywhere = {route for known in routes.values() for route in known}
    if release.has((3, 2)):
        everywhere = {route for route in everywhere if "/asset-files" not in route[1]}
    assert len(everywhere) > 60
    assert routes[version] & everywhere == {r for r in everywhere if document.has(*r)}


@pytest.mark.parametrize("version", VERSIONS)
def test_people_and_what_others_share_are_as_documented(
    version: str, sandboxes: Callable[[str], SandboxProcess]
) -> None:
    """On the sandbox alone: no API lets one user say who is on a photo."""
    box = sandboxes(version)
    told = box.control("users", {"name": "host"})
    server, user = Target(box.url, told["key"]), told["id"]
    document = Document.of(server.version)
    if document is None:
        pytest.skip(f"no OpenAPI document of {server.version} in {FOLDER}")
    changes = {"people": ["Ann"], "tags": ["a/b"], "created": "2020-01-02T03:04:05+02:00"}
    seed = {"assets": 2, "bytes": 100, "live": 1, "album": "All", "edit": changes, "user": user}
    made = box.control("seed", seed)
    guest = box.control("users", {"name": "guest"})["id"]
    roles = {guest: "editor"}
    album = box.control("albums", {"name": "All", "roles": roles, "user": user})["id"]
    person = server.call("GET", "/people").json["people"][0]["id"]
    calls: list[tuple[str, str, str, Any]] = [
        ("GET", "/people", "", None),
        ("GET", "/people/{id}", person, None),
        ("GET", "/people/{id}/statistics", person, None),
        ("GET", "/assets/{id}", made["ids"][0], None),
        ("GET", "/albums/{id}", album, None),
        ("POST", "/search/metadata", "", {"withPeople": True, "withExif": True}),
        ("POST", "/download/info", "", {"assetIds": made["ids"]}),
    ]
    for method, path, place, body in calls:
        answer = server.call(method, path.replace("{id}", place), body)
        assert answer.status in (200, 201), answer
        judge(document, method, path, answer)


def test_uploads_are_as_documented(server: Target, document: Document) -> None:
    content = photo()
    for status in (201, 200):
        answer = server.upload(content)
        assert answer.status == status
        judge(document, "POST", "/assets", answer)


def test_the_checker_finds_what_is_wrong(document: Document) -> None:
    schema = document.answer("POST", "/assets", 201)
    assert schema is not None
    good = {"id": "11111111-1111-4111-8111-111111111111", "status": "created"}
    assert list(document.faults(good, schema)) == []
    wrong: list[Any] = [{**good, "status": "maybe"}, {**good, "id": 1}, {"id": "x"}, [], None]
    for bad in wrong:
        assert list(document.faults(bad, schema)), bad

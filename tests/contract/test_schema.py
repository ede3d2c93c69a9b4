"""Answers of the main routes against the OpenAPI document of the server's own version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.schema import FOLDER, Document
from tests.contract.target import Answer, Target, photo


@pytest.fixture(scope="module")
def document(server: Target) -> Document:
    found = Document.of(server.version)
    if found is None:
        pytest.skip(f"no OpenAPI document of {server.version} in {FOLDER}")
    return found


@pytest.fixture(scope="module")
def ids(server: Target) -> dict[str, str]:
    """One of each kind, by the name it has in a path."""
    video = server.new_asset(name="a.mov")
    asset = server.new_asset(name="a.heic", extra={"livePhotoVideoId": video})
    other = server.new_asset()
    tag = server.new_tag()
    album = server.new_album(assetIds=[asset, other])
    server.call("PUT", f"/tags/{tag['id']}/assets", {"ids": [asset]})
    server.call("POST", "/stacks", {"assetIds": [asset, other]})
    me = server.call("GET", "/users/me").json["id"]
    found = {"asset": asset, "other": other, "tag": tag["id"], "album": album["id"], "me": me}
    return found | {"word": tag["value"]}


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
    ("GET", "/timeline/buckets", None, None),
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
    ("PUT", "/tags/{id}/assets", "tag", lambda ids: {"ids": [ids["other"]]}),
    ("PUT", "/tags/assets", None, lambda i: {"tagIds": [i["tag"]], "assetIds": [i["asset"]]}),
    ("POST", "/stacks", None, lambda ids: {"assetIds": [ids["asset"], ids["other"]]}),
    ("POST", "/trash/restore/assets", None, lambda ids: {"ids": [ids["asset"]]}),
    ("GET", "/jobs", None, None),
    ("GET", "/queues", None, None),
    ("GET", "/queues/{name}", "library", None),
    ("GET", "/libraries", None, None),
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
    place = path.replace("{id}", ids.get(kind or "", "")).replace("{name}", kind or "")
    answer = server.call(method, place, None if body is None else body(ids))
    if answer.status == 403 and answer.message == "Forbidden":
        pytest.skip("for admins")
    if method == "POST" and path == "/albums":
        server.call("DELETE", f"/albums/{answer.json['id']}")
    judge(document, method, path, answer)


def test_a_bucket_is_as_documented(server: Target, document: Document, ids: dict[str, str]) -> None:
    first = server.call("GET", f"/timeline/buckets?albumId={ids['album']}").json[0]
    query = f"albumId={ids['album']}&timeBucket={first['timeBucket']}"
    answer = server.call("GET", f"/timeline/bucket?{query}")
    judge(document, "GET", "/timeline/bucket", answer)


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

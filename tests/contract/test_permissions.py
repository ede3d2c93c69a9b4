"""Keys with less than all: each route names the permission it misses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.target import Target, photo

NOBODY = "11111111-1111-4111-8111-111111111111"
ROUTES: list[tuple[str, str, Any, str]] = [
    ("GET", "/users/me", None, "user.read"),
    ("GET", "/server/about", None, "server.about"),
    ("GET", "/server/storage", None, "server.storage"),
    ("POST", "/assets/bulk-upload-check", {"assets": []}, "asset.upload"),
    ("GET", f"/assets/{NOBODY}", None, "asset.read"),
    ("PUT", "/assets", {"ids": []}, "asset.update"),
    ("DELETE", "/assets", {"ids": []}, "asset.delete"),
    ("POST", "/trash/restore/assets", {"ids": []}, "asset.delete"),
    ("GET", f"/assets/{NOBODY}/original", None, "asset.download"),
    ("GET", f"/assets/{NOBODY}/thumbnail", None, "asset.view"),
    ("POST", "/search/metadata", {}, "asset.read"),
    ("POST", "/search/statistics", {}, "asset.statistics"),
    ("GET", "/assets/statistics", None, "asset.statistics"),
    ("GET", "/timeline/buckets", None, "asset.read"),
    ("POST", "/download/info", {"assetIds": []}, "asset.download"),
    ("GET", "/albums", None, "album.read"),
    ("POST", "/albums", {"albumName": "x"}, "album.create"),
    ("PUT", f"/albums/{NOBODY}/assets", {"ids": []}, "albumAsset.create"),
    ("DELETE", f"/albums/{NOBODY}/assets", {"ids": []}, "albumAsset.delete"),
    ("GET", "/tags", None, "tag.read"),
    ("PUT", "/tags", {"tags": []}, "tag.create"),
    ("PUT", f"/tags/{NOBODY}/assets", {"ids": []}, "tag.asset"),
    ("POST", "/stacks", {"assetIds": [NOBODY, NOBODY]}, "stack.create"),
]


@pytest.fixture(scope="module")
def poor(server: Target) -> str:
    """A key that may do next to nothing."""
    return server.new_key("activity.read")


@pytest.mark.parametrize(("method", "path", "body", "permission"), ROUTES)
def test_the_missing_permission_is_named(
    server: Target, poor: str, method: str, path: str, body: Any, permission: str
) -> None:
    answer = server.call(method, path, body, key=poor)
    assert answer.status == 403
    assert answer.message == f"Missing required permission: {permission}"


def test_an_upload_without_the_right(server: Target, poor: str) -> None:
    answer = server.upload(photo(), key=poor)
    assert (answer.status, answer.message) == (403, "Missing required permission: asset.upload")


def test_every_key_may_ask_about_itself(server: Target, poor: str) -> None:
    assert server.call("GET", "/api-keys/me", key=poor).json["permissions"] == ["activity.read"]


def test_upload_alone_is_enough_to_upload_and_check(server: Target) -> None:
    key = server.new_key("asset.upload")
    answer = server.upload(key=key)
    assert answer.status == 201
    body = {"assets": [{"id": "a", "checksum": "0" * 40}]}
    assert server.call("POST", "/assets/bulk-upload-check", body, key=key).status == 200


def test_the_timeline_of_an_album_needs_no_album_right(server: Target) -> None:
    key = server.new_key("asset.read")
    album = server.new_album()["id"]
    assert server.call("GET", f"/albums/{album}", key=key).status == 403
    assert server.call("GET", f"/timeline/buckets?albumId={album}", key=key).status == 200

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


NAMED_EARLY = ("/albums", "/tags", "/stacks", "/trash", "/timeline")
"""Routes below these asked for a permission before 1.137; the others took any key."""


@pytest.mark.parametrize(("method", "path", "body", "permission"), ROUTES)
def test_the_missing_permission_is_named(
    server: Target, poor: str, method: str, path: str, body: Any, permission: str
) -> None:
    answer = server.call(method, path, body, key=poor)
    if not server.since(1, 137) and (
        not path.startswith(NAMED_EARLY) or permission.startswith("albumAsset")
    ):
        assert answer.status != 403
        return
    assert answer.status == 403
    assert answer.message == f"Missing required permission: {permission}"


def test_an_upload_without_the_right(server: Target, poor: str) -> None:
    server.need(1, 137)
    answer = server.upload(photo(), key=poor)
    assert (answer.status, answer.message) == (403, "Missing required permission: asset.upload")


def test_every_key_may_ask_about_itself(server: Target, poor: str) -> None:
    server.need(1, 139)
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
    more = "" if server.since(1, 133) else "&size=MONTH"
    assert server.call("GET", f"/timeline/buckets?albumId={album}{more}", key=key).status == 200


def test_a_key_can_have_the_permissions_of_its_time(server: Target) -> None:
    """Before 1.137 other names, before 1.113 none at all."""
    if not server.since(1, 113):
        told = server.call("POST", "/api-keys", {"name": "contract"}).json
        assert "permissions" not in told["apiKey"]
        status = server.call("DELETE", f"/api-keys/{told['apiKey']['id']}").status
        assert status == 200
        return
    for name, known in [
        ("album.read", True),
        ("album.addAsset", not server.since(1, 137)),
        ("albumAsset.create", server.since(1, 137)),
        ("queue.read", server.since(2, 4)),
    ]:
        answer = server.call("POST", "/api-keys", {"name": "contract", "permissions": [name]})
        assert answer.status == (201 if known else 400), name
        if known:
            server.call("DELETE", f"/api-keys/{answer.json['apiKey']['id']}")


def test_what_names_no_permission_takes_a_whole_key(server: Target, poor: str) -> None:
    """From 1.136 on, but for the question about the key itself."""
    body: dict[str, Any] = {"importPaths": []}
    answer = server.call("POST", f"/libraries/{NOBODY}/validate", body, key=poor)
    if server.since(1, 136):
        # Of others than admins the server asks that first.
        admin = server.call("GET", "/users/me").json["isAdmin"]
        words = "Missing required permission: all" if admin else "Forbidden"
        assert (answer.status, answer.message) == (403, words)
    else:
        assert (answer.status, answer.message) == (400, "Library not found")

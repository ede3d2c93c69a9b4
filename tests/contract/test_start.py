"""The first words: version, ping, key, user, and the shapes of refusals."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from tests.contract.target import Target

NOBODY = "11111111-1111-4111-8111-111111111111"


def test_ping_and_version_need_no_key(server: Target) -> None:
    assert server.call("GET", f"{server.info}/ping", key=None).json == {"res": "pong"}
    told = server.call("GET", f"{server.info}/version", key=None).json
    assert {"major", "minor", "patch"} <= told.keys()
    assert ("prerelease" in told) == (server.major >= 3)


def test_media_types_are_lower_case_with_a_dot(server: Target) -> None:
    types = server.call("GET", f"{server.info}/media-types", key=None).json
    assert {".jpg", ".heic", ".dng"} <= set(types["image"])
    assert {".mp4", ".mov"} <= set(types["video"])
    assert ".xmp" in types["sidecar"]
    assert all(e == e.lower() and e.startswith(".") for kind in types.values() for e in kind)


def test_switches_are_told_without_a_key(server: Target) -> None:
    config = server.call("GET", f"{server.info}/config", key=None).json
    assert config.get("maintenanceMode") == (False if server.since(2, 3) else None)
    features = server.call("GET", f"{server.info}/features", key=None).json
    assert isinstance(features["trash"], bool)
    for name, first in [("importFaces", (1, 132)), ("ocr", (2, 2)), ("realtimeTranscoding", (3,))]:
        # Recorded as new in 3.0.3, though the document of 2.7.5 has it.
        known = (name in features) == server.since(*first)
        assert known or (server.live and name == "ocr" and server.major == 2)


def test_about_needs_a_key(server: Target) -> None:
    status = 401 if server.since(1, 107) else 404
    assert server.call("GET", f"{server.info}/about", key=None).status == status
    assert server.call("GET", f"{server.info}/storage", key=None).status == 401


def test_the_key_tells_what_it_may_do(server: Target) -> None:
    answer = server.call("GET", "/api-keys/me")
    if not server.since(1, 139):
        assert (answer.status, "UUID" in answer.message) == (400, True), "taken for an id"
        return
    told = answer.json
    assert isinstance(told["permissions"], list)
    assert told["permissions"]


def test_the_user_has_an_id_and_a_quota_field(server: Target) -> None:
    me = server.call("GET", "/users/me").json
    assert len(me["id"]) == 36
    assert "quotaSizeInBytes" in me
    assert "quotaUsageInBytes" in me


def test_without_a_key_or_with_a_wrong_one_it_is_401(server: Target) -> None:
    missing = server.call("GET", "/users/me", key=None)
    wrong = server.call("GET", "/users/me", key="no-such-key")
    bearer = server.call("GET", "/users/me", key=None, headers={"Authorization": "Bearer nobody"})
    assert missing.status == wrong.status == bearer.status == 401
    assert missing.message == "Authentication required"
    assert wrong.message == "Invalid API key"
    assert bearer.message == "Invalid user token"


def test_the_shape_of_an_error(server: Target) -> None:
    answer = server.call("GET", "/users/me", key="no-such-key")
    if server.major < 3:
        assert answer.json.keys() == {"message", "error", "statusCode", "correlationId"}
        assert (answer.json["error"], answer.json["statusCode"]) == ("Unauthorized", 401)
        assert answer.headers["x-immich-cid"] == answer.json["correlationId"]
    else:
        assert answer.json.keys() == {"message"}
        assert answer.headers["x-correlation-id"]


def test_the_shape_of_a_validation_error(server: Target) -> None:
    answer = server.call("POST", "/assets/bulk-upload-check", {"assets": [{"checksum": "00"}]})
    assert answer.status == 400
    if server.major < 3:
        assert "assets.0.id must be a string" in answer.json["message"]
    else:
        assert answer.json["message"] == "Validation failed"
        (issue,) = answer.json["errors"]
        assert issue["path"] == ["assets", 0, "id"]
        assert "expected string" in issue["message"]


def test_an_id_that_is_none_is_a_validation_error(server: Target) -> None:
    answer = server.call("GET", "/assets/not-an-id")
    assert answer.status == 400
    assert "UUID" in answer.message


def test_an_unknown_route_is_404_and_names_itself(server: Target) -> None:
    answer = server.call("GET", "/no-such-route")
    assert answer.status == 404
    assert answer.message == "Cannot GET /api/no-such-route"
    assert server.call("GET", "/no-such-route", key=None).status == 404, "before any key"


def test_a_route_of_another_method_is_404_too(server: Target) -> None:
    answer = server.call("POST", "/server/ping")
    assert answer.status == 404
    assert answer.message == "Cannot POST /api/server/ping"


def test_routes_of_old_servers_are_gone(server: Target) -> None:
    assert server.call("GET", "/server-info/ping").status == (404 if server.since(1, 118) else 200)
    assert server.call("GET", "/server/ping").status == (200 if server.since(1, 107) else 404)
    assert server.call("GET", "/user/me").status == 404
    body = {"deviceAssetIds": ["x"], "deviceId": "contract"}
    there = server.call("POST", "/assets/exist", body).status
    assert there == (200 if server.major < 3 else 404)


def test_head_is_a_get_without_a_body(server: Target) -> None:
    answer = server.call("HEAD", f"{server.info}/ping", key=None)
    assert (answer.status, answer.body) == (200, b"")


def test_sync_is_not_for_keys(server: Target) -> None:
    answer = server.call("POST", "/sync/stream", {"types": ["AssetsV1"]})
    assert answer.status in ((400, 403) if server.since(1, 127) else (404,))
    if answer.status == 403:
        assert answer.message == "Sync endpoints cannot be used with API keys"


def outside(server: Target, path: str) -> tuple[int, str, bytes]:
    parts = urlsplit(server.url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request("GET", parts.path + path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read()
    finally:
        connection.close()


def test_the_address_of_the_api_is_told_outside_of_it(server: Target) -> None:
    status, kind, body = outside(server, "/.well-known/immich")
    assert (status, body) == (200, b'{"api":{"endpoint":"/api"}}') or b'"endpoint"' in body
    assert "json" in kind


def test_a_path_outside_the_api_is_a_web_page_with_200(server: Target) -> None:
    status, kind, _ = outside(server, "/server/ping")
    assert status == 200
    assert "text/html" in kind


def test_connections_are_kept_alive_for_five_seconds(server: Target) -> None:
    answer = server.call("GET", f"{server.info}/ping", key=None)
    if server.live and "keep-alive" not in answer.headers:
        pytest.skip("a proxy in between keeps connections in its own way")
    assert answer.headers["keep-alive"] == "timeout=5"
    assert answer.headers["connection"].lower() == "keep-alive"


def test_unknown_and_foreign_ids_are_400_by_permission(server: Target) -> None:
    for method, path, body, access in [
        ("GET", f"/assets/{NOBODY}", None, "asset.read"),
        ("PUT", f"/assets/{NOBODY}", {"isFavorite": True}, "asset.update"),
        ("PUT", "/assets", {"ids": [NOBODY], "isFavorite": True}, "asset.update"),
        ("DELETE", "/assets", {"ids": [NOBODY]}, "asset.delete"),
        ("GET", f"/albums/{NOBODY}", None, "album.read"),
    ]:
        answer = server.call(method, path, body)
        assert answer.status == 400, (method, path)
        assert answer.message == f"Not found or no {access} access"

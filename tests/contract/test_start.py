"""The first words: version, ping, key, user, and the shapes of refusals."""

from __future__ import annotations

from tests.contract.target import Target


def test_ping_and_version_need_no_key(server: Target) -> None:
    assert server.call("GET", "/server/ping", key=None).json == {"res": "pong"}
    assert {"major", "minor", "patch"} <= server.call(
        "GET", "/server/version", key=None
    ).json.keys()


def test_media_types_are_lower_case_with_a_dot(server: Target) -> None:
    types = server.call("GET", "/server/media-types", key=None).json
    assert {".jpg", ".heic", ".dng"} <= set(types["image"])
    assert {".mp4", ".mov"} <= set(types["video"])
    assert ".xmp" in types["sidecar"]
    assert all(e == e.lower() and e.startswith(".") for kind in types.values() for e in kind)


def test_the_key_tells_what_it_may_do(server: Target) -> None:
    told = server.call("GET", "/api-keys/me").json
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
    assert missing.status == wrong.status == 401
    assert missing.message == "Authentication required"
    assert wrong.message == "Invalid API key"
    assert ("statusCode" in wrong.json) == (server.major < 3)


def test_an_unknown_route_is_404_and_names_itself(server: Target) -> None:
    answer = server.call("GET", "/no-such-route")
    assert answer.status == 404
    assert answer.message == "Cannot GET /api/no-such-route"


def test_config_tells_of_maintenance(server: Target) -> None:
    assert server.call("GET", "/server/config", key=None).json["maintenanceMode"] is False

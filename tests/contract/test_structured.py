"""The structured search of 3.2: a filter, an order and a cursor; the flat fields still work."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import pytest

from tests.contract.target import Target, photo

NOBODY = "11111111-1111-4111-8111-111111111111"


class Set(NamedTuple):
    """Assets with a common part of the name, by what is special about each."""

    name: str
    album: str
    plain: str
    archive: str
    hidden: str
    trashed: str

    @property
    def ids(self) -> set[str]:
        return {self.plain, self.archive, self.hidden, self.trashed}


@pytest.fixture(scope="module")
def made(server: Target) -> Set:
    server.need(3, 2)
    name = f"filter-{secrets.token_hex(4)}"
    plain, archive, hidden = (
        server.new_asset(photo(size), name=f"{name}-{kind}.jpg", extra={"visibility": kind})
        for kind, size in (("timeline", 1000), ("archive", 2000), ("hidden", 3000))
    )
    trashed = server.new_asset(name=f"{name}-trashed.jpg")
    server.call("PUT", f"/assets/{plain}", {"isFavorite": True, "description": "A lake"})
    album = server.new_album(assetIds=[plain, archive])["id"]
    server.call("DELETE", "/assets", {"ids": [trashed]})
    return Set(name, album, plain, archive, hidden, trashed)


def search(server: Target, **body: Any) -> dict[str, Any]:
    answer = server.call("POST", "/search/metadata", body)
    assert answer.status == 200, answer
    assets: dict[str, Any] = answer.json["assets"]
    return assets


def ids(server: Target, made: Set, **conditions: Any) -> set[str]:
    named = {"originalFileName": {"startsWith": made.name}, **conditions}
    return {asset["id"] for asset in search(server, filter=named)["items"]}


def test_everything_but_locked_is_found_also_in_the_trash(server: Target, made: Set) -> None:
    assert ids(server, made) == made.ids
    assert ids(server, made, trashedAt={"eq": None}) == made.ids - {made.trashed}
    assert ids(server, made, trashedAt={"ne": None}) == {made.trashed}


@pytest.mark.parametrize(
    ("conditions", "kinds"),
    [
        ({"visibility": {"eq": "archive"}}, "archive"),
        ({"visibility": {"in": ["archive", "hidden"]}}, "archive hidden"),
        ({"visibility": {"notIn": ["archive", "hidden"]}}, "plain trashed"),
        ({"isFavorite": {"eq": True}}, "plain"),
        ({"description": {"like": "LAKE"}}, "plain"),
        ({"fileSizeInBytes": {"gte": 2000}, "visibility": {"ne": "timeline"}}, "archive hidden"),
        ({"hasAlbums": {"eq": True}}, "plain archive"),
        ({"takenAt": {"gt": "2100-01-01T00:00:00.000Z"}}, ""),
        ({"type": {"eq": "VIDEO"}}, ""),
        (
            {"or": [{"isFavorite": {"eq": True}}, {"visibility": {"eq": "hidden"}}]},
            "plain hidden",
        ),
    ],
)
def test_conditions(server: Target, made: Set, conditions: dict[str, Any], kinds: str) -> None:
    assert ids(server, made, **conditions) == {getattr(made, kind) for kind in kinds.split()}


def test_albums(server: Target, made: Set) -> None:
    assert ids(server, made, albumIds={"any": [made.album]}) == {made.plain, made.archive}
    assert ids(server, made, albumIds={"none": [made.album]}) == {made.hidden, made.trashed}


def test_a_cursor_goes_through_all_in_order(server: Target, made: Set) -> None:
    """Equal dates: the id decides, so that pages neither miss nor repeat."""
    body = {
        "filter": {"originalFileName": {"startsWith": made.name}},
        "orderBy": {"field": "fileCreatedAt", "direction": "asc"},
        "size": 3,
    }
    first = search(server, **body)
    assert (len(first["items"]), first["nextPage"]) == (3, None)
    second = search(server, **body, cursor=first["nextCursor"])
    assert (len(second["items"]), second["nextCursor"]) == (1, None)
    assert {asset["id"] for asset in first["items"] + second["items"]} == made.ids


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {}, "isFavorite": True},
        {"filter": {"nonsense": {"eq": 1}}},
        {"filter": {"isFavorite": {"nearly": True}}},
        {"filter": {}, "cursor": "abc"},
        {"filter": {"albumIds": {"any": [NOBODY]}}},
    ],
)
def test_what_is_refused(server: Target, made: Set, body: dict[str, Any]) -> None:
    assert server.call("POST", "/search/metadata", body).status == 400


def test_flat_fields_still_work(server: Target, made: Set) -> None:
    flat = search(server, originalFileName=made.name)
    assert {asset["id"] for asset in flat["items"]} == made.ids - {made.trashed}
    assert flat["nextCursor"] is None


def test_older_servers_ignore_a_filter(server: Target) -> None:
    if server.since(3, 2):
        pytest.skip("before 3.2")
    name = f"flat-{secrets.token_hex(4)}.jpg"
    asset = server.new_asset(name=name)
    found = search(server, originalFileName=name, filter={"isFavorite": {"eq": True}})
    assert [item["id"] for item in found["items"]] == [asset]
    assert "nextCursor" not in found


def test_a_sidecar_can_be_fetched(server: Target) -> None:
    server.need(3, 2)
    content = b"<x:xmpmeta/>"
    with_one, without = server.new_asset(sidecar=content), server.new_asset()
    path = f"/asset-files?type=sidecar&assetId={with_one}"
    (told,) = server.call("GET", path).json
    assert told["type"] == "sidecar"
    assert server.call("GET", f"/asset-files/{told['id']}").json == told
    assert server.call("GET", f"/asset-files/{told['id']}/download").body == content
    assert server.call("GET", f"/asset-files?assetId={without}").json == []
    assert server.call("GET", f"/asset-files?assetId={NOBODY}").status == 400

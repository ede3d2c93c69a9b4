"""Albums, tags and the original's bytes."""

from __future__ import annotations

import secrets

from tests.contract.target import Target, photo, sha1_hex

NOBODY = "11111111-1111-4111-8111-111111111111"


def test_an_album_takes_assets_one_by_one(server: Target) -> None:
    album, asset = server.new_album(), server.new_asset()
    path = f"/albums/{album['id']}/assets"
    first = server.call("PUT", path, {"ids": [asset, NOBODY]})
    assert first.status == 200
    good, bad = first.json
    assert (good["id"], good["success"]) == (asset, True)
    assert (bad["id"], bad["success"], bad["error"]) == (NOBODY, False, "no_permission")
    again = server.call("PUT", path, {"ids": [asset]}).json[0]
    assert (again["success"], again["error"]) == (False, "duplicate")
    assert server.call("GET", f"/albums/{album['id']}").json["assetCount"] == 1


def test_albums_are_listed_with_their_owner(server: Target) -> None:
    album = server.new_album()
    me = server.call("GET", "/users/me").json["id"]
    found = next(a for a in server.call("GET", "/albums").json if a["id"] == album["id"])
    assert found["albumName"] == album["albumName"]
    if server.major < 3:
        assert found["ownerId"] == me
    else:
        assert "ownerId" not in found
        assert found["albumUsers"][0]["role"] == "owner"
        assert found["albumUsers"][0]["user"]["id"] == me


def test_only_2x_lists_the_assets_of_an_album(server: Target) -> None:
    album, asset = server.new_album(), server.new_asset()
    server.call("PUT", f"/albums/{album['id']}/assets", {"ids": [asset]})
    found = server.call("GET", f"/albums/{album['id']}").json
    if server.major < 3:
        assert [a["id"] for a in found["assets"]] == [asset]
    else:
        assert "assets" not in found


def test_an_unknown_album_is_a_400(server: Target) -> None:
    answer = server.call("PUT", f"/albums/{NOBODY}/assets", {"ids": []})
    assert answer.status == 400


def test_tags_are_made_with_their_parents(server: Target) -> None:
    word = secrets.token_hex(4)
    answer = server.call("PUT", "/tags", {"tags": [f"contract/{word}"]})
    assert answer.status == 200
    leaf = answer.json[-1]
    assert leaf["value"] == f"contract/{word}"
    assert server.call("PUT", "/tags", {"tags": [f"contract/{word}"]}).json[-1]["id"] == leaf["id"]
    asset = server.new_asset()
    path = f"/tags/{leaf['id']}/assets"
    assert server.call("PUT", path, {"ids": [asset]}).json[0]["success"] is True
    assert server.call("PUT", path, {"ids": [asset]}).json[0]["error"] == "duplicate"
    server.call("DELETE", f"/tags/{leaf['id']}")


def test_the_original_comes_back_whole_and_in_ranges(server: Target) -> None:
    content = photo(50_000)
    path = f"/assets/{server.new_asset(content)}/original"
    whole = server.call("GET", path)
    assert sha1_hex(whole.body) == sha1_hex(content)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["etag"].startswith('W/"')
    tail = server.call(
        "GET", path, headers={"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    )
    assert (tail.status, tail.body) == (206, content[100:])
    assert tail.headers["content-range"] == f"bytes 100-{len(content) - 1}/{len(content)}"
    stale = server.call("GET", path, headers={"Range": "bytes=100-", "If-Range": 'W/"1-1"'})
    assert (stale.status, stale.body) == (200, content)


def test_a_range_past_the_end_is_never_416(server: Target) -> None:
    content = photo(1000)
    path = f"/assets/{server.new_asset(content)}/original"
    answer = server.call("GET", path, headers={"Range": f"bytes={len(content)}-"})
    assert answer.status == (500 if server.major < 3 else 404)
    assert answer.headers["content-range"] == f"bytes */{len(content)}"


def test_an_unknown_asset(server: Target) -> None:
    shown = server.call("GET", f"/assets/{NOBODY}")
    assert shown.status == 400
    assert shown.message == "Not found or no asset.read access"
    assert server.call("GET", f"/assets/{NOBODY}/original").status == (
        400 if server.major < 3 else 404
    )


def test_a_search_page_is_text_and_its_total_is_the_page_s_own(server: Target) -> None:
    name = f"search-{secrets.token_hex(4)}.jpg"
    made = {server.new_asset(name=name) for _ in range(3)}
    query = {"originalFileName": name, "size": 2}
    first = server.call("POST", "/search/metadata", query).json["assets"]
    assert len(first["items"]) == first["total"] == 2
    assert first["nextPage"] == "2"
    second = server.call("POST", "/search/metadata", {**query, "page": 2}).json["assets"]
    assert second["nextPage"] is None
    assert {a["id"] for a in first["items"] + second["items"]} <= made
    assert server.call("POST", "/search/metadata", {"size": 1001}).status == 400

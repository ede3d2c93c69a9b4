"""Albums and tags: results per asset, names that are not unique."""

from __future__ import annotations

import secrets

import pytest

from tests.contract.target import Target

NOBODY = "11111111-1111-4111-8111-111111111111"


def test_an_album_takes_assets_one_by_one(server: Target) -> None:
    album, asset = server.new_album(), server.new_asset()
    path = f"/albums/{album['id']}/assets"
    first = server.call("PUT", path, {"ids": [asset, NOBODY, asset]})
    assert first.status == 200
    good, bad, twice = first.json
    assert (good["id"], good["success"]) == (asset, True)
    assert (bad["id"], bad["success"], bad["error"]) == (NOBODY, False, "no_permission")
    assert (twice["success"], twice["error"]) == (False, "duplicate")
    again = server.call("PUT", path, {"ids": [asset]}).json[0]
    assert (again["success"], again["error"]) == (False, "duplicate")
    assert server.call("PUT", path, {"ids": []}).json == []
    assert server.call("GET", f"/albums/{album['id']}").json["assetCount"] == 1


def test_assets_leave_an_album_one_by_one(server: Target) -> None:
    asset = server.new_asset()
    album = server.new_album(assetIds=[asset])
    path = f"/albums/{album['id']}/assets"
    gone, unknown = server.call("DELETE", path, {"ids": [asset, NOBODY]}).json
    assert gone["success"] is True
    assert (unknown["success"], unknown["error"]) == (False, "not_found")


def test_a_new_album_drops_foreign_assets_silently(server: Target) -> None:
    asset = server.new_asset()
    album = server.new_album(assetIds=[asset, NOBODY], description="words")
    assert (album["assetCount"], album["description"]) == (1, "words")


def test_many_albums_at_once_say_one_word(server: Target) -> None:
    server.need(1, 139)
    asset = server.new_asset()
    albums = [server.new_album()["id"], server.new_album()["id"]]
    body = {"albumIds": albums, "assetIds": [asset]}
    first = server.call("PUT", "/albums/assets", body)
    assert (first.status, first.json["success"]) == (200, True)
    again = server.call("PUT", "/albums/assets", body).json
    assert (again["success"], again["error"]) == (False, "duplicate")


def test_names_are_not_unique(server: Target) -> None:
    name = f"contract {secrets.token_hex(4)}"
    first, second = server.new_album(albumName=name), server.new_album(albumName=name)
    assert first["id"] != second["id"]
    if not (server.live and server.since(3)):
        assert server.new_album(albumName="")["albumName"] == ""


def test_an_album_is_renamed_and_deleted(server: Target) -> None:
    album = server.new_album()["id"]
    answer = server.call("PATCH", f"/albums/{album}", {"albumName": "contract other"})
    assert (answer.status, answer.json["albumName"]) == (200, "contract other")
    assert server.call("DELETE", f"/albums/{album}").status == (
        204 if server.since(1, 138) else 200
    )
    assert server.call("DELETE", f"/albums/{album}").status == 400


def test_albums_are_listed_with_their_owner(server: Target) -> None:
    album = server.new_album()
    me = server.call("GET", "/users/me").json["id"]
    found = next(a for a in server.call("GET", "/albums").json if a["id"] == album["id"])
    assert found["albumName"] == album["albumName"]
    if server.major < 3:
        assert found["ownerId"] == me
        assert found["assets"] == []
    else:
        assert not {"ownerId", "owner", "assets"} & found.keys()
        assert found["albumUsers"][0]["role"] == "owner"
        assert found["albumUsers"][0]["user"]["id"] == me


def test_shared_is_a_filter_of_2x_only(server: Target) -> None:
    album = server.new_album()["id"]
    shared = {a["id"] for a in server.call("GET", "/albums?shared=true").json}
    assert (album in shared) == (server.major >= 3), "3.x ignores the word"
    if server.major >= 3:
        owned = {a["id"] for a in server.call("GET", "/albums?isOwned=true").json}
        assert album in owned
        assert server.call("GET", "/albums?isOwned=maybe").status == 400


def test_albums_of_an_asset(server: Target) -> None:
    asset = server.new_asset()
    album = server.new_album(assetIds=[asset])["id"]
    assert [a["id"] for a in server.call("GET", f"/albums?assetId={asset}").json] == [album]


def test_only_2x_lists_the_assets_of_an_album(server: Target) -> None:
    asset = server.new_asset()
    album = server.new_album(assetIds=[asset])
    found = server.call("GET", f"/albums/{album['id']}").json
    if server.major < 3:
        assert [a["id"] for a in found["assets"]] == [asset]
        bare = server.call("GET", f"/albums/{album['id']}?withoutAssets=true").json
        assert (bare["assets"], bare["assetCount"]) == ([], 1)
    else:
        assert "assets" not in found


def test_an_unknown_album_is_a_400(server: Target) -> None:
    answer = server.call("PUT", f"/albums/{NOBODY}/assets", {"ids": [NOBODY]})
    assert answer.status == 400
    assert "lbum" in answer.message


def test_tags_are_made_with_their_parents(server: Target) -> None:
    server.need(1, 113)
    word = f"contract-{secrets.token_hex(4)}"
    leaf = server.new_tag(f"{word}/deep/er")
    assert (leaf["name"], leaf["value"]) == ("er", f"{word}/deep/er")
    assert server.new_tag(f"{word}/deep/er")["id"] == leaf["id"]
    values = {tag["value"] for tag in server.call("GET", "/tags").json}
    assert {word, f"{word}/deep"} <= values
    server.new_tag(word)  # to be taken away with all that is below


def test_a_tag_that_is_there_cannot_be_posted(server: Target) -> None:
    tag = server.new_tag()
    assert server.call("POST", "/tags", {"name": tag["name"], "type": "CUSTOM"}).status == 400


def test_a_tag_takes_assets_one_by_one(server: Target) -> None:
    asset, tag = server.settled_asset(), server.new_tag()["id"]
    path, name = f"/tags/{tag}/assets", "ids" if server.since(1, 113) else "assetIds"
    assert server.call("PUT", path, {name: [asset]}).json[0]["success"] is True
    assert server.call("PUT", path, {name: [asset]}).json[0]["error"] == "duplicate"
    bad = server.call("PUT", path, {name: [NOBODY]}).json[0]
    assert (bad["success"], bad["error"]) == (False, "no_permission")

    def shown() -> list[str]:
        return [found["id"] for found in server.call("GET", f"/assets/{asset}").json["tags"]]

    server.until(lambda: shown() == [tag])


def test_tags_of_old_servers(server: Target) -> None:
    if server.since(1, 113):
        pytest.skip("before 1.113")
    tag, asset = server.new_tag(), server.new_asset()
    assert tag.keys() == {"id", "name", "type", "userId"}
    told = server.call("PUT", f"/tags/{tag['id']}/assets", {"assetIds": [asset]}).json
    assert told == [{"assetId": asset, "success": True}]
    assert [a["id"] for a in server.call("GET", f"/tags/{tag['id']}/assets").json] == [asset]
    assert server.call("PUT", "/tags", {"tags": ["a/b"]}).status == 404


def test_many_tags_count_new_links(server: Target) -> None:
    server.need(1, 113)
    asset, tags = server.settled_asset(), [server.new_tag()["id"], server.new_tag()["id"]]
    body = {"tagIds": tags, "assetIds": [asset]}
    assert server.call("PUT", "/tags/assets", body).json == {"count": 2}
    assert server.call("PUT", "/tags/assets", body).json["count"] == 0

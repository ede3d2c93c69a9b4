"""Edits, trash and stacks: all or nothing for the caller's own assets."""

from __future__ import annotations

from tests.contract.target import Target, photo, sha1_hex

NOBODY = "11111111-1111-4111-8111-111111111111"


def test_edits_of_many(server: Target) -> None:
    ids = [server.new_asset(), server.new_asset()]
    body = {"ids": ids, "isFavorite": True, **server.put_away("archive")}
    if server.since(1, 133):
        body["isArchived"] = False  # a word of the past, ignored
    assert server.call("PUT", "/assets", body).status == 204
    for asset in ids:
        shown = server.call("GET", f"/assets/{asset}").json
        assert (shown["isFavorite"], shown["isArchived"]) == (True, True)
    assert server.call("PUT", "/assets", {"ids": []}).status == 204


def test_one_foreign_id_refuses_all_edits(server: Target) -> None:
    asset = server.new_asset()
    answer = server.call("PUT", "/assets", {"ids": [asset, NOBODY], "isFavorite": True})
    assert answer.status == 400
    assert server.call("GET", f"/assets/{asset}").json["isFavorite"] is False


def test_an_edit_of_one_answers_the_asset(server: Target) -> None:
    asset = server.new_asset()
    answer = server.call("PUT", f"/assets/{asset}", {"isFavorite": True})
    assert answer.status == 200
    assert (answer.json["id"], answer.json["isFavorite"]) == (asset, True)


def test_a_live_video_is_linked_later(server: Target) -> None:
    server.need(1, 113)
    still, video = server.settled_asset(), server.new_asset(name="a.mov")
    answer = server.call("PUT", f"/assets/{still}", {"livePhotoVideoId": video})
    assert (answer.status, answer.json["livePhotoVideoId"]) == (200, video)


def test_edits_change_no_byte(server: Target) -> None:
    content = photo()
    asset = server.new_asset(content)
    server.call("PUT", f"/assets/{asset}", {"description": "words"})
    whole = server.call("GET", f"/assets/{asset}/original")
    assert sha1_hex(whole.body) == sha1_hex(content)


def test_a_trashed_asset_can_still_be_read(server: Target) -> None:
    asset = server.new_asset()
    assert server.call("DELETE", "/assets", {"ids": [asset]}).status == 204
    assert server.call("GET", f"/assets/{asset}").json["isTrashed"] is True
    assert server.call("GET", f"/assets/{asset}/original").status == 200
    assert server.call("DELETE", "/assets", {"ids": []}).status == 204


def test_a_deleted_one_is_gone_at_once_for_get(server: Target) -> None:
    asset = server.new_asset()
    server.call("DELETE", "/assets", {"ids": [asset], "force": True})
    answer = server.call("GET", f"/assets/{asset}")
    assert (answer.status, answer.message) == (400, "Not found or no asset.read access")


def test_a_stack_takes_two_and_brings_the_old_one_along(server: Target) -> None:
    server.need(1, 113)
    one, two, three = (server.new_asset() for _ in range(3))
    assert server.call("POST", "/stacks", {"assetIds": [one]}).status == 400
    first = server.call("POST", "/stacks", {"assetIds": [one, two]})
    assert (first.status, first.json["primaryAssetId"]) == (201, one)
    second = server.call("POST", "/stacks", {"assetIds": [three, one]}).json
    assert second["primaryAssetId"] == three
    assert {asset["id"] for asset in second["assets"]} == {one, two, three}
    assert server.call("GET", f"/assets/{three}").json["stack"]["assetCount"] == 3


def test_statistics_count_timeline_and_archive(server: Target) -> None:
    def grown() -> dict[str, int]:
        before = server.call("GET", "/assets/statistics").json
        server.new_asset()
        server.new_asset(name="a.mp4", extra=server.put_away("archive", form=True))
        server.new_asset(extra=server.put_away("hidden", form=True))
        after = server.call("GET", "/assets/statistics").json
        return {name: after[name] - before[name] for name in ("images", "videos", "total")}

    # To a live server somebody may upload in between.
    tries = 3 if server.live else 1
    assert any(grown() == {"images": 1, "videos": 1, "total": 2} for _ in range(tries))


def test_queues_and_jobs_are_told_to_admins(server: Target) -> None:
    queues, jobs = server.call("GET", "/queues"), server.call("GET", "/jobs")
    if not server.call("GET", "/users/me").json["isAdmin"]:
        assert (jobs.status, jobs.message) == (403, "Forbidden")
        return
    names = set(jobs.json)
    assert {"metadataExtraction", "thumbnailGeneration", "backgroundTask"} <= names
    for name, first in [("backupDatabase", (1, 120)), ("ocr", (2, 2)), ("integrityCheck", (3,))]:
        assert (name in names) == server.since(*first)
    if not server.since(2, 4):
        assert queues.status == 404
        return
    assert names == {queue["name"] for queue in queues.json}
    assert all(isinstance(queue["isPaused"], bool) for queue in queues.json)

"""`POST /assets` and bulk-upload-check, as recorded on 2.7.5 and 3.0.3."""

from __future__ import annotations

import pytest

from tests.contract.target import Target, photo, sha1_base64, sha1_hex


def test_new_then_duplicate(server: Target) -> None:
    content = photo()
    first = server.upload(content)
    assert (first.status, first.json["status"]) == (201, "created")
    again = server.upload(content, name="other.png")
    assert (again.status, again.json["status"]) == (200, "duplicate")
    assert again.json["id"] == first.json["id"]


@pytest.mark.parametrize("form", [sha1_hex, sha1_base64, lambda c: sha1_hex(c).upper()])
def test_the_checksum_header_is_answered_without_a_body(server: Target, form: object) -> None:
    assert callable(form)
    content = photo()
    asset = server.new_asset(content)
    answer = server.call(
        "POST", "/assets", headers={"x-immich-checksum": form(content), "Content-Length": "0"}
    )
    assert (answer.status, answer.json) == (200, {"id": asset, "status": "duplicate"})


def test_the_header_is_never_compared_with_the_content(server: Target) -> None:
    there = photo()
    asset = server.new_asset(there)
    other = photo()
    stale = server.upload(other, headers={"x-immich-checksum": sha1_hex(there)})
    assert (stale.status, stale.json["id"]) == (200, asset)
    assert server.check(sha1_hex(other))[0]["action"] == "accept", "thrown away"
    wrong = server.upload(other, headers={"x-immich-checksum": "0" * 40})
    assert wrong.status == 201
    assert server.check(sha1_hex(other))[0]["assetId"] == wrong.json["id"]


def test_required_fields(server: Target) -> None:
    for field in ("fileCreatedAt", "fileModifiedAt", "assetData"):
        assert server.upload(leave_out=(field,)).status == 400, field
    without_device = server.upload(leave_out=("deviceAssetId", "deviceId"))
    assert without_device.status == (400 if server.major < 3 else 201)


def test_unknown_fields_are_ignored(server: Target) -> None:
    assert server.upload(extra={"whatever": "x"}).status == 201


def test_an_unsupported_extension_is_refused_by_name(server: Target) -> None:
    answer = server.upload(name="notes.txt")
    assert answer.status == 400
    assert "Unsupported file type notes.txt" in answer.message


@pytest.mark.parametrize("value", ["True", "1", ""])
def test_favorite_is_true_or_false_in_lower_case(server: Target, value: str) -> None:
    assert server.upload(extra={"isFavorite": value}).status == 400


@pytest.mark.parametrize(
    "name", ["Zürich 🏔.jpg", "a[1]{2}(3).jpg", "tab\tand;semi.jpg", "e\u0301.jpg", " lead.jpg"]
)
def test_names_are_kept_to_the_letter(server: Target, name: str) -> None:
    asset = server.new_asset(name=name)
    assert server.call("GET", f"/assets/{asset}").json["originalFileName"] == name


def test_a_quote_travels_escaped(server: Target) -> None:
    asset = server.new_asset(name='say \\"hi\\".jpg')
    assert server.call("GET", f"/assets/{asset}").json["originalFileName"] == 'say "hi".jpg'


def test_only_the_last_part_of_a_path_is_kept(server: Target) -> None:
    asset = server.new_asset(name="../../evil.jpg")
    assert server.call("GET", f"/assets/{asset}").json["originalFileName"] == "evil.jpg"


def test_the_filename_field_before_a_sidecar_is_a_trap(server: Target) -> None:
    answer = server.upload(extra={"filename": "photo.jpg"}, sidecar=b"<x/>")
    if not server.since(2, 3):
        assert answer.status == 201
        return
    assert answer.status == 400
    assert "Unsupported file type photo.jpg" in answer.message
    assert server.upload(sidecar=b"<x/>").status == 201


def test_the_asset_knows_checksum_and_size_at_once(server: Target) -> None:
    content = photo(12_345)
    asset = server.call("GET", f"/assets/{server.new_asset(content)}").json
    assert asset["checksum"] == sha1_base64(content)
    assert asset["exifInfo"]["fileSizeInByte"] == len(content)
    assert asset["isTrashed"] is False
    assert ("deviceAssetId" in asset) == (server.major < 3)


def test_check_answers_in_order_and_by_our_ids(server: Target) -> None:
    there, missing = photo(), photo()
    asset = server.new_asset(there)
    hexa, base = sha1_hex(there), sha1_base64(there)
    results = server.check(hexa, sha1_hex(missing), base, hexa, "junk")
    assert [r["id"] for r in results] == ["n0", "n1", "n2", "n3", "n4"]
    assert [r["action"] for r in results] == ["reject", "accept", "reject", "reject", "accept"]
    assert results[0]["assetId"] == asset
    assert results[0]["reason"] == "duplicate"
    assert results[0].get("isTrashed") == (False if server.since(1, 115) else None)


def test_an_empty_check_is_a_500(server: Target) -> None:
    assert server.call("POST", "/assets/bulk-upload-check", {"assets": []}).status == 500


def test_a_check_of_more_than_the_database_takes_is_a_500(server: Target) -> None:
    many = [{"id": str(n), "checksum": f"{n:040x}"} for n in range(65_533)]
    assert server.call("POST", "/assets/bulk-upload-check", {"assets": many}).status == 500


def test_trash_is_found_and_a_duplicate_stays_in_it(server: Target) -> None:
    content = photo()
    asset = server.new_asset(content)
    assert server.call("DELETE", "/assets", {"ids": [asset]}).status == 204
    found = server.check(sha1_hex(content))[0]
    assert (found["action"], found["assetId"]) == ("reject", asset)
    assert found.get("isTrashed") == (True if server.since(1, 115) else None)
    assert server.upload(content).json == {"id": asset, "status": "duplicate"}
    assert server.call("GET", f"/assets/{asset}").json["isTrashed"] is True
    restored = server.call("POST", "/trash/restore/assets", {"ids": [asset]})
    if server.since(1, 116):
        assert (restored.status, restored.json) == (200, {"count": 1})
    else:
        assert (restored.status, restored.body) == (204, b"")
    assert server.call("GET", f"/assets/{asset}").json["isTrashed"] is False


def test_a_delete_for_good_is_done_a_moment_later(server: Target) -> None:
    content = photo()
    asset = server.new_asset(content)
    assert server.call("DELETE", "/assets", {"ids": [asset], "force": True}).status == 204
    server.until(lambda: server.check(sha1_hex(content))[0]["action"] == "accept")


def test_one_foreign_id_refuses_a_whole_delete(server: Target) -> None:
    asset = server.new_asset()
    nobody = "11111111-1111-4111-8111-111111111111"
    answer = server.call("DELETE", "/assets", {"ids": [asset, nobody]})
    assert answer.status == 400
    assert answer.message.startswith("Not found or no ")
    assert server.call("GET", f"/assets/{asset}").json["isTrashed"] is False

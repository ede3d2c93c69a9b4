"""`POST /assets`: what a body may be, and answers that come before it was read."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.target import Target, dated, form, photo, sha1_hex


def test_the_checksum_header_is_answered_before_the_body(server: Target) -> None:
    """And the connection can be used again once the rest was sent."""
    content = photo()
    asset = server.new_asset(content)
    kind, body = form([*dated(), ("assetData", "a.jpg", photo(3_000_000))])
    connection, prefix = server.open()
    try:
        connection.putrequest("POST", f"{prefix}/assets")
        connection.putheader("x-api-key", server.key)
        connection.putheader("x-immich-checksum", sha1_hex(content))
        connection.putheader("Content-Type", kind)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body[:1000])
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["id"]) == (200, asset)
        assert connection.sock is not None
        connection.sock.sendall(body[1000:])
        connection.request("GET", f"{prefix}{server.info}/ping")
        assert json.loads(connection.getresponse().read()) == {"res": "pong"}
    finally:
        connection.close()


@pytest.mark.parametrize("header", ["0" * 64, "junk", "x" * 28])
def test_a_header_that_is_no_sha1_is_ignored(server: Target, header: str) -> None:
    assert server.upload(headers={"x-immich-checksum": header}).status == 201


def test_zero_bytes_are_taken(server: Target) -> None:
    # There since before, perhaps; or on its way out: then it is not found a moment later.
    checksum = sha1_hex(b"")
    first = server.upload(b"")
    assert first.status in (200, 201)
    tries = 1
    while server.call("GET", f"/assets/{first.json['id']}").status == 400:
        server.until(lambda: server.check(checksum)[0]["action"] == "accept")
        first, tries = server.upload(b""), tries + 1
        assert tries < 5
    second = server.upload(b"")
    assert (second.status, second.json["id"]) == (200, first.json["id"])


def test_content_is_not_looked_at(server: Target) -> None:
    assert server.upload(secrets.token_bytes(500), name="text.heic").status == 201


def test_equal_bodies_at_the_same_time_make_one_asset(server: Target) -> None:
    content = photo(20_000)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: server.upload(content), range(4)))
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json["id"] for answer in answers}) == 1


def test_without_a_file(server: Target) -> None:
    assert "File is required" in server.post_form(dated()).message


def test_a_file_without_a_name_is_none(server: Target) -> None:
    answer = server.post_form([*dated(), ("assetData", "", photo())])
    assert answer.status == 400
    assert "File is required" in answer.message


def test_a_bare_quote_in_the_name(server: Target) -> None:
    assert server.upload(name='a"b.jpg').status == 400


@pytest.mark.parametrize("name", ["assetData", "file"])
def test_an_unexpected_file(server: Target, name: str) -> None:
    parts = [*dated(), ("assetData", "a.jpg", photo()), (name, "b.jpg", photo())]
    answer = server.post_form(parts)
    assert answer.status == 400
    assert answer.message == f"Unexpected field - {name}"


def test_fields_may_follow_the_file(server: Target) -> None:
    answer = server.post_form([("assetData", "a.jpg", photo()), *dated()])
    assert answer.status == 201


@pytest.mark.parametrize("name", ["noext", ".jpg", "a.jpg ", "a.txt"])
def test_the_extension_decides(server: Target, name: str) -> None:
    assert server.upload(name=name).status == 400


def test_a_form_without_its_end(server: Target) -> None:
    kind, body = form([*dated(), ("assetData", "a.jpg", photo())])
    answer = server.call("POST", "/assets", body=body[:-30], headers={"Content-Type": kind})
    assert answer.status == 400
    assert answer.message == "Multipart: Unexpected end of form"


def test_a_form_without_boundary(server: Target) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    answer = server.call("POST", "/assets", body=b"x", headers=headers)
    assert answer.status == 400
    assert answer.message == "Multipart: Boundary not found"


def test_a_body_that_is_no_form(server: Target) -> None:
    answer = server.call("POST", "/assets", {"a": 1})
    assert answer.status == 400
    if server.major < 3:
        assert "deviceAssetId must be a string" in answer.json["message"]
    else:
        assert answer.json["message"] == "Validation failed"


def test_a_chunked_body(server: Target) -> None:
    content = photo()
    kind, body = form([*dated(), ("assetData", "a.jpg", content)])
    connection, prefix = server.open()
    try:
        headers = {"x-api-key": server.key, "Content-Type": kind}
        pieces = (body[at : at + 500] for at in range(0, len(body), 500))
        connection.request(
            "POST", f"{prefix}/assets", body=pieces, headers=headers, encode_chunked=True
        )
        answer = connection.getresponse()
        assert answer.status == 201
        server.made(json.loads(answer.read())["id"], content)
    finally:
        connection.close()


def test_a_field_that_is_too_long(server: Target) -> None:
    answer = server.upload(extra={"deviceAssetId": "x" * 2_000_000})
    assert answer.status == 400
    assert answer.message == "Field value too long - deviceAssetId"


@pytest.mark.parametrize("moment", ["2020-01-02T03:04:05.000Z", "2020-01-02T03:04:05+02:00"])
def test_dates_every_version_takes(server: Target, moment: str) -> None:
    answer = server.upload(extra={"fileCreatedAt": moment, "fileModifiedAt": moment})
    assert answer.status == 201


def test_a_date_without_time_is_for_2x(server: Target) -> None:
    answer = server.upload(extra={"fileCreatedAt": "2020-01-02"})
    assert answer.status == (201 if server.major < 3 else 400)


@pytest.mark.parametrize("moment", ["", "yesterday", "1577934245"])
def test_dates_no_version_takes(server: Target, moment: str) -> None:
    answer = server.upload(extra={"fileCreatedAt": moment})
    assert answer.status == 400
    assert "fileCreatedAt" in answer.message


def test_the_earlier_date_is_kept_where_there_is_no_exif(server: Target) -> None:
    """By a job, so a moment later: an asset is `settled` once that is so."""
    asset = server.settled_asset()
    shown = server.call("GET", f"/assets/{asset}").json
    assert shown["fileCreatedAt"] == shown["fileModifiedAt"] == "2020-01-02T03:04:05.000Z"


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [("0:00:01.500", 201, 400), ("1500", 201, 201), ("-1", 201, 400), ("garbage", 201, 400)],
)
def test_a_duration_is_text_or_milliseconds(server: Target, text: str, old: int, new: int) -> None:
    answer = server.upload(name="a.mp4", extra={"duration": text})
    assert answer.status == (old if server.major < 3 else new)


@pytest.mark.parametrize("text", ["not json", '[{"key":"a","value":1}]'])
def test_metadata_is_a_list_of_objects(server: Target, text: str) -> None:
    server.need(1, 140)
    answer = server.upload(extra={"metadata": text})
    assert answer.status == 400
    assert "metadata" in answer.message


@pytest.mark.parametrize("name", ["../../evil.jpg", "a\nb.jpg", 'say "hi".jpg', "/abs/a.jpg"])
def test_the_filename_field_keeps_everything(server: Target, name: str) -> None:
    server.need(1, 135)
    asset = server.new_asset(extra={"filename": name})
    assert server.call("GET", f"/assets/{asset}").json["originalFileName"] == name


def test_the_filename_field_after_a_sidecar_is_fine(server: Target) -> None:
    parts = [
        *dated(),
        ("assetData", "a.jpg", photo()),
        ("sidecarData", "a.xmp", b"<x/>"),
        ("filename", None, b"other.jpg"),
    ]
    answer = server.post_form(parts)
    assert answer.status == 201
    shown = server.call("GET", f"/assets/{answer.json['id']}").json
    assert shown["originalFileName"] == ("other.jpg" if server.since(1, 135) else "a.jpg")


def test_a_sidecar_must_be_named_xmp(server: Target) -> None:
    parts = [*dated(), ("assetData", "a.jpg", photo()), ("sidecarData", "a.txt", b"<x/>")]
    answer = server.post_form(parts)
    assert answer.status == 400
    assert "a.txt" in answer.message


def test_visibility_and_favourite_are_kept(server: Target) -> None:
    fields = {**server.put_away("archive", form=True), "isFavorite": "true"}
    asset = server.new_asset(extra=fields)
    shown = server.call("GET", f"/assets/{asset}").json
    assert (shown["isArchived"], shown["isFavorite"]) == (True, True)
    assert server.visibility(asset) == "archive"
    if server.since(1, 133):
        assert server.upload(extra={"visibility": "nowhere"}).status == 400
    else:
        assert server.upload(extra={"visibility": "nowhere"}).status == 201
        assert server.upload(extra={"isArchived": "maybe"}).status == 400


def test_a_live_photo_hides_its_video(server: Target) -> None:
    video = server.new_asset(name="a.mov")
    still = server.new_asset(name="a.heic", extra={"livePhotoVideoId": video})
    assert server.call("GET", f"/assets/{still}").json["livePhotoVideoId"] == video
    if server.since(1, 133):
        server.until(lambda: server.visibility(video) == "hidden")
    else:
        query = {"id": video, "isVisible": False}
        found = server.call("POST", "/search/metadata", query).json["assets"]["items"]
        assert [asset["id"] for asset in found] == [video]


def test_what_is_no_live_video(server: Target) -> None:
    picture = server.new_asset()
    nobody = "11111111-1111-4111-8111-111111111111"
    for value, text in [
        (nobody, "Live photo video not found"),
        (picture, "Live photo video must be a video"),
        ("junk", "UUID"),
    ]:
        answer = server.upload(extra={"livePhotoVideoId": value})
        assert answer.status == 400
        assert text in answer.message


def test_a_check_body_over_ten_megabytes_is_a_500(server: Target) -> None:
    item = {"id": "x" * 11_000_000, "checksum": "0" * 40}
    answer = server.call("POST", "/assets/bulk-upload-check", {"assets": [item]})
    assert answer.status == 500


def test_an_empty_checksum_is_for_3x(server: Target) -> None:
    body = {"assets": [{"id": "a", "checksum": ""}]}
    answer = server.call("POST", "/assets/bulk-upload-check", body)
    assert answer.status == (400 if server.major < 3 else 200)

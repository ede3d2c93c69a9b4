"""`GET /assets/{id}/original`: bytes, ranges and validators."""

from __future__ import annotations

import pytest

from tests.contract.target import Target, photo, sha1_hex

NOBODY = "11111111-1111-4111-8111-111111111111"
CONTENT = photo(50_000)


@pytest.fixture(scope="module")
def path(server: Target) -> str:
    return f"/assets/{server.new_asset(CONTENT, name='Ä file.JPG')}/original"


def test_the_original_comes_back_whole(server: Target, path: str) -> None:
    whole = server.call("GET", path)
    assert sha1_hex(whole.body) == sha1_hex(CONTENT)
    headers = whole.headers
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["etag"].startswith(f'W/"{len(CONTENT):x}-')
    assert headers["content-type"] == "image/jpeg"
    assert headers["content-disposition"] == "inline; filename*=UTF-8''%C3%84%20file.JPG"
    assert headers["last-modified"] == "Thu, 02 Jan 2020 03:04:05 GMT", "the date sent"
    assert "no-transform" in headers["cache-control"]
    assert "content-encoding" not in headers


def test_head(server: Target, path: str) -> None:
    answer = server.call("HEAD", path)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, 50_004),
        ("bytes=-50", 49_954, 50_004),
        ("bytes=50000-99999", 50_000, 50_004),
    ],
)
def test_ranges(server: Target, path: str, asked: str, start: int, end: int) -> None:
    answer = server.call("GET", path, headers={"Range": asked})
    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=0-1"])
def test_several_ranges_or_another_unit_are_the_whole_file(
    server: Target, path: str, asked: str
) -> None:
    answer = server.call("GET", path, headers={"Range": asked})
    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize("asked", [f"bytes={len(CONTENT)}-", "bytes=99999999-"])
def test_a_range_past_the_end_is_never_416(server: Target, path: str, asked: str) -> None:
    answer = server.call("GET", path, headers={"Range": asked})
    assert answer.status == (500 if server.major < 3 else 404)
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_if_range(server: Target, path: str) -> None:
    headers = server.call("HEAD", path).headers
    for current in (headers["etag"], headers["last-modified"]):
        sent = {"Range": "bytes=100-", "If-Range": current}
        assert server.call("GET", path, headers=sent).status == 206
    for stale in ('W/"1-1"', "Wed, 01 Jan 2014 00:00:00 GMT"):
        sent = {"Range": "bytes=100-", "If-Range": stale}
        answer = server.call("GET", path, headers=sent)
        assert (answer.status, answer.body) == (200, CONTENT)


def test_validators(server: Target, path: str) -> None:
    headers = server.call("HEAD", path).headers
    same = server.call("GET", path, headers={"If-None-Match": headers["etag"]})
    assert (same.status, same.body) == (304, b"")
    since = server.call("GET", path, headers={"If-Modified-Since": headers["last-modified"]})
    assert since.status == 304
    stale = server.call("GET", path, headers={"If-Match": '"other"'})
    assert stale.status == (500 if server.major < 3 else 404)


def test_an_unknown_asset(server: Target) -> None:
    answer = server.call("GET", f"/assets/{NOBODY}/original")
    if server.major < 3:
        assert answer.status == 400
        assert answer.message == "Not found or no asset.download access"
    else:
        assert (answer.status, answer.json) == (404, {"message": "Not Found"})


def test_a_share_key_that_is_none(server: Target, path: str) -> None:
    answer = server.call("GET", f"{path}?key=bogus")
    assert (answer.status, answer.message) == (401, "Invalid share key")

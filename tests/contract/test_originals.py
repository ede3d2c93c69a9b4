"""`GET /assets/{id}/original`: bytes, ranges and validators."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.contract.target import Answer, Target, photo, sha1_hex
from tests.sandbox_fixture import VERSIONS, SandboxProcess

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
    named = "inline; filename*=UTF-8''%C3%84%20file.JPG" if server.since(1, 136) else None
    assert headers.get("content-disposition") == named
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
        ("bytes=100-", 100, 50_000),
        ("bytes=-50", 49_950, 50_000),
        ("bytes=49900-99999", 49_900, 50_000),
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


# what only the sandbox can be made to do


@pytest.fixture(scope="module", params=VERSIONS)
def box(request: pytest.FixtureRequest, sandboxes: Callable[[str], SandboxProcess]) -> Box:
    process = sandboxes(request.param)
    told = process.control("users", {"name": "originals"})
    return Box(process, Target(process.url, told["key"]), told["id"])


class Box(NamedTuple):
    """A sandbox, by its control routes and by its API."""

    control: SandboxProcess
    there: Target
    user: str

    def seed(self, **options: Any) -> list[str]:
        ids: list[str] = self.control.control("seed", {"user": self.user, **options})["ids"]
        return ids

    def original(self, asset: str, **headers: str) -> Answer:
        return self.there.call("GET", f"/assets/{asset}/original", headers=headers)

    def checksum(self, asset: str) -> str:
        text = self.there.call("GET", f"/assets/{asset}").json["checksum"]
        return base64.b64decode(text).hex()


@pytest.mark.parametrize("size", [50_000, 3_000_000])
def test_files_of_any_size_come_whole_and_in_parts(box: Box, size: int) -> None:
    """Small ones go out in one write, large ones by the kernel; nothing of that shows."""
    (asset,) = box.seed(assets=1, bytes=size)
    whole = box.original(asset)
    assert (whole.headers["content-length"], sha1_hex(whole.body)) == (
        str(size),
        box.checksum(asset),
    )
    for asked, start, end in (("bytes=7-", 7, size), ("bytes=-9", size - 9, size)):
        part = box.original(asset, Range=asked)
        assert (part.status, part.body) == (206, whole.body[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        names = whole.headers.keys() | {"content-range"}
        assert part.headers.keys() == names


def test_an_empty_file(box: Box) -> None:
    asset = box.there.new_asset(b"", name="empty.jpg")
    answer = box.original(asset)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


def test_names_that_lead_outside_are_told_as_they_are(box: Box) -> None:
    names = ["../../evil.jpg", "/abs.jpg", "C:\\x.jpg", "CON.jpg", "nul\0.jpg", "two\nlines.jpg"]
    for asset, name in zip(box.seed(names=names, bytes=500), names, strict=True):
        told = box.there.call("GET", f"/assets/{asset}").json
        assert (told["originalFileName"], told["originalMimeType"]) == (name, "image/jpeg")
        answer = box.original(asset)
        assert len(answer.body) == 500
        assert "/" not in answer.headers.get("content-disposition", "")
    box.control.control("edit", {"ids": [asset], "name": "new\\name"})
    assert box.there.call("GET", f"/assets/{asset}").json["originalFileName"] == "new\\name"
    assert box.original(asset).headers["content-type"] == "application/octet-stream"


def test_a_file_lost_on_the_disk_is_told_from_one_that_is_gone(box: Box) -> None:
    lost, gone = box.seed(names=["lost.jpg", "gone.jpg"], bytes=500)
    box.control.faults("original:name=lost.jpg=missing", "original:name=gone.jpg=gone")
    old = box.there.major < 3
    for _ in range(2):
        assert box.original(lost).status == (500 if old else 404)
        assert box.there.call("HEAD", f"/assets/{lost}/original").status == (500 if old else 404)
        assert box.there.call("GET", f"/assets/{lost}").status == 200
        assert box.original(gone).status == (400 if old else 404)
        assert box.there.call("GET", f"/assets/{gone}").status == 400
    box.control.faults()
    assert len(box.original(lost).body) == 500


def test_faults_find_one_file_by_its_name(box: Box) -> None:
    bad, good = box.seed(names=["bad.jpg", "good.jpg"], bytes=5000)
    content = box.original(bad).body
    etag = box.original(bad).headers["etag"]

    def spoiled(fault: str, **headers: str) -> Answer:
        box.control.faults(f"original:name=bad.jpg={fault}")
        assert sha1_hex(box.original(good).body) == box.checksum(good)
        return box.original(bad, **headers)

    rotten = spoiled("corrupt").body
    assert len(rotten) == len(content)
    assert rotten != content
    assert spoiled("short,by=10").body == content[:-10]
    assert spoiled("truncated").body == content[:2500]
    assert spoiled("no-range", Range="bytes=5-").status == 200
    moved = spoiled("other-range,by=3", Range="bytes=5-")
    assert (moved.status, moved.body) == (206, content[8:])
    assert moved.headers["content-range"] == "bytes 8-4999/5000"
    chunked = spoiled("chunked")
    assert ("content-length" in chunked.headers, chunked.body) == (False, content)
    assert spoiled("etag", Range="bytes=5-", **{"If-Range": etag}).status == 200
    assert (spoiled("500").status, spoiled("503,retry-after=1").status) == (500, 503)
    with pytest.raises(http.client.IncompleteRead):
        spoiled("cut,at=100")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        spoiled("hang,at=100,seconds=0.1")


def test_a_client_that_leaves_costs_nobody_else(box: Box) -> None:
    (asset,) = box.seed(assets=1, bytes=20_000_000)
    connection, prefix = box.there.open()
    connection.request(
        "GET", f"{prefix}/assets/{asset}/original", headers={"x-api-key": box.there.key}
    )
    assert connection.getresponse().read(1000)
    connection.close()
    assert sha1_hex(box.original(asset).body) == box.checksum(asset)


def test_an_asset_of_a_library_has_no_checksum_of_its_bytes(box: Box) -> None:
    (asset,) = box.seed(assets=1, bytes=500, edit={"library": "Disk"})
    told = box.there.call("GET", f"/assets/{asset}").json
    assert told["libraryId"]
    body = box.original(asset).body
    assert box.checksum(asset) != sha1_hex(body)
    assert box.checksum(asset) == sha1_hex(f"path:{told['originalPath']}".encode())
    assert box.there.check(sha1_hex(body))[0]["action"] == "accept"

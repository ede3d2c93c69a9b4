"""What only the sandbox has: faults in action, control routes, storage that survives."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.contract.target import Target, photo, sha1_hex
from tests.sandbox_fixture import SandboxProcess

GONE = (ConnectionError, http.client.HTTPException, TimeoutError)
"""What a client sees of a connection that was cut."""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    box = SandboxProcess(tmp_path_factory.mktemp("server"), version="3.0")
    yield box
    box.stop()


@pytest.fixture
def box(process: SandboxProcess) -> Iterator[SandboxProcess]:
    process.reset_stats()
    yield process
    process.faults()


@pytest.fixture
def there(box: SandboxProcess) -> Target:
    return Target(box.url, box.key)


def statuses(call: Callable[[], Any], count: int) -> list[int | str]:
    """The status of each of so many calls, or `cut`."""
    seen: list[int | str] = []
    for _ in range(count):
        try:
            seen.append(call().status)
        except GONE:
            seen.append("cut")
    return seen


# faults on uploads


def test_faults_take_turns(box: SandboxProcess, there: Target) -> None:
    box.faults("upload:every2=502|503,retry-after=1|reset|lost")
    assert statuses(there.upload, 8) == [201, 502, 201, 503, 201, "cut", 201, "cut"]
    assert box.stats()["routes"]["upload"] == 8
    assert len(box.assets()) >= 5, "the lost answer was stored"


def test_a_lost_answer_is_of_an_asset_that_is_there(box: SandboxProcess, there: Target) -> None:
    box.faults("upload:1=lost")
    content = photo()
    with pytest.raises(GONE):
        there.upload(content)
    assert there.upload(content).json["status"] == "duplicate"


def test_a_body_cut_in_the_middle_leaves_nothing(box: SandboxProcess, there: Target) -> None:
    files = sum(len(files) for _, _, files in os.walk(box.data / "upload"))
    box.faults("upload:1=reset,at=200000")
    with pytest.raises(GONE):
        there.upload(photo(3_000_000))
    box.wait_until(lambda stats: stats["in_flight"] == 0)
    assert sum(len(files) for _, _, files in os.walk(box.data / "upload")) == files


def test_a_limit_answers_before_the_body(box: SandboxProcess, there: Target) -> None:
    box.faults("upload:size>100000=413")
    assert there.upload(photo(1000)).status == 201
    assert there.upload(photo(200_000)).status == 413
    assert box.stats()["upload_bodies"] == 1


def test_one_name_is_poison(box: SandboxProcess, there: Target) -> None:
    box.faults("upload:name=bad.jpg=500")
    assert there.upload(name="good.jpg").status == 201
    poisoned = there.upload(name="bad.jpg")
    assert (poisoned.status, poisoned.json) == (500, {"message": "Internal server error"})


def test_a_slow_read_keeps_its_rate(box: SandboxProcess, there: Target) -> None:
    box.faults("upload:1=slow,rate=2000000")
    began = time.monotonic()
    assert there.upload(photo(1_000_000)).status == 201
    assert time.monotonic() - began >= 0.45


def test_a_stall_ends_in_a_cut(box: SandboxProcess, there: Target) -> None:
    box.faults("upload:1=stall,at=1000,seconds=0.2")
    with pytest.raises(GONE):
        there.upload(photo(500_000))


def test_pages_instead_of_json(box: SandboxProcess, there: Target) -> None:
    box.faults(
        "ping:1=html", "check:1=503,json,retry-after=7", "me:1=redirect,to=http://x/,status=301"
    )
    page = there.call("GET", "/server/ping")
    assert (page.status, page.headers["content-type"][:9]) == (200, "text/html")
    busy = there.call("POST", "/assets/bulk-upload-check", {"assets": []})
    assert (busy.status, busy.headers["retry-after"], busy.json) == (503, "7", {"message": "fault"})
    moved = there.call("GET", "/users/me")
    assert (moved.status, moved.headers["location"]) == (301, "http://x/")


def test_half_an_answer(box: SandboxProcess, there: Target) -> None:
    box.faults("me:1=truncated", "me:*=cut,at=10")
    with pytest.raises(ValueError, match=r"Unterminated|delimiter|Expecting"):
        _ = there.call("GET", "/users/me").json
    with pytest.raises(http.client.IncompleteRead) as cut:
        there.call("GET", "/users/me")
    assert len(cut.value.partial) == 10


def test_an_answer_that_hangs_or_comes_late(box: SandboxProcess, there: Target) -> None:
    box.faults("me:1=hang,at=5,seconds=0.2", "me:*=delay,seconds=0.2")
    began = time.monotonic()
    with pytest.raises(GONE):
        there.call("GET", "/users/me")
    assert there.call("GET", "/users/me").status == 200
    assert time.monotonic() - began >= 0.4


# faults on downloads


def test_downloads_go_wrong(box: SandboxProcess, there: Target) -> None:
    content = photo(310_000)
    path = f"/assets/{there.new_asset(content)}/original"
    etag = there.call("HEAD", path).headers["etag"]

    def get(**headers: str) -> Any:
        return there.call("GET", path, headers=headers)

    box.faults("original:1=corrupt")
    rotten = get().body
    assert (len(rotten), sha1_hex(rotten) == sha1_hex(content)) == (len(content), False)
    box.faults("original:1=short,by=7")
    assert get().body == content[:-7]
    box.faults("original:1=no-range")
    whole = get(Range="bytes=10-")
    assert (whole.status, whole.body) == (200, content)
    box.faults("original:1=etag")
    other = get(**{"Range": "bytes=10-", "If-Range": etag})
    assert (other.status, other.headers["etag"] == etag) == (200, False)
    box.faults("original:1=cut,at=1000")
    with pytest.raises(http.client.IncompleteRead) as cut:
        get()
    assert cut.value.partial == content[:1000]
    box.faults("original:1=slow,rate=1000000")
    began = time.monotonic()
    assert get().body == content
    assert time.monotonic() - began >= 0.25


def test_files_rot_and_vanish(box: SandboxProcess, there: Target) -> None:
    content = photo()
    asset = there.new_asset(content)
    box.control("corrupt", {"id": asset})
    assert there.call("GET", f"/assets/{asset}/original").body != content
    box.control("lose", {"id": asset})
    assert there.call("GET", f"/assets/{asset}/original").status == 404
    assert there.call("GET", f"/assets/{asset}").status == 200


def test_a_page_fails(box: SandboxProcess, there: Target) -> None:
    box.faults("search:2=500,json")
    assert [there.call("POST", "/search/metadata", {"page": n}).status for n in (1, 2, 2)] == [
        200,
        500,
        200,
    ]


# the server as a whole


def refused(box: SandboxProcess) -> bool:
    try:
        urllib.request.urlopen(f"{box.url}/api/server/ping", timeout=5).close()
    except (urllib.error.URLError, *GONE):
        return True
    return False


def test_away_and_back_on_the_same_port(box: SandboxProcess, there: Target) -> None:
    began = time.monotonic()
    box.away(0.5)
    assert refused(box)
    box.wait_until(lambda stats: True)
    assert time.monotonic() - began >= 0.5
    assert there.upload().status == 201


def test_away_from_a_rule(box: SandboxProcess, there: Target) -> None:
    box.faults("upload:2=away,0.3s")
    there.upload()
    statuses(there.upload, 1)
    box.wait_until(lambda stats: True)
    try:
        box.faults("server=away,0.3s")
    except GONE:
        pytest.fail("the answer of the rule itself comes")
    assert refused(box)
    box.wait_until(lambda stats: True)


def test_maintenance_leaves_three_routes(box: SandboxProcess, there: Target) -> None:
    box.maintenance(True)
    try:
        assert there.call("GET", "/server/ping").status == 200
        assert there.call("GET", "/server/config").json["maintenanceMode"] is True
        answer = there.upload()
        assert (answer.status, answer.json) == (404, {"message": "Cannot POST /api/assets"})
    finally:
        box.maintenance(False)
    assert there.upload().status == 201


def test_a_bad_rule_is_told(box: SandboxProcess, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such route"):
        box.faults("nowhere:*=502")


# users, keys, quota


def test_a_quota_counts_also_against_duplicates(box: SandboxProcess) -> None:
    other = Target(box.url, box.new_user("small", quota=3000))
    content = photo(2000)
    assert other.upload(content).status == 201
    full = other.upload(photo(2000))
    assert (full.status, full.message) == (400, "Quota has been exceeded!")
    assert other.upload(content).message == "Quota has been exceeded!"
    with_header = other.upload(content, headers={"x-immich-checksum": sha1_hex(content)})
    assert with_header.json["status"] == "duplicate"


def test_users_do_not_see_each_other(box: SandboxProcess, there: Target) -> None:
    other = Target(box.url, box.new_user("other"))
    content = photo()
    mine = there.new_asset(content)
    assert other.upload(content).status == 201, "a checksum is unique per owner"
    assert other.call("GET", f"/assets/{mine}").status == 400
    assert other.call("GET", f"/assets/{mine}/original").status == 404
    refused = other.call("GET", "/queues")
    assert (refused.status, refused.message) == (403, "Forbidden")


def test_equal_dates_repeat_and_go_missing(box: SandboxProcess) -> None:
    told = box.control("users", {"name": "many"})
    box.control("seed", {"assets": 2500, "user": told["id"], "equal_dates": 700})
    many = Target(box.url, told["key"])
    ids: list[str] = []
    page: str | None = "1"
    while page is not None:
        body = {"size": 1000, "page": int(page)}
        found = many.call("POST", "/search/metadata", body).json["assets"]
        ids += [asset["id"] for asset in found["items"]]
        page = found["nextPage"]
    assert len(ids) == 2500, "every page is full"
    assert 2300 < len(set(ids)) < 2500
    body = {"userId": told["id"], "archiveSize": 1}
    archives = many.call("POST", "/download/info", body).json["archives"]
    assert len({i for archive in archives for i in archive["assetIds"]}) == 2500


def test_an_external_library(box: SandboxProcess, there: Target, tmp_path: Path) -> None:
    content = photo()
    (tmp_path / "a.jpg").write_bytes(content)
    (tmp_path / "notes.txt").write_bytes(content)
    me = there.call("GET", "/users/me").json["id"]
    body = {"ownerId": me, "name": "Disk", "importPaths": [str(tmp_path)]}
    library = there.call("POST", "/libraries", body).json["id"]
    path = f"/libraries/{library}"
    checked = there.call("POST", f"{path}/validate", {"importPaths": [str(tmp_path)]}).json
    assert checked["importPaths"][0]["isValid"] is True
    assert there.call("POST", f"{path}/scan").status == 204
    there.until(lambda: there.call("GET", f"{path}/statistics").json["total"] == 1)
    (asset,) = [a for a in box.assets() if a["library"] == library]
    place = f"path:{tmp_path / 'a.jpg'}".encode()
    assert asset["checksum"] == hashlib.sha1(place, usedforsecurity=False).hexdigest()
    assert there.check(sha1_hex(content))[0]["action"] == "accept", "not matched by content"
    assert there.call("GET", f"/assets/{asset['id']}/original").body == content
    (tmp_path / "a.jpg").unlink()
    there.call("POST", f"{path}/scan")
    there.until(lambda: there.call("GET", f"/assets/{asset['id']}").json["isOffline"])
    there.call("DELETE", path)


# storage


def test_everything_is_there_after_a_kill(tmp_path: Path) -> None:
    box = SandboxProcess(tmp_path / "server")
    try:
        there = Target(box.url, box.key)
        content = photo(200_000)
        asset = there.new_asset(content)
        album = there.new_album(assetIds=[asset])["id"]
        tag = there.new_tag("a/b")["id"]
        there.call("PUT", f"/tags/{tag}/assets", {"ids": [asset]})
        state = box.state()
        box.kill()
        box.start()
        assert box.state() == state
        assert there.call("GET", f"/assets/{asset}/original").body == content
        assert there.call("GET", f"/albums/{album}").json["assetCount"] == 1
        assert there.upload(content).json == {"id": asset, "status": "duplicate"}
    finally:
        box.stop()


def test_many_connections_at_once(box: SandboxProcess, there: Target) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: there.upload(), range(100)))
    assert {answer.status for answer in answers} == {201}
    stats = box.stats()
    assert stats["upload_bodies"] == 100
    assert stats["connections"] >= 100
    assert stats["peak_in_flight"] >= 1

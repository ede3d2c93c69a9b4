"""A server, a line and files that misbehave: nothing is lost, doubled, or told wrongly."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.support import Bench, Result, Server, Stub, photo, sha1, until

BOTH = pytest.mark.parametrize("server", ["2.7", "3.0"], indirect=True)


def contents(bench: Bench) -> set[str]:
    """What lies on disk now."""
    return {sha1(path.read_bytes()) for path in bench.photos.rglob("*") if path.is_file()}


def each_once(bench: Bench, server: Server) -> None:
    assert server.held() == dict.fromkeys(contents(bench), 1)


def told_true(result: Result, server: Server) -> None:
    """Nothing is reported as there that is not."""
    for item in (*result.items("uploaded"), *result.items("duplicate")):
        assert item["sha1"] in server.held(), item


# the check


@BOTH
def test_the_check_fails_three_times(bench: Bench, server: Server) -> None:
    bench.make(5)
    server.break_check(times=3)
    result = bench.upload()
    assert result.outcomes == {"uploaded": 5}
    assert result.summary["retries"] >= 3
    each_once(bench, server)


def test_the_last_check_fails_for_ever(bench: Bench, server: Server) -> None:
    """Sent but not verified: 5, and never called verified."""
    bench.make(4)
    server.break_check(after=1)
    result = bench.upload("--retries", "2", "--wait", "0s", code=5)
    assert result.summary["verified"] == 0
    told_true(result, server)
    server.clear_faults()
    assert bench.upload().outcomes == {"duplicate": 4}
    assert server.bodies() == 4


# the server is away


def test_the_server_dies_and_wait_is_zero(bench: Bench, server: Server) -> None:
    bench.make(30, size=40_000)
    running = bench.start("upload", "photos", "--bwlimit", "400K", "--wait", "0s")
    until(lambda: len(server.held()) >= 3, running)
    server.away(600)
    result = running.finish()
    assert result.code == 5, result.told()
    assert "failed" not in result.outcomes
    assert result.outcomes["pending"] > 0
    server.clear_faults()
    assert bench.upload().summary["exit_code"] == 0
    each_once(bench, server)


@BOTH
def test_maintenance_in_the_middle(bench: Bench, server: Server) -> None:
    bench.make(30, size=40_000)
    running = bench.start("upload", "photos", "--bwlimit", "600K")
    until(lambda: len(server.held()) >= 3, running)
    server.maintenance(True)
    running.until_said("maintenance", where="err")
    server.maintenance(False)
    result = running.finish()
    assert result.code == 0, result.told()
    assert result.outcomes == {"uploaded": 30}
    each_once(bench, server)


def test_ctrl_c_while_the_server_is_away(bench: Bench, server: Server) -> None:
    bench.make(20, size=40_000)
    running = bench.start("upload", "photos", "--bwlimit", "400K")
    until(lambda: len(server.held()) >= 2, running)
    server.away(600)
    running.until_said("away", where="err")
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130, result.told()
    assert "failed" not in result.outcomes
    server.clear_faults()
    bench.upload()
    each_once(bench, server)


# one upload in five


@BOTH
def test_every_fifth_upload_fails_in_turn(bench: Bench, server: Server) -> None:
    bench.make(60)
    server.break_every_fifth_upload()
    result = bench.upload("--album", "A")
    assert result.outcomes == {"uploaded": 60}, result.outcomes
    assert result.summary["verified"] == 60
    assert result.summary["retries"] >= 8
    each_once(bench, server)
    assert server.albums() == {"A": [contents(bench)]}


def test_a_lost_answer_is_counted_once_and_fills_the_album(bench: Bench, server: Server) -> None:
    bench.make(3)
    server.lose_answers(times=3)
    result = bench.upload("--album", "A")
    assert result.outcomes == {"uploaded": 3}
    each_once(bench, server)
    assert server.albums() == {"A": [contents(bench)]}


def test_bodies_cut_in_the_middle(bench: Bench, server: Server) -> None:
    bench.make(2)
    bench.write("large.mp4", photo("large", 1_500_000))
    server.cut_bodies(at=1000, times=3)
    assert bench.upload().outcomes == {"uploaded": 3}
    each_once(bench, server)


def test_one_poisoned_file(bench: Bench, server: Server) -> None:
    bench.make(10)
    bench.write("poison.jpg", photo("poison"))
    server.poison("poison.jpg")
    result = bench.upload("--retries", "2", code=3)
    assert result.outcomes == {"uploaded": 10, "failed": 1}
    assert result.summary["verified"] == 10
    (failed,) = result.items("failed")
    assert failed["path"] == "photos/poison.jpg"
    assert "500" in failed["error"]
    status = bench.start("status", json=False).finish()
    assert "poison.jpg" in status.stdout
    server.clear_faults()
    assert bench.run("resume").outcomes == {"uploaded": 1, "duplicate": 10}


def test_a_twin_goes_when_its_first_carrier_fails(bench: Bench, server: Server) -> None:
    """The same bytes under two names, one of which the server cannot take."""
    bench.write("a-poison.jpg", photo("twin"))
    bench.write("b-fine.jpg", photo("twin"))
    server.poison("a-poison.jpg")
    result = bench.upload("--retries", "1", "--album-from", "folder", code=None)
    assert sha1(photo("twin")) in server.held()
    assert result.item("b-fine.jpg")["outcome"] in ("uploaded", "duplicate")
    each_once(bench, server)


@BOTH
def test_a_proxy_that_refuses_large_bodies_early(bench: Bench, server: Server) -> None:
    bench.make(6)
    large = {"one.mp4": photo(1, 1_200_000), "two.mp4": photo(2, 3_000_000)}
    for name, content in large.items():
        bench.write(name, content)
    server.refuse_bodies_over(600_000)
    result = bench.upload(code=3)
    assert result.outcomes == {"uploaded": 6, "failed": 2}
    for name in large:
        item = result.item(name)
        assert item["error"].startswith("413")
        assert "proxy" in item["hint"]
    assert result.summary["retries"] == 0, "413 is not repeated"


def test_max_errors(bench: Bench, server: Server) -> None:
    bench.make(20)
    server.poison()
    result = bench.upload("--max-errors", "3", "--retries", "1", "--transfers", "1", code=8)
    assert result.outcomes["failed"] >= 3
    assert result.outcomes["pending"] > 0


def test_everything_fails_for_the_servers_reasons(bench: Bench, server: Server) -> None:
    bench.make(3)
    server.poison()
    result = bench.upload("--retries", "1", code=None)
    assert result.code in (3, 5)
    assert result.outcomes == {"failed": 3}


def test_a_stalled_transfer_is_tried_again(bench: Bench, server: Server) -> None:
    bench.make(3)
    bench.write("large.mp4", photo("large", 3_000_000))
    server.stall_uploads(times=2)
    result = bench.upload("--timeout-idle", "1s")
    assert result.outcomes == {"uploaded": 4}
    assert result.summary["retries"] >= 1
    assert result.summary["seconds"] >= 1
    each_once(bench, server)


# the key, the account and the address


def test_a_wrong_key(bench: Bench, server: Server) -> None:
    bench.make(1)
    bench.key = "0123456789abcdef-wrong-key"
    result = bench.upload(code=12)
    assert "key" in result.error["message"].lower()
    assert len(result.stderr.strip().splitlines()) <= 2, result.stderr


def test_no_key(bench: Bench, server: Server) -> None:
    bench.make(1)
    result = bench.upload(code=12, env={"IMMICH_API_KEY": ""})
    assert "key" in result.error["message"].lower()


@BOTH
def test_a_missing_permission_is_named_before_the_first_body(bench: Bench, server: Server) -> None:
    bench.make(1)
    bench.key = server.new_key(["asset.read", "user.read"])
    result = bench.upload(code=12)
    assert "asset.upload" in result.error["message"]
    bench.key = server.new_key(["asset.upload"])
    tagged = bench.upload("--tag", "a", code=12)
    assert "tag.create" in tagged.error["message"]
    assert "tag.asset" in tagged.error["message"]
    assert server.bodies() == 0


def test_a_key_revoked_in_the_middle(bench: Bench, server: Server) -> None:
    bench.make(30, size=40_000)
    running = bench.start("upload", "photos", "--bwlimit", "600K")
    until(lambda: len(server.held()) >= 3, running)
    server.refuse_key()
    result = running.finish()
    assert result.code == 12, result.told()
    assert result.outcomes["pending"] > 0
    told_true(result, server)
    server.clear_faults()
    bench.upload()
    each_once(bench, server)


@BOTH
def test_the_quota(bench: Bench, server: Server) -> None:
    bench.make(20, size=10_000)
    bench.key = server.new_user(quota=100_000)
    result = bench.upload("--transfers", "1", code=7)
    assert "quota" in result.summary["message"]
    assert result.outcomes["uploaded"] > 0
    assert result.outcomes["pending"] > 0
    assert result.summary["discovered"] == 20


def test_a_web_page_instead_of_json(bench: Bench, server: Server) -> None:
    bench.make(1)
    with Stub(lambda path: (200, {"Content-Type": "text/html"}, b"<!doctype html><p>hi")) as stub:
        result = bench.upload("--url", stub.url, code=2)
        assert stub.url in result.error["message"]
        assert not stub.saw(bench.key)


def test_a_redirect_to_another_origin_is_named_and_not_followed(
    bench: Bench, server: Server
) -> None:
    bench.make(1)
    with Stub(lambda path: (200, {}, b"{}")) as other:

        def answer(path: str) -> tuple[int, dict[str, str], bytes]:
            return 301, {"Location": other.url + path}, b""

        with Stub(answer) as first:
            result = bench.upload("--url", first.url, code=2)
            assert first.url in result.error["message"]
            assert other.url in result.error["message"]
            assert not first.saw(bench.key)
        assert other.requests == []


def test_json_that_is_not_immich(bench: Bench, server: Server) -> None:
    bench.make(1)
    with Stub(lambda path: (404, {"Content-Type": "application/json"}, b'{"error":1}')) as stub:
        bench.upload("--url", stub.url, code=2)
        assert not stub.saw(bench.key)


# files that change


def test_a_file_that_changes_while_it_is_sent(bench: Bench, server: Server) -> None:
    path = bench.write("film.mp4", photo("before", 4_000_000))
    old = sha1(path.read_bytes())
    server.slow_reads(1_500_000)
    running = bench.start("upload", "photos", "--album", "A")
    until(lambda: server.in_flight() > 0, running)
    path.write_bytes(photo("after", 4_000_000))
    server.clear_faults()
    result = running.finish()
    told_true(result, server)
    item = result.item("film.mp4")
    new = sha1(path.read_bytes())
    if result.code == 0:
        assert item["sha1"] == new
    else:
        assert (result.code, item["outcome"]) == (3, "failed")
    assert item["sha1"] != old or item["outcome"] == "failed"

    again = bench.upload("--album", "A")
    assert again.item("film.mp4")["sha1"] == new
    assert server.held()[new] == 1
    assert new in server.albums()["A"][0]
    assert bench.upload().summary["bytes_hashed"] == 0


def test_files_that_change_between_hash_and_send(bench: Bench, server: Server) -> None:
    """One transfer at a time: while the first goes out slowly, the hashed rest changes."""
    names = [f"{n}.mp4" for n in range(4)] + [f"{n}.jpg" for n in range(4)]
    for name in names:
        bench.write(name, photo(name, 900_000 if name.endswith("mp4") else 5_000))
    server.slow_reads(600_000)
    running = bench.start("upload", "photos", "--transfers", "1")
    until(lambda: server.in_flight() > 0, running)
    for name in names:
        bench.write(name, photo(f"{name} edited", 900_000 if name.endswith("mp4") else 5_000))
    server.clear_faults()
    result = running.finish()
    assert result.code in (0, 3), result.told()
    told_true(result, server)
    again = bench.upload()
    told_true(again, server)
    assert contents(bench) <= set(server.held())
    assert {line["sha1"] for line in again.items()} == contents(bench)


def test_a_stale_checksum_is_never_taken_for_a_duplicate(bench: Bench, server: Server) -> None:
    """The server has the old content; its early `duplicate` must not stand for the new one."""
    path = bench.write("film.mp4", photo("first", 900_000))
    bench.upload()
    times = path.stat()
    bench.write("film.mp4", photo("second", 900_000))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    result = bench.upload()
    assert result.outcomes == {"uploaded": 1}
    assert sha1(path.read_bytes()) in server.held()


def test_a_file_that_vanishes_ends_nothing(bench: Bench, server: Server) -> None:
    for name in range(4):
        bench.write(f"{name}.mp4", photo(name, 900_000))
    server.slow_reads(600_000)
    running = bench.start("upload", "photos", "--transfers", "1")
    until(lambda: server.in_flight() > 0, running)
    (bench.photos / "3.mp4").unlink()
    (bench.photos / "2.mp4").unlink()
    server.clear_faults()
    result = running.finish()
    assert result.code in (0, 3), result.told()
    assert result.summary["discovered"] == 4
    told_true(result, server)
    assert contents(bench) <= set(server.held())


def test_delete_source_keeps_a_file_that_changed_meanwhile(bench: Bench, server: Server) -> None:
    path = bench.write("small.jpg", photo("small", 100_000))
    server.slow_reads(50_000)
    running = bench.start("upload", "photos", "--delete-source")
    until(lambda: server.in_flight() > 0, running)
    path.write_bytes(photo("edited", 100_000))
    server.clear_faults()
    result = running.finish()
    told_true(result, server)
    if path.exists():
        assert path.read_bytes() == photo("edited", 100_000)
    else:
        assert sha1(photo("edited", 100_000)) in server.held()


def test_delete_source_deletes_nothing_that_was_not_verified(bench: Bench, server: Server) -> None:
    bench.make(3)
    server.break_check(after=1)
    bench.upload("--delete-source", "--retries", "1", "--wait", "0s", code=5)
    assert len(list(bench.photos.iterdir())) == 3


def test_what_the_server_took_and_does_not_hold_is_failed(bench: Bench, server: Server) -> None:
    """The answer says created, the server's own checksums say otherwise before the end."""
    bench.write("a-rot.jpg", photo("rot"))
    bench.write("z-slow.mp4", photo("slow", 900_000))
    server.slow_reads(900_000)
    running = bench.start("upload", "photos", "--delete-source")
    until(lambda: sha1(photo("rot")) in server.held(), running)
    server.delete(sha1(photo("rot")))
    result = running.finish()
    assert result.code == 3, result.told()
    assert result.item("a-rot.jpg")["outcome"] == "failed"
    assert result.item("z-slow.mp4")["outcome"] == "uploaded"
    assert [path.name for path in bench.photos.iterdir()] == ["a-rot.jpg"]
    server.clear_faults()
    assert bench.upload().outcomes == {"uploaded": 1}

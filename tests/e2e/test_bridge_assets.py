"""`assets` on every server version: complete lists, bytes that are proven, the trash."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.sandbox_fixture import BRIDGED

from .support import Bench, Server, command, sha1, until

every_version = pytest.mark.parametrize("server", BRIDGED, indirect=True)


def environment(bench: Bench) -> dict[str, str]:
    bench.home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(bench.home),
        "LANG": "C.UTF-8",
        "IMMICH_URL": bench.url,
        "IMMICH_API_KEY": bench.key,
    }


@every_version
def test_the_list_is_complete_where_dates_are_equal(bench: Bench, server: Server) -> None:
    ids = server.seed(assets=2300, size=0, equal_dates=2300)
    archived = server.seed("archived.jpg", edit={"visibility": "archive"})
    hidden = server.seed("hidden.jpg", edit={"visibility": "hidden"})
    trashed = server.seed("trashed.jpg")
    server.box.trash(*trashed)
    listed = [line["id"] for line in bench.run("assets", "list").lines]
    assert len(listed) == len(set(listed))
    assert set(listed) == {*ids, *archived}
    assert hidden[0] not in listed
    assert [line["id"] for line in bench.run("assets", "list", "--trashed").lines] == trashed
    assert len(bench.run("assets", "list", "--take", "7").lines) == 7


@every_version
def test_what_a_search_misses_is_asked_for(bench: Bench, server: Server) -> None:
    ids = server.seed(assets=30, size=0)
    server.box.faults("search:*=miss,by=4")
    assert {line["id"] for line in bench.run("assets", "list").lines} == set(ids)


@every_version
def test_show_tells_everything(bench: Bench, server: Server) -> None:
    (asset_id,) = server.seed("a.jpg", size=321)
    server.edit(asset_id, description="A day", rating=4, make="Leica", city="Rome", favorite=True)
    bench.run("tags", "add", "Sea", asset_id)
    (line,) = bench.run("assets", "show", asset_id).lines
    told = {name: line[name] for name in ("name", "bytes", "description", "make", "city", "tags")}
    assert told == {
        "name": "a.jpg",
        "bytes": 321,
        "description": "A day",
        "make": "Leica",
        "city": "Rome",
        "tags": ["Sea"],
    }
    assert line["favorite"] is True
    assert [line["sha1"]] == server.sums([asset_id])
    people = bench.run("assets", "show", asset_id, json=False).stdout
    assert "Leica" in people
    gone = str(uuid.uuid4())
    assert gone in bench.run("assets", "show", gone, code=2).error["message"]


@every_version
def test_originals_arrive_whole_and_proven(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg", size=700_000)
    out = bench.home / "out"
    out.mkdir(parents=True)
    lines = bench.run("assets", "original", *ids, "-o", "out").lines
    assert [line["sha1"] for line in lines] == server.sums(ids)
    assert bench.fetched() == dict(zip(("a.jpg", "b.jpg"), server.sums(ids), strict=True))
    bench.run("assets", "original", ids[0], "-o", "other.jpg")
    assert sha1((bench.home / "other.jpg").read_bytes()) == server.sums(ids)[0]
    piped = subprocess.run(
        [*command(), "assets", "original", ids[1], "-o", "-"],
        env=environment(bench),
        capture_output=True,
        check=True,
    )
    assert [sha1(piped.stdout)] == server.sums(ids[1:])
    assert piped.stderr == b""


@every_version
def test_thumbnails(bench: Bench, server: Server) -> None:
    (asset_id,) = server.seed("a.jpg", size=5000)
    bench.run("assets", "thumbnail", asset_id, "--size", "thumbnail", "-o", "small")
    assert (bench.home / "small").stat().st_size > 0
    (line,) = bench.run("assets", "thumbnail", asset_id).lines
    assert Path(line["path"]).name.startswith(f"{asset_id}-preview.")
    version = tuple(int(part) for part in server.version.split("."))
    if version >= (1, 131):
        bench.run("assets", "thumbnail", asset_id, "--size", "fullsize", "-o", "full")
    else:
        error = bench.run("assets", "thumbnail", asset_id, "--size", "fullsize", code=7).error
        assert "1.131" in error["message"]


def test_nothing_is_written_over(bench: Bench, server: Server) -> None:
    (asset_id,) = server.seed("a.jpg")
    target = bench.write("../kept.jpg", b"mine")
    error = bench.run("assets", "original", asset_id, "-o", "kept.jpg", code=3).error
    assert "--force" in error["hint"]
    assert target.read_bytes() == b"mine"
    bench.run("assets", "original", asset_id, "-o", "kept.jpg", "--force")
    assert [sha1(target.read_bytes())] == server.sums([asset_id])
    (bench.home / "link.jpg").symlink_to(target)
    bench.run("assets", "original", asset_id, "-o", "link.jpg", "--force", code=2)
    bench.run("assets", "original", asset_id, "-o", "nowhere/a.jpg", code=2)
    bench.run("assets", "original", asset_id, asset_id, "-o", "-", code=2)
    bench.run("assets", "original", asset_id, "-o", "-", code=2)  # --json needs stdout, too


def test_damage_is_noticed_and_leaves_nothing(bench: Bench, server: Server) -> None:
    ids = server.seed("bad.jpg", "good.jpg", size=100_000)
    server.box.control("corrupt", {"id": ids[0]})
    error = bench.run("assets", "original", ids[0], "-o", "x.jpg", code=3).error
    assert "SHA-1" in error["message"]
    out = bench.home / "out"
    out.mkdir()
    lines = bench.run("assets", "original", *ids, "-o", "out", code=3).lines
    assert [(line["type"], line["id"]) for line in lines] == [
        ("failure", ids[0]),
        ("file", ids[1]),
    ]
    assert sorted(path.name for path in out.iterdir()) == ["good.jpg"]
    assert not (bench.home / "x.jpg").exists()


def test_a_broken_line_is_taken_up(bench: Bench, server: Server) -> None:
    (asset_id,) = server.seed("a.jpg", size=3_000_000)
    server.box.faults("original:1-2=reset,at=1000000")
    bench.run("assets", "original", asset_id, "-o", "a.jpg")
    assert [sha1((bench.home / "a.jpg").read_bytes())] == server.sums([asset_id])
    assert server.originals() == 3


def test_hostile_names_stay_in_the_folder(bench: Bench, server: Server) -> None:
    (asset_id,) = server.seed("a.jpg")
    server.edit(asset_id, name="../../escape\x1b.jpg")
    out = bench.home / "out"
    out.mkdir(parents=True)
    bench.run("assets", "original", asset_id, "-o", "out")
    assert len(list(out.iterdir())) == 1
    assert not (bench.home.parent / "escape.jpg").exists()
    told = bench.run("assets", "list", json=False).stdout
    assert "\x1b" not in told


@every_version
def test_the_trash_and_back(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    stranger = str(uuid.uuid4())
    lines = bench.run("assets", "delete", "--yes", *ids, stranger, code=3).lines
    assert [line["outcome"] for line in lines] == ["trashed", "trashed", "refused"]
    assert server.held() == {}
    restored = bench.run("assets", "restore", *ids).lines
    assert [line["outcome"] for line in restored] == ["restored", "restored"]
    assert len(server.held()) == 2
    (line,) = bench.run("assets", "delete", "--yes", "--force", ids[0]).lines
    assert line["outcome"] == "deleted"
    until(lambda: ids[0] not in server.known())
    bench.run("assets", "delete", ids[1], code=2)
    assert ids[1] in server.known()


def test_ids_from_standard_input(bench: Bench, server: Server) -> None:
    ids = server.seed("a.jpg", "b.jpg")
    done = subprocess.run(
        [*command(), "assets", "delete", "--yes", "--json", "-"],
        input="\n".join(ids).encode(),
        env=environment(bench),
        capture_output=True,
        check=True,
    )
    assert done.stdout.count(b"trashed") == 2
    assert server.held() == {}


def test_permissions_are_named_before_the_call(bench: Bench, server: Server) -> None:
    (asset_id,) = server.seed("a.jpg")
    bench.key = server.new_key(["user.read"])
    for arguments, permission in (
        (("list",), "asset.read"),
        (("show", asset_id), "asset.read"),
        (("original", asset_id), "asset.read"),
        (("thumbnail", asset_id), "asset.view"),
        (("delete", "--yes", asset_id), "asset.delete"),
        (("restore", asset_id), "asset.delete"),
    ):
        assert permission in bench.run("assets", *arguments, code=12).error["message"]
    assert bench.run("assets", "list", json=False, code=12).stdout == ""
    bench.key = server.new_key(["user.read", "asset.read"])
    assert "asset.download" in bench.run("assets", "original", asset_id, code=12).error["message"]


def test_an_outage_in_mid_list_is_waited_out(bench: Bench, server: Server) -> None:
    ids = server.seed(assets=50, size=0)
    server.box.faults("search:1-2=502")
    assert {line["id"] for line in bench.run("assets", "list").lines} == set(ids)


def test_a_reader_that_leaves_ends_the_list(bench: Bench, server: Server) -> None:
    server.seed(assets=3000, size=0)
    shell = f"{' '.join(command())} assets list | head -3"
    done = subprocess.run(
        ["sh", "-c", shell], env=environment(bench), capture_output=True, check=True, timeout=60
    )
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == b""


def test_a_large_library_takes_no_more_memory(bench: Bench, full_server: Server) -> None:
    def peak(*arguments: str) -> int:
        with open(os.devnull, "wb") as nowhere:
            process = subprocess.Popen(
                [*command(), *arguments], env=environment(bench), stdout=nowhere
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_maxrss

    few, many = peak("assets", "list", "--take", "1"), peak("assets", "list")
    assert many - few < 20_000, (few, many)  # KiB, for 20,000 assets

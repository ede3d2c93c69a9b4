"""`libraries`: from creating one to a sync that says what came and went."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_fixture import BRIDGED, SandboxProcess

from .support import Bench, make_files


@pytest.fixture(scope="module", params=BRIDGED)
def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxProcess]:
    started = SandboxProcess(tmp_path_factory.mktemp("server"), version=request.param)
    yield started
    started.stop()


@pytest.fixture
def admin(box: SandboxProcess, tmp_path: Path) -> Bench:
    """An admin who owns nothing yet."""
    return Bench(tmp_path / "home", box.url, box.new_user("Admin", admin=True))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder on the server's disk, with six photos and a video."""
    make_files(tmp_path / "disk" / "2024", 6, kinds=(".jpg",), seed="photos")
    make_files(tmp_path / "disk", 1, kinds=(".mp4",), seed="video", size=5000)
    return tmp_path / "disk"


def number(box: SandboxProcess) -> tuple[int, ...]:
    return tuple(map(int, box.version.split(".")))


def create(admin: Bench, name: str, *paths: Path) -> dict[str, Any]:
    wanted = [word for path in paths for word in ("--path", str(path))]
    (made,) = admin.run("libraries", "create", name, *wanted).lines
    return made


def sync(admin: Bench, which: str, *arguments: str) -> dict[str, Any]:
    (told,) = admin.run("libraries", "sync", which, *arguments).lines
    assert told["type"] == "library-sync"
    return told


def test_create_list_and_show(admin: Bench, disk: Path) -> None:
    made = create(admin, "Create", disk)
    assert made["type"] == "library"
    assert made["import_paths"] == [str(disk)]
    listed = admin.run("libraries", "list").lines
    assert made["id"] in [library["id"] for library in listed]
    for which in ("Create", made["id"]):
        (shown,) = admin.run("libraries", "show", which).lines
        assert shown["id"] == made["id"]
    table = admin.run("libraries", "list", json=False).stdout
    assert table.splitlines()[0].split() == ["ID", "NAME", "ASSETS", "SCANNED", "FOLDERS"]
    assert "never" in table and str(disk) in table
    assert f"Folder   {disk}" in admin.run("libraries", "show", "Create", json=False).stdout


def test_create_for_somebody_else_and_leave_things_out(
    admin: Bench, box: SandboxProcess, disk: Path
) -> None:
    box.new_user("Owner of one")
    arguments = ("--path", str(disk), "--exclude", "**/2024/**", "--owner", "Owner of one")
    (made,) = admin.run("libraries", "create", "Theirs", *arguments).lines
    (mine,) = admin.run("users", "me").lines
    assert made["owner_id"] != mine["id"]
    told = sync(admin, "Theirs")
    assert (told["came"], told["went"]) == (1, None)
    said = admin.run("libraries", "sync", "Theirs", json=False).stdout
    assert "cannot be told" in said


def test_a_sync_says_what_came_and_went(admin: Bench, box: SandboxProcess, disk: Path) -> None:
    library = create(admin, "Sync", disk)
    told = sync(admin, "Sync")
    assert told["came"] == 7
    assert told["after"]["photos"] == 6 and told["after"]["videos"] == 1
    assert told["after"]["usage"] == 6 * 2000 + 5000

    make_files(disk / "new", 2, kinds=(".jpg",), seed="new")
    (disk / "2024" / "IMG_0000.jpg").unlink()
    told = sync(admin, library["id"])
    assert told["came"] == 2
    assert (told["went"], told["forgotten"]) == (1, 0)
    again = sync(admin, library["id"])
    assert (again["came"], again["went"], again["returned"]) == (0, 0, 0)

    said = admin.run("libraries", "sync", "Sync", json=False)
    assert "Sync: nothing came, nothing went." in said.stdout
    assert "8 photos and 1 video" in said.stdout
    assert "1 of them without a file" in said.stdout
    assert said.stderr == ""


def test_a_sync_with_a_key_that_may_not_count(
    admin: Bench, box: SandboxProcess, disk: Path, tmp_path: Path
) -> None:
    """What went is then found by a search; without asset.read nobody can tell."""
    if number(box) < (1, 139):
        pytest.skip("keys may do everything, or cannot tell what they may do")
    create(admin, "Narrow", disk)
    assert sync(admin, "Narrow")["came"] == 7
    (me,) = admin.run("users", "me").lines
    needed = ["user.read", "library.read", "library.update", "library.statistics", "queue.read"]
    for name, more, went in (("IMG_0001.jpg", ["asset.read"], 1), ("IMG_0002.jpg", [], None)):
        (disk / "2024" / name).unlink()
        key = box.new_key(*needed, *more, user=me["id"])
        assert sync(Bench(tmp_path / name, box.url, key), "Narrow")["went"] == went


def test_sync_in_words(admin: Bench, disk: Path) -> None:
    create(admin, "Words", disk)
    said = admin.run("libraries", "sync", "Words", json=False).stdout
    assert said.startswith("Words: 7 files came.\nIt now has 6 photos and 1 video, ")


def test_sync_needs_a_queue_that_goes(admin: Bench, disk: Path) -> None:
    create(admin, "Paused", disk)
    admin.run("jobs", "pause", "library")
    result = admin.run("libraries", "sync", "Paused", code=7)
    assert "the queue library is paused" in result.error["message"]
    assert "jobs resume library" in result.error["hint"]
    admin.run("jobs", "resume", "library")
    assert sync(admin, "Paused")["came"] == 7


def test_sync_that_takes_too_long(admin: Bench, box: SandboxProcess, disk: Path) -> None:
    create(admin, "Slow", disk)
    box.control("seed", {"assets": 2000, "user": None})
    admin.run("jobs", "start", "library", "--force")
    result = admin.run("libraries", "sync", "Slow", "--timeout", "500ms", code=8)
    assert "still busy after 0.5 s: library (" in result.error["message"]


def test_scan_alone_returns_at_once(admin: Bench, disk: Path) -> None:
    create(admin, "Scan", disk)
    (told,) = admin.run("libraries", "scan", "Scan").lines
    assert told["type"] == "library-scan"
    admin.run("libraries", "scan", "Scan", "--modified", "--every")
    assert "was begun" in admin.run("libraries", "scan", "Scan", json=False).stdout


def test_statistics(admin: Bench, disk: Path) -> None:
    create(admin, "Count", disk)
    sync(admin, "Count")
    (told,) = admin.run("libraries", "statistics", "Count").lines
    assert (told["photos"], told["videos"], told["total"]) == (6, 1, 7)
    said = admin.run("libraries", "statistics", "Count", json=False).stdout
    assert said == "Count: 6 photos and 1 video, 16.6 KiB\n"


def test_validate(admin: Bench, disk: Path) -> None:
    create(admin, "Valid", disk)
    (told,) = admin.run("libraries", "validate", "Valid").lines
    assert told["is_valid"] is True
    wrong = ("--path", str(disk), "--path", "/not/there")
    lines = admin.run("libraries", "validate", "Valid", *wrong, code=3).lines
    assert [line["is_valid"] for line in lines] == [True, False]
    said = admin.run("libraries", "validate", "Valid", *wrong, json=False, code=3).stdout
    assert f"{disk}: good" in said and "/not/there: Path does not exist" in said


# names


def test_a_name_of_two_lists_both(admin: Bench) -> None:
    ids = {create(admin, "Twin")["id"] for _ in range(2)}
    result = admin.run("libraries", "show", "Twin", code=2)
    assert all(one in result.error["message"] for one in ids)
    (shown,) = admin.run("libraries", "show", ids.pop()).lines
    assert shown["name"] == "Twin"


def test_an_unknown_name_tells_the_nearest(admin: Bench) -> None:
    create(admin, "Holidays")
    assert "did you mean 'Holidays'" in admin.run("libraries", "scan", "Holiday", code=2).stderr


def test_names_that_could_act_on_a_terminal(admin: Bench) -> None:
    create(admin, "bad\x1b[31m name\u202e")
    for command in (("list",), ("show", "bad\x1b[31m name\u202e")):
        said = admin.run("libraries", *command, json=False).stdout
        assert "\x1b" not in said and "\u202e" not in said


# who may


@pytest.mark.parametrize(
    "command",
    [("list",), ("show", "x"), ("create", "x"), ("scan", "x"), ("sync", "x"), ("validate", "x")],
    ids=lambda command: command[0],
)
def test_for_admins_only(box: SandboxProcess, tmp_path: Path, command: tuple[str, ...]) -> None:
    anna = Bench(tmp_path / "anna", box.url, box.new_user("Anna"))
    box.reset_stats()
    result = anna.run("libraries", *command, code=12)
    assert "is for admins only; this key is Anna's" in result.error["message"]
    assert box.stats()["routes"].get("libraries", 0) == 0


def test_a_missing_permission_is_named_before_the_call(
    box: SandboxProcess, admin: Bench, tmp_path: Path
) -> None:
    if number(box) < (1, 139):
        pytest.skip("the key cannot tell before 1.139")
    create(admin, "Scoped")
    scoped = Bench(tmp_path / "scoped", box.url, box.new_key("user.read", "library.read"))
    for command, permission in (
        (("scan", "Scoped"), "library.update"),
        (("sync", "Scoped"), "library.statistics"),
        (("statistics", "Scoped"), "library.statistics"),
        (("validate", "Scoped"), "all"),
        (("create", "New"), "library.create"),
    ):
        assert permission in scoped.run("libraries", *command, code=12).error["message"]


def test_the_servers_own_forbidden_is_made_clear(box: SandboxProcess, tmp_path: Path) -> None:
    """A key without user.read does not say that its owner is no admin: the server does."""
    if number(box) < (1, 139):
        pytest.skip("the owner is always told before 1.139")
    box.new_user("Carla")
    users = Bench(tmp_path / "u", box.url, box.key).run("users", "list").lines
    carla = next(user["id"] for user in users if user["name"] == "Carla")
    key = box.new_key("library.read", user=carla)
    result = Bench(tmp_path / "bare", box.url, key).run("libraries", "list", code=12)
    assert result.error["message"] == "listing libraries is for admins only"

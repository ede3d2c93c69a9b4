"""`jobs`: the server's queues by any of their names, on every version."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox_fixture import BRIDGED, SandboxProcess

from .support import Bench, until


@pytest.fixture(scope="module", params=BRIDGED)
def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxProcess]:
    started = SandboxProcess(tmp_path_factory.mktemp("server"), version=request.param)
    yield started
    started.stop()


@pytest.fixture
def admin(box: SandboxProcess, tmp_path: Path) -> Iterator[Bench]:
    """The admin; afterwards every queue goes again."""
    found = Bench(tmp_path / "home", box.url, box.key)
    box.reset_stats()
    yield found
    box.faults()
    if paused := paused_on(box):
        found.run("jobs", "resume", *paused)


def number(box: SandboxProcess) -> tuple[int, ...]:
    return tuple(map(int, box.version.split(".")))


def modern(box: SandboxProcess) -> bool:
    """Whether it has `/queues`."""
    return number(box) >= (2, 4)


def paused_on(box: SandboxProcess) -> list[str]:
    return sorted(name for name, paused in box.state()["queues"].items() if paused)


def requests(box: SandboxProcess, route: str) -> int:
    return int(box.stats()["routes"].get(route, 0))


def test_list(box: SandboxProcess, admin: Bench) -> None:
    lines = admin.run("jobs", "list").lines
    assert [line["name"] for line in lines] == list(box.state()["queues"])
    assert all(line["type"] == "queue" and line["paused"] is False for line in lines)
    table = admin.run("jobs", "list", json=False).stdout.splitlines()
    assert table[0].split() == ["QUEUE", "STATE", "ACTIVE", "WAITING", "HELD", "DELAYED", "FAILED"]
    assert len(table) == len(lines) + 1


def test_a_deprecated_route_only_where_there_is_no_newer(box: SandboxProcess, admin: Bench) -> None:
    for command in (("list",), ("pause", "ocr" if modern(box) else "sidecar"), ("wait",)):
        admin.run("jobs", *command)
    if modern(box):
        assert requests(box, "jobs") == 0
    else:
        assert requests(box, "jobs") > 0
    # Only `/jobs` can start a queue, to this day.
    before = requests(box, "jobs")
    admin.run("jobs", "start", "sidecar")
    assert requests(box, "jobs") > before


@pytest.mark.parametrize(
    "spelling",
    [
        "thumbnailGeneration",
        "thumbnail-generation",
        "thumbnail-generation-queue",
        "THUMBNAIL_GENERATION",
        "Generate Thumbnails",
        "thumbnails",
    ],
)
def test_every_spelling_is_understood(box: SandboxProcess, admin: Bench, spelling: str) -> None:
    (told,) = admin.run("jobs", "pause", spelling).lines
    assert (told["name"], told["paused"]) == ("thumbnailGeneration", True)
    assert paused_on(box) == ["thumbnailGeneration"]
    (told,) = admin.run("jobs", "resume", spelling).lines
    assert told["paused"] is False
    assert paused_on(box) == []


@pytest.mark.parametrize(
    ("spelling", "name"),
    [("clip-encoding", "smartSearch"), ("recognize-faces", "facialRecognition")],
)
def test_names_of_long_ago(admin: Bench, spelling: str, name: str) -> None:
    (told,) = admin.run("jobs", "pause", spelling).lines
    assert told["name"] == name


def test_several_at_once_or_none(box: SandboxProcess, admin: Bench) -> None:
    result = admin.run("jobs", "pause", "smartSearch", "faceDetektion", code=2)
    assert "did you mean faceDetection" in result.error["message"]
    assert "smartSearch" in result.error["hint"]
    assert paused_on(box) == []
    assert len(admin.run("jobs", "pause", "smartSearch", "faceDetection").lines) == 2
    assert paused_on(box) == ["faceDetection", "smartSearch"]


def test_a_queue_of_a_newer_server(box: SandboxProcess, admin: Bench) -> None:
    if number(box) >= (3, 0):
        admin.run("jobs", "pause", "integrity")
        return
    message = admin.run("jobs", "pause", "integrity-check", code=7).error["message"]
    assert "no queue integrityCheck, it came with 3.0.0" in message


def test_what_the_server_refuses_is_told(box: SandboxProcess, admin: Bench) -> None:
    if modern(box):
        result = admin.run("jobs", "pause", "backgroundTask", code=3)
        assert "cannot be paused" in result.error["message"]
    admin.run("jobs", "pause", "sidecar")
    result = admin.run("jobs", "start", "notifications", code=3)
    assert "Invalid job name" in result.error["message"]


def test_housekeeping(box: SandboxProcess, admin: Bench) -> None:
    if number(box) >= (1, 116):
        said = admin.run("jobs", "start", "person-cleanup", json=False).stdout
        assert said == "person-cleanup: started\n"
    else:
        message = admin.run("jobs", "start", "person-cleanup", code=7).error["message"]
        assert "came with 1.116.0" in message


# waiting


def test_wait_until_a_started_queue_is_idle(box: SandboxProcess, admin: Bench) -> None:
    (told,) = admin.run("jobs", "start", "smart-search").lines
    assert told["name"] == "smartSearch" and told["active"] == 1
    (waited,) = admin.run("jobs", "wait", "smart-search").lines
    assert waited == {"type": "jobs-wait", "v": 1, "idle": ["smartSearch"], "held": []}
    active = [line["active"] for line in admin.run("jobs", "list").lines]
    assert sum(active) == 0
    assert admin.run("jobs", "wait", json=False).stdout == "All queues are idle.\n"


def test_wait_gives_up_after_its_time(box: SandboxProcess, admin: Bench) -> None:
    box.seed(2000)
    admin.run("jobs", "start", "videoConversion", "--force")
    result = admin.run("jobs", "wait", "--timeout", "300ms", code=8)
    assert "still busy after 0.3 s" in result.error["message"]
    assert "1 active" in result.error["message"]


def test_wait_is_ended_by_ctrl_c(box: SandboxProcess, admin: Bench) -> None:
    box.seed(2000)
    admin.run("jobs", "start", "faceDetection", "--force")
    box.reset_stats()
    running = admin.start("jobs", "wait", "faceDetection")
    until(lambda: requests(box, "queues") + requests(box, "jobs") >= 3, running)
    running.signal(signal.SIGINT)
    assert running.finish().code == 130


def test_a_paused_queue_with_jobs_never_becomes_idle(box: SandboxProcess, admin: Bench) -> None:
    admin.run("jobs", "pause", "sidecar")
    admin.run("jobs", "start", "sidecar")
    result = admin.run("jobs", "wait", "sidecar", code=7)
    assert "the queue sidecar is paused, with 1 job in it" in result.error["message"]
    assert "jobs resume sidecar" in result.error["hint"]
    (told,) = admin.run("jobs", "wait", "--timeout", "2m").lines
    assert told["held"] == ["sidecar"] and "sidecar" not in told["idle"]
    said = admin.run("jobs", "wait", "--timeout", "2m", json=False)
    assert "not waited for, since they are paused: sidecar" in said.stderr
    admin.run("jobs", "resume", "sidecar")
    admin.run("jobs", "wait", "sidecar")


def test_a_stumbling_server_is_asked_again(box: SandboxProcess, admin: Bench) -> None:
    box.faults("jobs:1-2=502", "queues:1-2=503")
    assert admin.run("jobs", "list", "--wait", "5s").lines


# emptying


def test_empty_drops_what_waits(box: SandboxProcess, admin: Bench) -> None:
    admin.run("jobs", "pause", "sidecar")
    admin.run("jobs", "start", "sidecar")
    result = admin.run("jobs", "empty", "sidecar", code=2)
    assert "--yes" in result.error["hint"]
    admin.run("jobs", "empty", "sidecar", "--yes")
    (told,) = [line for line in admin.run("jobs", "list").lines if line["name"] == "sidecar"]
    assert told["held"] == 0
    said = admin.run("jobs", "clear-failed", "sidecar", json=False).stdout
    assert said == "sidecar: has no failed jobs any more\n"


# who may


@pytest.mark.parametrize(
    "command",
    [("list",), ("start", "ocr"), ("pause", "ocr"), ("resume", "ocr"), ("wait",)],
    ids=lambda command: command[0],
)
def test_for_admins_only(box: SandboxProcess, tmp_path: Path, command: tuple[str, ...]) -> None:
    anna = Bench(tmp_path / "anna", box.url, box.new_user("Anna"))
    result = anna.run("jobs", *command, code=12)
    assert "is for admins only; this key is Anna's" in result.error["message"]


def test_a_missing_permission_is_named(box: SandboxProcess, tmp_path: Path) -> None:
    if number(box) < (1, 139):
        pytest.skip("the key cannot tell before 1.139")
    none = Bench(tmp_path / "none", box.url, box.new_key("user.read"))
    assert "queue.read" in none.run("jobs", "list", code=12).error["message"]
    reader = Bench(tmp_path / "reader", box.url, box.new_key("user.read", "queue.read"))
    for command, permission in (
        ("pause", "queue.update"),
        ("resume", "queue.update"),
        ("start", "job.create"),
        ("clear-failed", "job.create"),
    ):
        result = reader.run("jobs", command, "sidecar", code=12)
        assert permission in result.error["message"]
    result = reader.run("jobs", "empty", "sidecar", "--yes", code=12)
    assert "queueJob.delete" in result.error["message"]

"""`upload --pause-jobs`: heavy queues are paused for the run, and never stay so by our fault."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sandbox_fixture import BRIDGED, SandboxProcess

from .support import Bench, Running, until

HEAVY = {
    "thumbnailGeneration",
    "videoConversion",
    "smartSearch",
    "faceDetection",
    "facialRecognition",
    "duplicateDetection",
    "ocr",
}


class Nas:
    """A server whose queues are nobody else's, and an admin's bench."""

    def __init__(self, box: SandboxProcess, home: Path) -> None:
        self.box = box
        self.home = home
        self.admin = self.bench("admin", box.new_user("Admin", admin=True))

    def bench(self, name: str, key: str) -> Bench:
        """Somebody's side; benches of one name share photos and manifest."""
        return Bench(self.home / name, self.box.url, key)

    def paused(self) -> set[str]:
        return {name for name, paused in self.box.state()["queues"].items() if paused}

    def heavy(self) -> set[str]:
        """The heavy queues that this version has."""
        return HEAVY & set(self.box.state()["queues"])

    def pause(self, *names: str) -> None:
        """Somebody pauses queues in the web page."""
        result = self.bench("web", self.box.key).run("jobs", "pause", *names)
        assert len(result.lines) == len(names)

    def under_way(self, *arguments: str, **options: object) -> Running:
        """An upload with `--pause-jobs` in the middle: jobs paused, a body on the wire."""
        self.box.faults("upload:*=slow,rate=2000")
        running = self.admin.start("upload", "photos", "--pause-jobs", *arguments)
        until(lambda: self.heavy() <= self.paused() and self._in_flight() > 0, running)
        return running

    def settle(self) -> None:
        """Nothing goes wrong any more, every queue goes on, nothing is on the wire."""
        self.box.faults()
        if paused := self.paused():
            self.bench("web", self.box.key).run("jobs", "resume", *paused)
        until(lambda: self._in_flight() == 0)

    def _in_flight(self) -> int:
        return int(self.box.stats()["in_flight"])

    def jobs_calls(self) -> int:
        routes = self.box.stats()["routes"]
        return int(routes.get("jobs", 0) + routes.get("queues", 0))


@pytest.fixture(scope="module", params=BRIDGED)
def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxProcess]:
    started = SandboxProcess(tmp_path_factory.mktemp("server"), version=request.param)
    yield started
    started.stop()


@pytest.fixture
def nas(box: SandboxProcess, tmp_path: Path) -> Iterator[Nas]:
    """The server with every queue going, and an admin who has nothing there yet."""
    box.reset_stats()
    found = Nas(box, tmp_path)
    yield found
    if box.process.poll() is not None:
        box.start()
    found.settle()


def queues_in(bench: Bench) -> list[str]:
    """What the manifest says we have to resume."""
    raw = sqlite3.connect(f"file:{bench.state}/manifest.sqlite3?mode=ro", uri=True)
    try:
        return [row[0] for row in raw.execute("SELECT queue FROM pauses ORDER BY queue")]
    finally:
        raw.close()


# a good run


def test_pauses_for_the_run_and_resumes(nas: Nas) -> None:
    nas.admin.make(20, size=4000)
    running = nas.under_way()
    assert nas.paused() == nas.heavy()
    assert set(queues_in(nas.admin)) == nas.heavy()
    nas.box.faults()
    result = running.finish()
    assert result.code == 0, result.told()
    assert nas.paused() == set()
    assert queues_in(nas.admin) == []
    assert "paused on the server until the end: thumbnailGeneration" in result.stderr


def test_what_was_paused_before_stays_paused(nas: Nas) -> None:
    nas.pause("smartSearch", "library", "videoConversion")
    nas.admin.make(20, size=4000)
    running = nas.under_way()
    assert nas.paused() == nas.heavy() | {"library"}
    assert set(queues_in(nas.admin)) == nas.heavy() - {"smartSearch", "videoConversion"}
    nas.box.faults()
    assert running.finish().code == 0
    assert nas.paused() == {"smartSearch", "library", "videoConversion"}


def test_without_the_flag_no_queue_is_asked_for(nas: Nas) -> None:
    nas.admin.make(3)
    nas.admin.upload()
    nas.admin.run("albums", "list")
    assert nas.jobs_calls() == 0


def test_with_all_paused_already_nothing_is_ours(nas: Nas) -> None:
    nas.pause(*sorted(nas.heavy()))
    nas.admin.make(3)
    assert "paused on the server" not in nas.admin.upload("--pause-jobs").stderr
    assert nas.paused() == nas.heavy()


def test_a_server_that_goes_away_before_the_pause_ends_the_run(nas: Nas) -> None:
    nas.admin.make(3)
    nas.box.faults("jobs:*=502", "queues:*=502")
    result = nas.admin.upload("--pause-jobs", "--retries", "1", "--wait", "0s", code=5)
    assert result.outcomes.get("uploaded", 0) == 0
    assert nas.paused() == set()
    assert queues_in(nas.admin) == []


def test_a_dry_run_pauses_nothing_and_settles_nothing(nas: Nas) -> None:
    nas.admin.make(3, size=4000)
    nas.admin.upload("--pause-jobs", "--dry-run")
    assert nas.jobs_calls() == 0
    nas.under_way().kill()
    nas.box.faults()
    left = nas.paused()
    nas.admin.upload("--dry-run")
    assert nas.paused() == left == nas.heavy()


# other ends


@pytest.mark.parametrize("presses", [1, 2])
def test_after_ctrl_c(nas: Nas, presses: int) -> None:
    nas.admin.make(20, size=4000)
    running = nas.under_way()
    for _ in range(presses):
        running.signal(signal.SIGINT)
        running.until_said("Ctrl-C", where="err")
    if presses == 1:
        nas.box.faults("upload:*=slow,rate=100000")
    assert running.finish().code == 130
    assert nas.paused() == set()
    assert queues_in(nas.admin) == []


def test_after_files_that_failed(nas: Nas) -> None:
    nas.admin.make(4)
    nas.box.faults("upload:*=500")
    result = nas.admin.upload("--pause-jobs", "--retries", "1", code=None)
    assert result.code in (3, 5)
    assert nas.paused() == set()


def test_a_key_revoked_in_the_middle(nas: Nas) -> None:
    nas.admin.make(20, size=4000)
    running = nas.under_way()
    nas.box.faults("upload:*=401", "check:*=401", "jobs:*=401", "queues:*=401")
    result = running.finish()
    assert result.code == 12
    assert nas.paused() == nas.heavy()
    assert any("still paused" in note for note in result.summary["notes"])
    nas.box.faults()
    nas.admin.upload()
    assert nas.paused() == set()


def test_a_server_that_goes_away_stays_owed(nas: Nas) -> None:
    nas.admin.make(20, size=4000)
    running = nas.under_way("--wait", "0s")
    nas.box.kill()
    result = running.finish()
    assert result.code == 5, result.told()
    told = nas.admin.run("status").lines[0]
    assert {owed["queue"] for owed in told["paused_jobs"]} == HEAVY & set(queues_in(nas.admin))
    said = nas.admin.run("status", json=False).stdout
    assert f"Paused on {nas.box.url}: " in said
    assert "smartSearch" in said


# a crash, and who settles it


def crashed(nas: Nas) -> None:
    """kill -9 in the middle of an upload; the user had paused smartSearch and library before."""
    nas.pause("smartSearch", "library")
    nas.admin.make(20, size=4000)
    nas.under_way().kill()
    nas.box.faults()
    assert nas.paused() == nas.heavy() | {"library"}
    assert set(queues_in(nas.admin)) == nas.heavy() - {"smartSearch"}


@pytest.mark.parametrize(
    "command",
    [
        ("upload", "photos"),
        ("upload", "photos", "--pause-jobs"),
        ("resume",),
        ("check", "photos"),
        ("download", "-o", "out", "--all"),
        ("mirror", "-o", "out", "--all"),
        ("ping",),
        ("albums", "list"),
        ("jobs", "list"),
    ],
    ids=lambda command: " ".join(command),
)
def test_the_next_command_resumes_after_a_kill(nas: Nas, command: tuple[str, ...]) -> None:
    crashed(nas)
    nas.admin.run(*command, code=None)
    assert nas.paused() == {"smartSearch", "library"}
    assert queues_in(nas.admin) == []
    assert nas.admin.run("status").lines[0]["paused_jobs"] == []


def test_a_command_beside_the_upload_leaves_its_queues_alone(nas: Nas) -> None:
    """The one that holds the manifest resumes them itself."""
    nas.admin.make(20, size=4000)
    running = nas.under_way()
    assert nas.admin.run("albums", "list").stderr == ""
    assert nas.heavy() <= nas.paused()
    nas.box.faults()
    running.finish()
    assert nas.paused() == set()


def test_a_queue_that_the_server_does_not_know_any_more_is_not_owed(nas: Nas) -> None:
    crashed(nas)
    with closing(sqlite3.connect(nas.admin.state / "manifest.sqlite3")) as raw, raw:
        raw.execute("UPDATE pauses SET queue = 'unheardOf' WHERE queue = 'faceDetection'")
    nas.admin.upload()
    assert queues_in(nas.admin) == []


def test_a_queue_that_is_there_stays_owed_whatever_is_said_of_it(nas: Nas) -> None:
    crashed(nas)
    nas.box.faults("jobs:1=400", "queues:1=400")
    assert "still paused" in nas.admin.upload(code=None).stderr
    assert set(queues_in(nas.admin)) == nas.heavy() - {"smartSearch"}


@pytest.mark.parametrize("command", [("upload", "photos"), ("albums", "list")], ids=" ".join)
def test_a_refusal_to_resume_leaves_it_owed_and_is_told(nas: Nas, command: tuple[str, ...]) -> None:
    crashed(nas)
    nas.box.faults("jobs:*=409", "queues:*=409")
    result = nas.admin.run(*command, code=None)
    assert "jobs are still paused on the server" in result.stderr
    assert set(queues_in(nas.admin)) == nas.heavy() - {"smartSearch"}


def test_killed_again_and_again(nas: Nas) -> None:
    crashed(nas)
    for _ in range(3):
        nas.under_way().kill()
        nas.box.faults()
    assert nas.paused() == nas.heavy() | {"library"}
    nas.admin.upload("--pause-jobs")
    assert nas.paused() == {"smartSearch", "library"}


def test_killed_between_the_promise_and_the_pause(nas: Nas) -> None:
    nas.admin.make(3)
    nas.box.faults("jobs:2-99=stall,seconds=60", "queues:2-99=stall,seconds=60")
    running = nas.admin.start("upload", "photos", "--pause-jobs")
    until(lambda: nas.jobs_calls() >= 2, running)
    running.kill()
    nas.box.faults()
    assert nas.paused() == set()
    assert set(queues_in(nas.admin)) == nas.heavy()
    nas.admin.upload()
    assert queues_in(nas.admin) == []


def test_a_lost_answer_to_a_pause(nas: Nas) -> None:
    nas.admin.make(3)
    nas.box.faults("jobs:2-3=lost", "queues:2-3=lost")
    nas.admin.upload("--pause-jobs", "--wait", "5s")
    assert nas.paused() == set()
    assert queues_in(nas.admin) == []


@pytest.mark.parametrize("lost", [True, False], ids=["after a lost answer", "at once"])
def test_a_refusal_to_pause_is_owed_only_where_it_may_be_paused(nas: Nas, lost: bool) -> None:
    """The first queue is paused; whether the second is, only a lost answer leaves open."""
    nas.admin.make(3)
    rules = ["3=lost", "4-5=409"] if lost else ["3-4=409"]
    nas.box.faults(*(f"{route}:{rule}" for rule in rules for route in ("jobs", "queues")))
    result = nas.admin.upload("--pause-jobs", code=3 if lost else None)
    assert "only" in " ".join(result.summary["notes"])
    assert len(queues_in(nas.admin)) == (2 if lost else 1)
    nas.box.faults()
    nas.admin.upload()
    assert nas.paused() == set()
    assert queues_in(nas.admin) == []


def test_another_server_is_not_touched(nas: Nas, tmp_path: Path) -> None:
    crashed(nas)
    other = SandboxProcess(tmp_path / "other", version=nas.box.version)
    try:
        there = Bench(nas.admin.home, other.url, other.key)
        there.upload()
        routes = other.stats()["routes"]
        assert not routes.get("jobs") and not routes.get("queues")
    finally:
        other.stop()
    assert nas.paused() == nas.heavy() | {"library"}
    assert set(queues_in(nas.admin)) == nas.heavy() - {"smartSearch"}


# two accounts


def test_somebody_without_the_right_leaves_it_owed_and_is_told(nas: Nas) -> None:
    crashed(nas)
    anna = nas.bench("admin", nas.box.new_user("Anna"))
    result = anna.upload()
    assert nas.paused() == nas.heavy() | {"library"}
    (note,) = [note for note in result.summary["notes"] if "still paused" in note]
    assert "admin" in note and "faceDetection" in note
    nas.admin.run("check", "photos", code=None)
    assert nas.paused() == {"smartSearch", "library"}


def test_another_admin_of_the_same_server_settles_it(nas: Nas) -> None:
    crashed(nas)
    other = nas.bench("admin", nas.box.new_user("Berta", admin=True))
    other.upload()
    assert nas.paused() == {"smartSearch", "library"}
    assert queues_in(nas.admin) == []


# without the right


def test_no_admin_is_warned_and_the_upload_goes_on(nas: Nas) -> None:
    anna = nas.bench("anna", nas.box.new_user("Anna"))
    anna.make(5)
    result = anna.upload("--pause-jobs")
    assert result.outcomes == {"uploaded": 5}
    (note,) = result.summary["notes"]
    assert "no jobs were paused" in note and "admins only" in note
    assert nas.jobs_calls() == 0


def test_an_admins_key_that_lacks_the_permission_is_told_its_name(nas: Nas) -> None:
    if nas.box.version.startswith("1."):
        pytest.skip("before 1.137 these routes ask for no permission")
    scoped = nas.bench("scoped", nas.box.new_key("asset.upload", "user.read", "queue.read"))
    scoped.make(5)
    result = scoped.upload("--pause-jobs")
    assert result.outcomes == {"uploaded": 5}
    (note,) = result.summary["notes"]
    assert "queue.update" in note
    assert nas.paused() == set()


def test_a_bare_key_of_nobody_we_know(nas: Nas) -> None:
    """Without user.read it cannot be told that the owner is no admin: the server says it."""
    anna = nas.bench("anna", nas.box.new_user("Anna"))
    me = json.loads(anna.run("users", "me").stdout)["id"]
    key = nas.box.new_key("asset.upload", "queue.read", "queue.update", user=me)
    bare = nas.bench("bare", key)
    bare.make(2)
    (note,) = bare.upload("--pause-jobs").summary["notes"]
    assert "admins only" in note

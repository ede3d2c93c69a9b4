"""When a file counts as finished, when something is tried again, and what a round looks at."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from immich_transfer.config.options import UploadOptions
from immich_transfer.model import Summary
from immich_transfer.policy.filters import Filters
from immich_transfer.report.rounds import round_line
from immich_transfer.watch.chosen import Meant, Round
from immich_transfer.watch.looking import companions, look
from immich_transfer.watch.notices import Change, Notices
from immich_transfer.watch.settle import (
    Settling,
    Stamp,
    at_rest,
    failed_pause,
    outage_pause,
)
from immich_transfer.watch.systemd import Supervisor

SECOND = 1_000_000_000
A, B = Stamp(10, 100), Stamp(20, 100)
IMAGES, VIDEOS = frozenset({".jpg", ".png"}), frozenset({".mp4"})


# settling


def test_a_file_is_finished_after_two_equal_looks_the_settle_time_apart() -> None:
    settling = Settling(5)
    assert not settling.seen("a", A, 0)
    assert not settling.seen("a", A, 4.9)
    assert settling.seen("a", A, 5)
    assert "a" not in settling


def test_a_change_of_size_or_of_mtime_starts_the_wait_anew() -> None:
    settling = Settling(5)
    settling.seen("a", A, 0)
    assert not settling.seen("a", B, 4)
    assert not settling.seen("a", B, 8)
    assert not settling.seen("a", Stamp(20, 101), 9)
    assert settling.seen("a", Stamp(20, 101), 14)


def test_a_long_silence_proves_nothing_when_the_file_changed_in_it() -> None:
    settling = Settling(5)
    settling.seen("a", A, 0)
    assert settling.due(100) == ["a"]
    assert not settling.seen("a", B, 100), "it was written in between"
    assert settling.due(104) == []
    assert settling.seen("a", B, 105)


def test_due_is_in_the_order_of_the_last_change() -> None:
    settling = Settling(5)
    for at, name in enumerate("abc"):
        settling.seen(name, A, at)
    settling.seen("a", B, 3)
    assert settling.next_due() == 6
    assert settling.due(7) == ["b", "c"]
    assert settling.waiting() == {"a", "b", "c"}


def test_what_vanished_is_not_waited_for() -> None:
    settling = Settling(5)
    settling.seen("a", A, 0)
    assert not settling.seen("a", None, 6)
    assert settling.next_due() is None
    assert not settling.seen("never there", None, 6)


def test_without_a_settle_time_the_first_look_is_enough() -> None:
    assert Settling(0).seen("a", A, 0)


def test_a_file_waits_for_its_sidecar() -> None:
    settling = Settling(5)
    settling.seen("a.jpg", A, 0)
    settling.hold("a.jpg", 4)
    settling.hold("b.jpg", 4)
    assert not settling.seen("a.jpg", A, 6)
    assert settling.seen("a.jpg", A, 9)
    assert len(settling) == 0


def test_memory_is_bounded_and_what_did_not_fit_is_known() -> None:
    settling = Settling(5, most=2)
    for name in ("a", "b"):
        settling.seen(name, A, 0)
    assert not settling.overflowed
    settling.seen("a", B, 1)
    assert not settling.overflowed, "a known file always fits"
    settling.seen("c", A, 1)
    assert settling.overflowed
    assert settling.waiting() == {"a", "b"}


@pytest.mark.parametrize(
    ("age", "rests"), [(6 * SECOND, True), (5 * SECOND, True), (4 * SECOND, False), (-1, False)]
)
def test_at_rest(age: int, rests: bool) -> None:
    now = 1_700_000_000 * SECOND
    assert at_rest(now - age, now, 5) is rests


def test_pauses_grow_and_stay() -> None:
    pauses = [outage_pause(times) for times in range(1, 9)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pauses[-2] == 60
    failed = [failed_pause(times) for times in range(1, 7)]
    assert failed == [5, 30, 120, 600, None, None]


# what a round looks at


def build(**options: object) -> Filters:
    return Filters.build(UploadOptions(paths=(), **options), IMAGES, VIDEOS, ())  # type: ignore[arg-type]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six photos, all at rest but one."""
    for name in ("a.jpg", "b.jpg", "x/a.jpg", "x/y/c.jpg", "z/d.jpg", "z/fresh.jpg"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"photo")
        os.utime(path, (1000, 1990 if path.stem == "fresh" else 1000))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "root"


def found(tree: Path, search: Round, filters: Filters | None = None) -> list[str]:
    batches = list(search.walk(["root"], filters or build()))
    assert all(file.shown.startswith("root" + os.sep) for b in batches for file in b.files)
    return [os.path.relpath(file.path, tree) for batch in batches for file in batch.files]


def a_round(tree: Path, *, only: set[str] | None = None, waiting: set[str] | None = None) -> Round:
    return Round(
        Meant([str(tree)], hidden=False, default_excludes=True),
        only=None if only is None else frozenset(str(tree / name) for name in only),
        waiting=frozenset(str(tree / name) for name in waiting or ()),
        settle=60,
        now_ns=2000 * SECOND,
    )


def test_everything_but_what_is_fresh_or_waited_for(tree: Path) -> None:
    search = a_round(tree, waiting={"x/a.jpg"})
    assert found(tree, search) == ["a.jpg", "b.jpg", "x/y/c.jpg", "z/d.jpg"]
    assert search.young == {str(tree / "z/fresh.jpg"): Stamp(5, 1990 * SECOND)}


def test_only_what_is_finished_and_nothing_of_the_same_name(tree: Path) -> None:
    search = a_round(tree, only={"x/a.jpg", "z/fresh.jpg", "z/gone.jpg"})
    assert found(tree, search) == ["x/a.jpg", "z/fresh.jpg"]
    assert search.young == {}


def test_a_small_round_enters_only_the_folders_on_the_way(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []
    real = os.scandir

    def scandir(path: str) -> object:
        listed.append(os.path.relpath(path, tree))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert found(tree, a_round(tree, only={"x/y/c.jpg"})) == ["x/y/c.jpg"]
    assert listed == [".", "x", "x/y"]


def test_filters_hold_in_small_rounds_too(tree: Path) -> None:
    only = {"x/a.jpg", "x/y/c.jpg", "a.jpg"}
    assert found(tree, a_round(tree, only=only), build(exclude=("/x/y/",))) == ["a.jpg", "x/a.jpg"]
    assert found(tree, a_round(tree, only=only), build(type="video")) == []


def test_which_notices_are_worth_a_look(tmp_path: Path) -> None:
    root, inner = str(tmp_path), str(tmp_path / ".inner")
    meant = Meant([root, inner], hidden=False, default_excludes=True)
    for name in ("a.jpg", "x/a.jpg", "x/notes.txt", ".inner/a.jpg"):
        assert meant.file(os.path.join(root, name)), name
    for name in (".a.jpg", "x/.y/a.jpg", "@eaDir/a.jpg", "x/Thumbs.db", ".inner/.b/a.jpg"):
        assert not meant.file(os.path.join(root, name)), name
    assert not meant.file(os.path.join(os.path.dirname(root), "a.jpg"))
    meant.filters = build()
    assert not meant.file(os.path.join(root, "x/notes.txt"))
    assert meant.folder(root)
    assert not meant.folder(os.path.join(root, ".git"))


def test_a_look_goes_into_folders_that_came_as_a_whole(tree: Path) -> None:
    (tree / "x" / ".hidden").mkdir()
    (tree / "x" / ".hidden" / "h.jpg").write_bytes(b"hidden")
    meant = Meant([str(tree)], hidden=False, default_excludes=True)
    gone = str(tree / "gone.jpg")
    seen = look([str(tree / "x"), str(tree / "nothing")], [gone, str(tree / "a.jpg")], meant)
    assert seen == {
        str(tree / "x/a.jpg"): Stamp(5, 1000 * SECOND),
        str(tree / "x/y/c.jpg"): Stamp(5, 1000 * SECOND),
        str(tree / "a.jpg"): Stamp(5, 1000 * SECOND),
        gone: None,
    }


def test_whose_sidecar() -> None:
    waiting = ["/r/a.jpg", "/r/a.png", "/r/b.jpg", "/x/a.jpg"]
    assert list(companions("/r/a.xmp", waiting)) == ["/r/a.jpg", "/r/a.png"]
    assert list(companions("/r/a.jpg.XMP", waiting)) == ["/r/a.jpg"]
    assert list(companions("/r/a.jpg", waiting)) == []


def test_notices_from_behind_a_link_get_the_name_that_was_given(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    root = str(tmp_path / "link")
    told: list[Change] = []
    notices = Notices([root], tell=told.extend, lost=lambda: None, say=lambda _: None)
    assert notices._named(str(tmp_path / "real" / "a.jpg")) == os.path.join(root, "a.jpg")
    assert notices._named(os.path.join(root, "a.jpg")) == os.path.join(root, "a.jpg")


# telling


def test_a_round_is_one_line() -> None:
    summary = Summary(
        run="r",
        command="watch",
        exit_code=3,
        discovered=4,
        outcomes={"uploaded": 2, "duplicate": 1, "failed": 1},
        verified=3,
        bytes_sent=2048,
        bytes_received=0,
        bytes_hashed=0,
        requests=0,
        retries=0,
        seconds=1.5,
    )
    assert round_line(summary) == (
        "2 uploaded, 1 already there, 1 failed, 2.0 KiB sent in 1.5 s;"
        " ended with 3: some files failed"
    )


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs UNIX sockets")
@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tmp_path: Path, abstract: bool) -> None:
    if abstract and not os.path.exists("/proc/net/unix"):
        pytest.skip("abstract sockets are Linux's")
    name = f"@immich-transfer-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + name[1:] if abstract else name)
        environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"}
        supervisor = Supervisor(environ)
        supervisor.tell("READY=1", "STATUS=well")
        assert heard.recv(100) == b"READY=1\nSTATUS=well"
    assert supervisor.beat_seconds == 15
    supervisor.tell("nobody hears that any more")
    assert Supervisor({**environ, "WATCHDOG_PID": "1"}).beat_seconds is None
    assert Supervisor({}).beat_seconds is None
    Supervisor({}).tell("READY=1")

"""Lines off a terminal: few, whole, and free of escapes."""

from __future__ import annotations

import io

from immich_transfer.events import (
    Back,
    BytesMoved,
    Discovered,
    Event,
    Notice,
    Retrying,
    RunStarted,
    SendStarted,
    Settled,
    Stopping,
    Waiting,
    WalkDone,
)
from immich_transfer.model import ItemResult, Outcome
from immich_transfer.report import PlainReport

RUN = RunStarted(run="r1", command="upload", server="2.7.5", user="u", user_name="Ann")
MIB = 2**20


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Plain:
    """A plain report with its clock and its lines."""

    def __init__(self, *, quiet: bool = False, verbosity: int = 0, periodic: bool = True) -> None:
        self.clock = Clock()
        self.stream = io.StringIO()
        self.report = PlainReport(
            self.stream, quiet=quiet, verbosity=verbosity, periodic=periodic, clock=self.clock
        )

    def hear(self, *events: Event) -> list[str]:
        """The lines these events made."""
        before = len(self.stream.getvalue())
        for event in events:
            self.report(event)
        return self.stream.getvalue()[before:].splitlines()


def test_a_line_every_thirty_seconds() -> None:
    plain = Plain()
    assert plain.hear(RUN) == ["upload: Immich 2.7.5 as Ann, run r1"]
    assert (
        plain.hear(
            Discovered(files=3000, bytes=100 * MIB),
            SendStarted(1, "a.jpg", 50 * MIB, 1),
            BytesMoved(1, 10 * MIB),
            Settled(ItemResult(Outcome.DUPLICATE, "b.jpg", size=10 * MIB)),
            Retrying("c.jpg", "502", 1.0),
        )
        == []
    )
    plain.clock.now += 30
    assert plain.hear(BytesMoved(1, 10 * MIB), BytesMoved(1, 1)) == [
        "1 of 3,000+ files, 30.0 of 100.0+ MiB, 682.7 KiB/s, 1:10+ left; 1 already there, 1 retry"
    ]
    plain.clock.now += 29
    assert plain.hear(WalkDone()) == []
    plain.clock.now += 1
    plain.report.tick(plain.clock.now)
    assert "1 of 3,000 files" in plain.stream.getvalue().splitlines()[-1]


def test_an_outage_is_said_once_and_its_end_too() -> None:
    plain = Plain()
    plain.hear(RUN)
    waiting = Waiting("Connection refused", 1770)
    assert plain.hear(waiting, waiting) == [
        "server away: Connection refused; trying again, giving up in 29:30"
    ]
    plain.clock.now += 30
    assert plain.hear(waiting) == [
        "server away: Connection refused; trying again, giving up in 29:30"
    ]
    assert plain.hear(Back(31.0)) == ["the server is back after 31 s"]
    assert len(plain.hear(waiting)) == 1


def test_failures_are_told_at_once_and_a_hint_once() -> None:
    plain = Plain()
    failed = ItemResult(Outcome.FAILED, "a\x1b[2J\n.jpg", error="413\nToo large", hint="a proxy")
    assert plain.hear(Settled(failed), Settled(failed)) == [
        "failed  a\ufffd[2J\ufffd.jpg — 413 Too large",
        "        hint: a proxy",
        "failed  a\ufffd[2J\ufffd.jpg — 413 Too large",
    ]


def test_notices_and_stopping() -> None:
    plain = Plain()
    assert plain.hear(Notice("b.xmp is an orphan"), Stopping("Ctrl-C")) == [
        "note  b.xmp is an orphan",
        "stopping  Ctrl-C: nothing new starts, what is in flight finishes",
    ]


def test_quiet_leaves_the_failures() -> None:
    plain = Plain(quiet=True, verbosity=2)
    plain.hear(RUN, Notice("x"), Waiting("x", 1), Back(1.0), Stopping("x"))
    plain.clock.now += 60
    told = plain.hear(
        Settled(ItemResult(Outcome.UPLOADED, "a.jpg")),
        Settled(ItemResult(Outcome.FAILED, "b.jpg", error="no")),
    )
    assert told == ["failed  b.jpg — no"]
    assert plain.stream.getvalue() == "failed  b.jpg — no\n"


def test_verbose_names_every_item_and_twice_every_retry() -> None:
    events = (
        Settled(ItemResult(Outcome.UPLOADED, "a.jpg", size=2048)),
        Settled(ItemResult(Outcome.SKIPPED, "b.txt", reason="unsupported type")),
        Retrying("c.jpg", "502 Bad Gateway", 1.5),
    )
    items = ["uploaded       a.jpg (2.0 KiB)", "skipped        b.txt — unsupported type"]
    assert Plain(verbosity=1).hear(*events) == items
    assert Plain(verbosity=2).hear(*events) == [
        *items,
        "retrying  c.jpg in 1.5 s — 502 Bad Gateway",
    ]


def test_no_progress_means_none() -> None:
    plain = Plain(periodic=False)
    plain.hear(RUN)
    plain.clock.now += 60
    assert plain.hear(Discovered(files=1, bytes=1), Notice("x")) == ["note  x"]


def test_letters_the_stream_lacks_do_not_end_the_run() -> None:
    raw = io.BytesIO()
    report = PlainReport(io.TextIOWrapper(raw, encoding="latin-1"))
    report(Settled(ItemResult(Outcome.FAILED, "写\udcff.jpg", error="no")))
    assert raw.getvalue() == b"failed  ??.jpg ? no\n"

"""The live display: it fits, it is literal, it is calm, and it leaves nothing behind."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from immich_transfer.events import (
    Back,
    BytesMoved,
    Discovered,
    Hashed,
    Notice,
    Retrying,
    RunStarted,
    SendEnded,
    SendStarted,
    Settled,
    Stopping,
    Waiting,
    WalkDone,
)
from immich_transfer.model import ItemResult, Outcome
from immich_transfer.report.drawing import bar
from immich_transfer.report.live import LiveReport

RUN = RunStarted(run="r1", command="upload", server="2.7.5", user="u", user_name="Ann")
MIB = 2**20
NAMES = (
    "Fotos/2023/Sommerurlaub an der Ostsee/IMG_20230714_183312_HDR_bearbeitet-final-v2.jpg",
    "写真/二〇二三年/夏休みの海辺でとった家族の写真_0001_とても長い名前のファイル.HEIC",
    "Fotos/[red]x[/red].jpg",
    "Fotos/\x1b[31mevil\u202egpj.exe",
    "🎉👨\u200d👩\u200d👧\u200d👦❤\ufe0f👍🏽 party/vid.mp4",
    "Fotos/b\udcff\r\n.jpg",
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A live report on a terminal of a given size, redrawn by hand."""

    def __init__(self, width: int = 80, height: int = 24, *, verbosity: int = 0) -> None:
        self.stream = io.StringIO()
        self.console = Console(
            file=self.stream,
            force_terminal=True,
            width=width,
            height=height,
            color_system="standard",
            legacy_windows=False,
            highlight=False,
            _environ={},
        )
        self.clock = Clock()
        self.report = LiveReport(self.console, verbosity=verbosity, redraws=0, clock=self.clock)

    def lines(self) -> list[str]:
        """The block as it would be drawn now, without colours."""
        rendered = self.console.render_lines(self.report, pad=False)
        return ["".join(segment.text for segment in line) for line in rendered]


def busy(screen: Screen) -> None:
    report = screen.report
    report(RUN)
    report(Discovered(files=12_345_678, bytes=900_000 * MIB))
    for outcome in Outcome:
        if outcome is not Outcome.PENDING:
            report(Settled(ItemResult(outcome, "x.jpg", size=1000 * MIB)))
    report(Retrying("c.jpg", "502", 5.0))
    for key, name in enumerate(NAMES * 2):
        report(SendStarted(key, name, 100 * MIB, 1 + key % 3))
        report(BytesMoved(key, key * 8 * MIB))
    screen.clock.now += 10


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    screen = Screen(width)
    busy(screen)
    screen.report(Waiting("Cannot connect to host photos.example.org:443 " * 3, 1770))
    for line in screen.lines():
        assert cell_len(line) < width
        assert line.isprintable()


def test_the_block_at_eighty_columns() -> None:
    screen = Screen(80)
    report = screen.report
    report(RUN)
    report(Discovered(files=3000, bytes=1000 * MIB))
    report(Settled(ItemResult(Outcome.DUPLICATE, "x.jpg", size=100 * MIB)))
    report(SendStarted(1, NAMES[0], 800 * MIB, 1))
    report(SendStarted(2, NAMES[2], 50 * MIB, 2))
    report(BytesMoved(1, 400 * MIB))
    screen.clock.now += 10
    assert screen.lines() == [
        "upload: Immich 2.7.5 as Ann, run r1",
        "━" * 36 + "╸" + "─" * 36 + "  50 %",
        "1 of 3,000+ files · 500.0 MiB of 1.0+ GiB · 40.0 MiB/s · 0:10+ left",
        "0 uploaded · 1 already there",
        "",
        "  Fotos/2023/Somm…312_HDR_bearbeitet-final-v2.jpg ━━━━━━──────  50 %  800.0 MiB",
        "  Fotos/[red]x[/red].jpg (attempt 2)              ────────────   0 %   50.0 MiB",
    ]
    report(WalkDone())
    assert "1 of 3,000 files" in screen.lines()[2]


def test_reading_is_said_while_nothing_is_sent() -> None:
    screen = Screen()
    screen.report(RUN)
    screen.report(Hashed(100 * MIB))
    screen.clock.now += 5
    assert "reading 20.0 MiB/s" in screen.lines()[2]


def test_many_files_in_flight_and_a_short_terminal() -> None:
    screen = Screen(120, 24)
    busy(screen)
    assert screen.lines()[-1] == "  +4 more"
    assert len(screen.lines()) <= 24
    short = Screen(120, 9)
    busy(short)
    assert len(short.lines()) < 9
    tiny = Screen(120, 5)
    busy(tiny)
    assert len(tiny.lines()) < 5


def test_a_transfer_keeps_its_row() -> None:
    screen = Screen()
    report = screen.report
    report(RUN)
    for key in range(3):
        report(SendStarted(key, f"{key}.jpg", MIB, 1))

    def names() -> list[str]:
        return [line.split()[0] if line.split() else "" for line in screen.lines()[5:]]

    assert names() == ["0.jpg", "1.jpg", "2.jpg"]
    report(SendEnded(1))
    assert names() == ["0.jpg", "1.jpg", "2.jpg"]
    report(SendStarted(3, "3.jpg", MIB, 1))
    assert names() == ["0.jpg", "3.jpg", "2.jpg"]
    report(SendEnded(0))
    report(SendEnded(2))
    screen.clock.now += 2
    assert names() == ["", "3.jpg"]


def test_progress_never_runs_backwards() -> None:
    screen = Screen()
    report = screen.report
    report(RUN)
    report(Discovered(files=1, bytes=100 * MIB))
    report(SendStarted(1, "a.jpg", 100 * MIB, 1))
    report(BytesMoved(1, 60 * MIB))
    assert screen.lines()[1].endswith("60 %")
    report(SendEnded(1))
    report(SendStarted(2, "a.jpg", 100 * MIB, 2))
    assert screen.lines()[1].endswith("60 %")


def test_an_outage_counts_down() -> None:
    screen = Screen()
    screen.report(RUN)
    screen.report(Waiting("Connection refused", 1770))
    said = "server away: Connection refused; trying again, giving up in "
    assert screen.lines()[4] == said + "29:30"
    screen.clock.now += 61
    assert screen.lines()[4] == said + "28:29"
    screen.report(Back(61.0))
    assert len(screen.lines()) == 4
    screen.report(Stopping("Ctrl-C"))
    assert screen.lines()[4].startswith("stopping:")


def test_a_narrow_outage_keeps_its_countdown() -> None:
    screen = Screen(44)
    screen.report(Waiting("Cannot connect to host photos.example.org:443", 1770))
    assert screen.lines() == [
        "connecting to the server",
        "server away, giving up in 29:30: Cannot co…",
    ]


def test_lines_are_told_above_and_literally() -> None:
    screen = Screen(200)
    with screen.report as report:
        report(RUN)
        report(Settled(ItemResult(Outcome.FAILED, "[red]x[/red]\x1b[2J:smile:.jpg", error="413")))
        report(Notice("a [b]note[/b]"))
        report.tick()
        assert "[red]x[/red]\ufffd[2J:smile:.jpg — 413" in screen.stream.getvalue()
        assert "a [b]note[/b]" in screen.stream.getvalue()


def test_what_is_told_wraps_to_the_terminal() -> None:
    screen = Screen(40)
    with screen.report as report:
        # Before the run starts there is no block, so the stream holds these lines only.
        report(Settled(ItemResult(Outcome.FAILED, NAMES[0], error="413 Request Entity Too Large")))
        report.tick()
        told = screen.stream.getvalue()
    plain = told.replace("\x1b[31m", "").replace("\x1b[0m", "")
    assert all(cell_len(line) <= 40 for line in plain.splitlines())


def test_the_terminal_is_left_clean() -> None:
    screen = Screen()
    with screen.report as report:
        busy(screen)
        report.tick()
        assert screen.stream.getvalue().count("\x1b[?25l") == 1
        report(Settled(ItemResult(Outcome.FAILED, "last.jpg", error="no")))
    end = screen.stream.getvalue()
    assert "last.jpg" in end
    assert "\x1b[?25h" in end
    assert end.endswith("\x1b[2K")


def test_a_narrower_terminal_is_cleared_of_folded_lines() -> None:
    screen = Screen(80)
    with screen.report as report:
        report(RUN)
        report(Discovered(files=10, bytes=MIB))
        report.tick()
        screen.console.width = 50
        before = len(screen.stream.getvalue())
        report.tick()
        drawn = screen.stream.getvalue()[before:]
    # The bar (79 columns) folded once, and the line of numbers did not.
    assert drawn.startswith("\r\x1b[2K\x1b[1A\x1b[2K")


def test_a_terminal_that_is_gone_ends_the_display_only() -> None:
    screen = Screen()
    with screen.report as report:
        report(RUN)
        report.tick()
        screen.stream.close()
        report(Notice("x"))
        report.tick()


def test_the_thread_ends_with_the_block() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, height=24, _environ={})
    with LiveReport(console) as report:
        report(RUN)
    assert report._thread is not None
    assert not report._thread.is_alive()


@pytest.mark.parametrize("share", [-1, 0, 0.01, 0.5, 0.999, 1, 7])
def test_a_bar_is_as_wide_as_told(share: float) -> None:
    assert bar(share, 33).cell_len == 33

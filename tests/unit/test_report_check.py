"""What a check and a scrub are told as: every difference counted, the first ones named."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from immich_transfer.events import (
    BytesMoved,
    Discovered,
    Event,
    Finished,
    Hashed,
    RunStarted,
    SendStarted,
    Settled,
    WalkDone,
)
from immich_transfer.model import ItemResult, Outcome, Summary
from immich_transfer.report import JsonLines, Tally, render_summary
from immich_transfer.report.summary import last_word
from tests.unit.test_report_live import Screen
from tests.unit.test_report_plain import Plain

RUN = RunStarted(run="r1", command="check", server="2.7.5", user="u", user_name="Ann")
SCRUB = RunStarted(run="r1", command="scrub", server="", user="", user_name="")
MIB = 2**20


def summary(exit_code: int = 0, /, **changes: Any) -> Summary:
    outcomes = changes.pop("outcomes", {"equal": 2000})
    values: dict[str, Any] = {
        "run": "r1",
        "command": "check",
        "exit_code": exit_code,
        "discovered": sum(outcomes.values()),
        "outcomes": outcomes,
        "verified": 0,
        "bytes_sent": 0,
        "bytes_received": 0,
        "bytes_hashed": 0,
        "requests": 4,
        "retries": 0,
        "seconds": 1.5,
    }
    return Summary(**{**values, **changes})


def scrub(exit_code: int = 0, /, **changes: Any) -> Summary:
    return summary(exit_code, command="scrub", **changes)


def differing() -> Tally:
    """What a check of two sides that differ in every way has heard."""
    tally = Tally()
    events: list[Event] = [RUN]
    for n in range(30):
        events.append(Settled(ItemResult(Outcome.MISSING_REMOTE, f"Fotos/new  {n}.jpg", size=MIB)))
    for item in (
        ItemResult(Outcome.EQUAL, "Fotos/a.jpg", size=3 * MIB),
        ItemResult(Outcome.UNVERIFIABLE, "Fotos/b.jpg", size=MIB),
        ItemResult(Outcome.MISSING_LOCAL, "Trip/c.jpg", size=MIB),
        ItemResult(Outcome.DIFFERS, "Fotos/d.jpg", size=MIB, note="here 1.0 MiB, there 2.0 MiB"),
        ItemResult(Outcome.TRASHED, "Fotos/e.jpg", size=MIB),
        ItemResult(Outcome.SKIPPED, "Fotos/f.txt", reason="unsupported type"),
        ItemResult(Outcome.FAILED, "Fotos/g.jpg", error="Permission denied"),
    ):
        events.append(Settled(item))
    for event in events:
        tally(event)
    return tally


DIFFERING = {
    "equal": 1,
    "unverifiable": 1,
    "missing-remote": 30,
    "missing-local": 1,
    "differs": 1,
    "trashed": 1,
    "skipped": 1,
    "failed": 1,
}


def test_a_page_names_the_worst_first() -> None:
    end = summary(
        4,
        outcomes=DIFFERING,
        bytes_hashed=3 * MIB,
        notes=("1 by its fingerprint; --read reads it",),
    )
    assert render_summary(end, differing(), width=100, color=False).splitlines() == [
        "Check, Immich 2.7.5",
        "",
        "  the same       1  (3.0 MiB)",
        "  not provable   1  the server has no checksum of their bytes (external libraries)",
        "  only here     30  no counterpart there; upload sends what the server lacks",
        "  only there     1  no counterpart here; download fetches what this disk lacks",
        "  different      1  the bytes are not the same; both sides were left as they are",
        "  in the trash   1  the server has them, but in its trash",
        "  skipped        1  unsupported type: 1",
        "  failed         1",
        "",
        "  1.5 s: read 3.0 MiB for hashing, 4 requests",
        "",
        "33 files differ:",
        "  * Fotos/d.jpg",
        "      here 1.0 MiB, there 2.0 MiB",
        "  * Fotos/e.jpg",
        "  - Trip/c.jpg",
        *(f"  + Fotos/new  {n}.jpg" for n in range(7)),
        "  … and 23 more: --combined FILE or --json names every one",
        "",
        "1 file could not be compared:",
        "  Fotos/g.jpg",
        "    Permission denied",
        "",
        "  ! 1 by its fingerprint; --read reads it",
        "",
        "33 files differ: 1 different, 1 in the trash, 1 only there, 30 only here; the lines above "
        "name the",
        "first 10. 1 file could not be compared.",
    ]


def test_a_narrow_page_folds_its_prose_and_no_name() -> None:
    lines = render_summary(
        summary(4, outcomes=DIFFERING), differing(), width=44, color=False
    ).splitlines()
    assert "  + Fotos/new  6.jpg" in lines
    at = lines.index("  only here     30  no counterpart there;")
    assert lines[at + 1 : at + 3] == [
        "                    upload sends what the",
        "                    server lacks",
    ]
    assert max(map(len, lines)) <= 44


def test_colours() -> None:
    page = render_summary(summary(4, outcomes=DIFFERING), differing(), width=80, color=True)
    assert "\x1b[32m  the same       1\x1b[0m" in page
    assert "\x1b[33m  only here     30\x1b[0m" in page
    assert "\x1b[31m  different      1\x1b[0m" in page
    assert "\x1b[31m33 files differ:\x1b[0m" in page
    assert "\n  * Fotos/d.jpg\n" in page


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (summary(), "All 2,000 files are the same here and on the server, bit for bit."),
        (
            summary(outcomes={"equal": 1}),
            "The file is the same here and on the server, bit for bit.",
        ),
        (
            summary(message="Every asset of Trip is on disk"),
            "Every asset of Trip is on disk. "
            "All 2,000 files are the same here and on the server, bit for bit.",
        ),
        (
            summary(outcomes={"equal": 8, "unverifiable": 1, "skipped": 2}),
            "8 files are the same here and on the server, bit for bit; 1 file is on both sides, "
            "not provable; 2 files were left out, as said above.",
        ),
        (
            summary(outcomes={"unverifiable": 2}),
            "2 files are on both sides, not provable, as said above.",
        ),
        (
            summary(outcomes={"skipped": 2}),
            "Nothing was compared: 2 files were left out, as said above.",
        ),
        (summary(outcomes={}), "No files were found: nothing to compare."),
        (summary(dry_run=True, outcomes={"equal": 1}), last_word(summary(outcomes={"equal": 1}))),
        (
            summary(4, outcomes={"equal": 9, "missing-remote": 3}),
            "3 files are only here; the lines above name them.",
        ),
        (
            summary(4, outcomes={"differs": 1}),
            "1 file is different; the lines above name it.",
        ),
        (
            summary(4, outcomes={"differs": 1, "missing-local": 2, "pending": 5}),
            "3 files differ: 1 different, 2 only there; the lines above name them. 5 files to go.",
        ),
        (summary(4, outcomes={"equal": 3}), "The two sides differ."),
        (
            summary(3, outcomes={"equal": 9, "failed": 1}),
            "1 file could not be compared; everything else is the same on both sides. "
            "Run the same command again when that is solved.",
        ),
        (
            summary(3, outcomes={"equal": 9, "unverifiable": 1, "failed": 1}),
            "1 file could not be compared. Run the same command again when that is solved.",
        ),
        (
            summary(5, message="Connection refused"),
            "Connection refused. Nothing was changed; "
            "when the server is back, run the same command again.",
        ),
        (
            summary(12, message="The key lacks album.read"),
            "The key lacks album.read. With a key that may, run the same command again.",
        ),
        (
            summary(130, outcomes={"equal": 1, "pending": 1234}),
            "Interrupted; nothing was changed. 1,234 files to go. "
            "To go on from here, run the same command again.",
        ),
        (scrub(), "All 2,000 files are intact, bit for bit as written."),
        (
            scrub(outcomes={"equal": 8, "downloaded": 2}),
            "All 10 files are intact, bit for bit as written; 2 files were fetched again.",
        ),
        (
            scrub(outcomes={"equal": 8, "skipped": 1}),
            "8 files are intact, bit for bit as written; 1 file was left out, as said above.",
        ),
        (
            scrub(4, outcomes={"equal": 8, "differs": 1}),
            "1 file is damaged; the lines above name it. "
            "To fetch from the server what is damaged or gone, add --repair.",
        ),
        (
            scrub(4, outcomes={"differs": 1, "missing-local": 2, "downloaded": 1}),
            "3 files are not as they were written: 1 damaged, 2 gone; the lines above name them.",
        ),
        (
            scrub(3, outcomes={"equal": 8, "failed": 1}),
            "1 file could not be checked; everything else is intact. "
            "Run the same command again when that is solved.",
        ),
        (
            scrub(dry_run=True, outcomes={"equal": 8, "downloaded": 2}),
            "Dry run: would fetch 2 files again; nothing was received.",
        ),
        (
            scrub(dry_run=True, outcomes={"equal": 8}),
            "All 8 files are intact, bit for bit as written.",
        ),
    ],
)
def test_the_last_line_says_how_it_stands(end: Summary, said: str) -> None:
    assert last_word(end) == said


def test_a_page_of_a_scrub() -> None:
    tally = Tally()
    for event in (
        SCRUB,
        Settled(ItemResult(Outcome.EQUAL, "a.jpg", size=3 * MIB)),
        Settled(ItemResult(Outcome.MISSING_LOCAL, "b.jpg")),
        Settled(ItemResult(Outcome.DIFFERS, "c.jpg")),
        Settled(ItemResult(Outcome.DOWNLOADED, "d.jpg", size=MIB)),
    ):
        tally(event)
    end = scrub(
        4,
        outcomes={"equal": 1, "missing-local": 1, "differs": 1, "downloaded": 1},
        bytes_received=3 * MIB,
        bytes_hashed=5 * MIB,
    )
    assert render_summary(end, tally, width=60, color=False).splitlines() == [
        "Scrub",
        "",
        "  fetched again  1  (1.0 MiB)",
        "  intact         1  (3.0 MiB)",
        "  gone           1  written once, and not there any more",
        "  damaged        1  not the bytes that were written:",
        "                    decayed, or edited since",
        "",
        "  1.5 s: received 3.0 MiB at 2.0 MiB/s, read 5.0 MiB for",
        "  hashing, 4 requests",
        "",
        "2 files are not as they were written:",
        "  * c.jpg",
        "  - b.jpg",
        "",
        "2 files are not as they were written: 1 damaged, 1 gone; the",
        "lines above name them.",
    ]


# While it runs.


def test_the_block_says_what_is_read_and_no_idle_speed() -> None:
    screen = Screen(80)
    report = screen.report
    report(RUN)
    report(Discovered(files=10, bytes=100 * MIB))
    report(WalkDone())
    assert screen.lines()[2:] == ["0 of 10 files · 0 B of 100.0 MiB", "0 the same"]
    report(Hashed(50 * MIB))
    report(Settled(ItemResult(Outcome.EQUAL, "a.jpg", size=40 * MIB)))
    report(Settled(ItemResult(Outcome.DIFFERS, "b.jpg", size=10 * MIB)))
    report(Settled(ItemResult(Outcome.MISSING_REMOTE, "c.jpg")))
    screen.clock.now += 10
    assert screen.lines() == [
        "check: Immich 2.7.5 as Ann, run r1",
        "━" * 36 + "╸" + "─" * 36 + "  50 %",
        "3 of 10 files · 50.0 of 100.0 MiB · reading 5.0 MiB/s · 0:10 left",
        "1 the same · 1 only here · 1 different",
    ]


def test_a_repair_receives() -> None:
    screen = Screen(80)
    screen.report(SCRUB)
    assert screen.lines()[0] == "scrub: run r1"
    screen.report(SendStarted(1, "a.jpg", 50 * MIB, 1))
    screen.report(BytesMoved(1, 40 * MIB))
    screen.clock.now += 10
    assert "receiving 4.0 MiB/s" in screen.lines()[2]


def test_lines_off_a_terminal() -> None:
    plain = Plain(verbosity=1)
    plain.hear(RUN)
    items = [
        ItemResult(Outcome.EQUAL, "a.jpg", size=2048),
        ItemResult(Outcome.UNVERIFIABLE, "b.jpg"),
        ItemResult(Outcome.MISSING_REMOTE, "c.jpg"),
        ItemResult(Outcome.MISSING_LOCAL, "d.jpg"),
        ItemResult(Outcome.DIFFERS, "e.jpg", note="here 1 B, there 2 B"),
        ItemResult(Outcome.TRASHED, "f.jpg"),
        ItemResult(Outcome.FAILED, "g.jpg", error="Permission denied"),
    ]
    assert plain.hear(*map(Settled, items)) == [
        "the same       a.jpg",
        "not provable   b.jpg",
        "only here      c.jpg",
        "only there     d.jpg",
        "different      e.jpg — here 1 B, there 2 B",
        "in the trash   f.jpg",
        "failed  g.jpg — Permission denied",
    ]
    plain.clock.now += 40
    assert plain.hear(WalkDone()) == [
        "7 of 7 files, 2.0 KiB; 1 the same, 1 not provable, 1 only here, 1 only there, "
        "1 different, 1 in the trash, 1 failed"
    ]


def test_json_lines() -> None:
    stream = io.BytesIO()
    report = JsonLines(stream, progress=False)
    report(RUN)
    report(Settled(ItemResult(Outcome.MISSING_LOCAL, "a.jpg", size=5)))
    report(Settled(ItemResult(Outcome.DIFFERS, "b.jpg", size=5, note="there 7 B")))
    report(Settled(ItemResult(Outcome.FAILED, "c.jpg", error="Permission denied", hint="chmod")))
    report(Settled(ItemResult(Outcome.UNVERIFIABLE, "d.jpg", reason="external library")))
    end = summary(4, outcomes={"missing-local": 1, "differs": 1, "failed": 1, "unverifiable": 1})
    report(Finished(end))
    assert stream.getvalue().decode().splitlines()[1:-1] == [
        '{"type":"item","outcome":"missing-local","path":"a.jpg","bytes":5}',
        '{"type":"item","outcome":"differs","path":"b.jpg","bytes":5,"note":"there 7 B"}',
        '{"type":"item","outcome":"failed","path":"c.jpg","bytes":0,"error":"Permission denied",'
        '"hint":"chmod"}',
        '{"type":"item","outcome":"unverifiable","path":"d.jpg","bytes":0,'
        '"reason":"external library"}',
    ]
    assert json.loads(stream.getvalue().splitlines()[-1]) == end.line()

"""What a download and a mirror are told as: while they run, on the last page, in JSON lines."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from immich_transfer.events import (
    BytesMoved,
    Discovered,
    Finished,
    RunStarted,
    SendEnded,
    SendStarted,
    Settled,
    WalkDone,
)
from immich_transfer.model import AssetId, ItemResult, Outcome, Sha1, Summary
from immich_transfer.report import JsonLines, Tally, render_summary
from immich_transfer.report.summary import last_word
from immich_transfer.report.tally import NAMED_KEPT
from tests.unit.test_report_live import Screen
from tests.unit.test_report_plain import Plain

RUN = RunStarted(run="r1", command="download", server="2.7.5", user="u", user_name="Ann")
MIRROR = RunStarted(run="r1", command="mirror", server="2.7.5", user="u", user_name="Ann")
DRY = RunStarted("r1", "mirror", "2.7.5", "u", "Ann", dry_run=True)
MIB = 2**20
HERE = ("downloaded", "unchanged", "moved", "conflict")


def summary(exit_code: int = 0, /, **changes: Any) -> Summary:
    outcomes = changes.pop("outcomes", {"downloaded": 2000})
    values: dict[str, Any] = {
        "run": "r1",
        "command": "download",
        "exit_code": exit_code,
        "discovered": sum(outcomes.values()),
        "outcomes": outcomes,
        "verified": sum(outcomes.get(outcome, 0) for outcome in HERE),
        "bytes_sent": 0,
        "bytes_received": 0,
        "bytes_hashed": 0,
        "requests": 4,
        "retries": 0,
        "seconds": 1.5,
    }
    return Summary(**{**values, **changes})


def mirror(exit_code: int = 0, /, **changes: Any) -> Summary:
    return summary(exit_code, command="mirror", **changes)


def everything(*, dry_run: bool = False) -> Tally:
    """A mirror in which everything happened once or more."""
    tally = Tally()
    tally(DRY if dry_run else MIRROR)
    items = [
        ItemResult(Outcome.DOWNLOADED, "Trip/a.jpg", size=9 * MIB),
        ItemResult(Outcome.UNCHANGED, "Trip/b.jpg", size=3 * MIB),
        ItemResult(Outcome.MOVED, "Trip/c.jpg", size=MIB, note="was Old/c.jpg"),
        ItemResult(Outcome.SKIPPED, "Trip/d.jpg", size=MIB, reason="deleted here"),
        ItemResult(Outcome.CONFLICT, "Trip/e.jpg", size=MIB, note="local: Trip/e (local).jpg"),
        *(ItemResult(Outcome.REMOVED, f"Old/{n}.jpg", size=MIB) for n in range(12)),
        ItemResult(Outcome.FAILED, "Trip/f.jpg", size=MIB, error="wrong checksum, 3 times"),
    ]
    for item in items:
        tally(Settled(item))
    return tally


EVERYTHING = {
    "downloaded": 1,
    "unchanged": 1,
    "moved": 1,
    "skipped": 1,
    "conflict": 1,
    "removed": 12,
    "failed": 1,
}


def test_a_page_of_a_mirror() -> None:
    end = mirror(
        3,
        outcomes=EVERYTHING,
        verified=3,
        bytes_received=10 * MIB,
        bytes_hashed=3 * MIB,
        seconds=5,
        notes=("removed files are in /photos/.trash",),
    )
    assert render_summary(end, everything(), width=100, color=False).splitlines() == [
        "Mirror, Immich 2.7.5",
        "",
        "  downloaded     1  (9.0 MiB)",
        "  already here   1  (3.0 MiB)",
        "  moved          1  renamed here, as on the server",
        "  removed       12  no longer part of it on the server; kept in the trash folder",
        "  kept both      1  the local file differed; it is kept beside as “name (local).ext”",
        "  skipped        1  deleted here: 1",
        "  failed         1  (1.0 MiB)",
        "  verified      3 of 4 against the server's own checksums",
        "",
        "  5.0 s: received 10.0 MiB at 2.0 MiB/s, read 3.0 MiB for hashing, 4 requests",
        "",
        "1 local file was kept beside the server's:",
        "  Trip/e.jpg",
        "    local: Trip/e (local).jpg",
        "",
        "12 files were removed:",
        *(f"  Old/{n}.jpg" for n in range(10)),
        "  … and 2 more: -v or --json names every one",
        "",
        "1 file failed:",
        "  Trip/f.jpg",
        "    wrong checksum, 3 times",
        "",
        "  ! removed files are in /photos/.trash",
        "",
        "1 file failed; everything else is on this disk. Run the same command again when that is "
        "solved, or:",
        "immich-transfer resume",
    ]


def test_a_page_of_a_dry_run_is_narrow_and_changes_nothing() -> None:
    end = mirror(3, outcomes=EVERYTHING, verified=0, dry_run=True)
    assert render_summary(end, everything(dry_run=True), width=60, color=False).splitlines() == [
        "Mirror, Immich 2.7.5, dry run: nothing was changed",
        "",
        "  would download    1  (9.0 MiB)",
        "  already here      1  (3.0 MiB)",
        "  would move        1  as on the server",
        "  would remove     12  no longer part of it on the server;",
        "                       would go to the trash folder",
        "  would keep both   1  the local file differs; it would stay",
        "                       beside as “name (local).ext”",
        "  skipped           1  deleted here: 1",
        "  failed            1  (1.0 MiB)",
        "",
        "  1.5 s: 4 requests",
        "",
        "1 local file would be kept beside the server's:",
        "  Trip/e.jpg",
        "    local: Trip/e (local).jpg",
        "",
        "12 files would be removed:",
        *(f"  Old/{n}.jpg" for n in range(10)),
        "  … and 2 more: -v or --json names every one",
        "",
        "1 file failed:",
        "  Trip/f.jpg",
        "    wrong checksum, 3 times",
        "",
        "Dry run: would download 1 file, move 1, keep both versions",
        "of 1 and remove 12; nothing was received. 1 file would fail.",
    ]


def test_colours_say_what_to_look_at() -> None:
    page = render_summary(
        mirror(outcomes={"downloaded": 2, "unchanged": 1, "removed": 1, "conflict": 1}),
        Tally(),
        width=80,
        color=True,
    )
    assert "\x1b[32m  downloaded    2\x1b[0m" in page
    assert "\n  already here  1" in page
    assert "\x1b[33m  removed       1\x1b[0m" in page
    assert "\x1b[33m  kept both     1\x1b[0m" in page


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (summary(), "All 2,000 files are on this disk, verified."),
        (summary(outcomes={"unchanged": 1}), "The file is on this disk, verified."),
        (
            summary(outcomes={"downloaded": 2, "unchanged": 3, "moved": 4, "conflict": 1}),
            "All 10 files are on this disk, verified.",
        ),
        (summary(outcomes={}), "No assets were found: nothing to do."),
        (
            summary(verified=1990),
            "All 2,000 files are on this disk, 1,990 of them verified.",
        ),
        (
            summary(outcomes={"downloaded": 1, "skipped": 1}),
            "1 file is on this disk, verified; 1 file was left out, as said above.",
        ),
        (
            mirror(outcomes={"unchanged": 9, "skipped": 1, "removed": 3}),
            "9 files are on this disk, verified; 1 file was left out and 3 files were removed, "
            "as said above.",
        ),
        (
            summary(outcomes={"skipped": 2}),
            "Nothing was received: 2 files were left out, as said above.",
        ),
        (
            summary(3, outcomes={"downloaded": 1, "failed": 1}),
            "1 file failed; everything else is on this disk. Run the same command again "
            "when that is solved, or: immich-transfer resume",
        ),
        (
            summary(3, outcomes={"downloaded": 1, "skipped": 1}),
            "1 file left out, which --strict counts as a failure.",
        ),
        (
            summary(5, message="Connection refused"),
            "Connection refused. Nothing is lost; when the server is back: immich-transfer resume",
        ),
        (
            summary(7, message="No space left on /photos"),
            "No space left on /photos. When that is solved: immich-transfer resume",
        ),
        (
            mirror(8, message="812 of 900 files would go", outcomes={"unchanged": 88}),
            "812 of 900 files would go. Nothing was removed; 88 files are on this disk.",
        ),
        (
            mirror(8, message="the album is empty or gone", outcomes={}),
            "the album is empty or gone. Nothing was removed.",
        ),
        (
            mirror(8, message="2 files failed (--max-errors)", outcomes={"failed": 2}),
            "2 files failed (--max-errors) Nothing was removed. "
            "To go on from here: immich-transfer resume",
        ),
        (
            summary(8, message="2 files failed", outcomes={"failed": 2}),
            "2 files failed. To go on from here: immich-transfer resume",
        ),
        (
            summary(130, outcomes={"downloaded": 1, "pending": 1234}),
            "Interrupted; nothing is lost. 1,234 files to go. "
            "To go on from here: immich-transfer resume",
        ),
        (
            summary(dry_run=True, outcomes={"downloaded": 12, "unchanged": 1}),
            "Dry run: would download 12 files; nothing was received.",
        ),
        (
            mirror(dry_run=True, outcomes={"removed": 3}),
            "Dry run: would remove 3 files; nothing was received.",
        ),
        (
            summary(3, dry_run=True, outcomes={"unchanged": 1, "failed": 1}),
            "Dry run: nothing would be received. 1 file would fail.",
        ),
    ],
)
def test_the_last_line_says_what_to_do(end: Summary, said: str) -> None:
    assert last_word(end) == said


@pytest.mark.parametrize("width", [40, 80, 200])
def test_prose_fits(width: int) -> None:
    end = mirror(3, outcomes=EVERYTHING, notes=("long " * 40,))
    page = render_summary(end, everything(), width=width, color=False)
    assert max(map(len, page.splitlines())) <= width


def test_what_is_named_is_bounded_and_its_notes_are_its_own() -> None:
    tally = Tally()
    for n in range(1000):
        tally(Settled(ItemResult(Outcome.REMOVED, f"{n}.jpg", note=f"to {n}")))
        tally(Settled(ItemResult(Outcome.MOVED, f"{n}.jpg", note=f"was {n}")))
        tally(Settled(ItemResult(Outcome.DOWNLOADED, f"{n}.jpg", note="no checksum")))
    assert [item.path for item in tally.named[Outcome.REMOVED]] == [
        f"{n}.jpg" for n in range(NAMED_KEPT)
    ]
    assert Outcome.MOVED not in tally.named
    assert tally.notes == {"no checksum": 1000}


def test_a_name_never_brings_its_own_colour() -> None:
    tally = Tally()
    tally(Settled(ItemResult(Outcome.CONFLICT, "a\x1b[31m.jpg", note="b\x1b[2J")))
    page = render_summary(summary(outcomes={"conflict": 1}), tally, width=80, color=False)
    assert "\x1b" not in page
    assert "a\ufffd[31m.jpg" in page


# While it runs.


def test_the_block_says_what_is_received() -> None:
    screen = Screen(80)
    report = screen.report
    report(RUN)
    report(Discovered(files=3000, bytes=1000 * MIB))
    assert screen.lines()[3] == "0 downloaded"
    report(Settled(ItemResult(Outcome.UNCHANGED, "x.jpg", size=100 * MIB)))
    report(SendStarted(1, "Trip/a.jpg", 800 * MIB, 1))
    report(SendStarted(2, "Trip/b.jpg", 50 * MIB, 1))
    report(BytesMoved(1, 400 * MIB))
    report(BytesMoved(2, 50 * MIB))
    report(SendEnded(2))
    report(Settled(ItemResult(Outcome.CONFLICT, "y.jpg")))
    screen.clock.now += 10
    assert screen.lines() == [
        "download: Immich 2.7.5 as Ann, run r1",
        "━" * 40 + "─" * 33 + "  55 %",
        "3 of 3,000+ files · 550.0 MiB of 1.0+ GiB · receiving 45.0 MiB/s · 0:08+ left",
        "0 downloaded · 1 already here · 1 kept both · 1 being stored",
        "",
        "  Trip/a.jpg                                      ━━━━━━──────  50 %  800.0 MiB",
    ]


def test_the_block_of_a_dry_mirror() -> None:
    screen = Screen(40)
    screen.report(DRY)
    for outcome in (Outcome.DOWNLOADED, Outcome.MOVED, Outcome.REMOVED, Outcome.CONFLICT):
        screen.report(Settled(ItemResult(outcome, "x.jpg")))
    assert screen.lines()[-2:] == [
        "1 would download · 1 would move",
        "1 would remove · 1 would keep both",
    ]


def test_a_low_terminal_keeps_the_head() -> None:
    screen = Screen(20, 5)
    screen.report(MIRROR)
    for outcome in Outcome:
        screen.report(Settled(ItemResult(outcome, "x.jpg")))
    assert len(screen.lines()) == 4
    assert screen.lines()[0].startswith("mirror")


def test_lines_off_a_terminal() -> None:
    plain = Plain()
    assert plain.hear(RUN) == ["download: Immich 2.7.5 as Ann, run r1"]
    plain.hear(
        Discovered(files=30, bytes=100 * MIB),
        WalkDone(),
        SendStarted(1, "a.jpg", 20 * MIB, 1),
        BytesMoved(1, 20 * MIB),
        SendEnded(1),
        Settled(ItemResult(Outcome.DOWNLOADED, "a.jpg", size=20 * MIB)),
        Settled(ItemResult(Outcome.UNCHANGED, "b.jpg", size=20 * MIB)),
    )
    plain.clock.now += 32
    plain.report.tick(plain.clock.now)
    assert plain.hear() == []
    assert plain.stream.getvalue().splitlines()[1:] == [
        "2 of 30 files, 40.0 of 100.0 MiB, receiving 640.0 KiB/s, 0:48 left; "
        "1 downloaded, 1 already here"
    ]


def test_verbose_names_every_item() -> None:
    items = [
        ItemResult(Outcome.DOWNLOADED, "a.jpg", size=2048),
        ItemResult(Outcome.UNCHANGED, "b.jpg", size=2048),
        ItemResult(Outcome.MOVED, "New/c.jpg", note="was Old/c.jpg"),
        ItemResult(Outcome.REMOVED, "d.jpg"),
        ItemResult(Outcome.CONFLICT, "e.jpg", size=1024, note="local: e (local).jpg"),
        ItemResult(Outcome.SKIPPED, "f.jpg", reason="deleted here"),
        ItemResult(Outcome.PENDING, "g.jpg"),
    ]
    plain = Plain(verbosity=1)
    plain.hear(MIRROR)
    assert plain.hear(*map(Settled, items)) == [
        "downloaded     a.jpg (2.0 KiB)",
        "already here   b.jpg",
        "moved          New/c.jpg — was Old/c.jpg",
        "removed        d.jpg",
        "kept both      e.jpg (1.0 KiB) — local: e (local).jpg",
        "skipped        f.jpg — deleted here",
        "not done yet   g.jpg",
    ]
    plain.hear(DRY)
    assert plain.hear(*map(Settled, items[:5])) == [
        "would download   a.jpg (2.0 KiB)",
        "already here     b.jpg",
        "would move       New/c.jpg — was Old/c.jpg",
        "would remove     d.jpg",
        "would keep both  e.jpg (1.0 KiB) — local: e (local).jpg",
    ]


def test_json_lines() -> None:
    stream = io.BytesIO()
    report = JsonLines(stream, progress=True, clock=lambda: 100.0)
    report(RUN)
    sha1 = Sha1(bytes(20))
    report(Discovered(files=2, bytes=300))
    report(Settled(ItemResult(Outcome.UNCHANGED, "a.jpg", 100, AssetId("id"), sha1)))
    report(Settled(ItemResult(Outcome.MOVED, "b.jpg", 50, AssetId("id"), sha1, note="was c.jpg")))
    report(SendStarted(1, "d.jpg", 150, 1))
    report(BytesMoved(1, 100))
    report(Finished(summary(bytes_received=100)))
    assert stream.getvalue().decode().splitlines()[1:-1] == [
        '{"type":"item","outcome":"unchanged","path":"a.jpg","asset_id":"id",'
        f'"sha1":"{sha1.hex()}","bytes":100}}',
        '{"type":"item","outcome":"moved","path":"b.jpg","asset_id":"id",'
        f'"sha1":"{sha1.hex()}","bytes":50,"note":"was c.jpg"}}',
        '{"type":"progress","done":2,"total":2,"bytes":250,"bytes_total":300,"rate":200}',
    ]
    assert json.loads(stream.getvalue().splitlines()[-1]) == summary(bytes_received=100).line()

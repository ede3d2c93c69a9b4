"""The last page: what happened, why, and what to do next."""

from __future__ import annotations

from typing import Any

import pytest

from immich_transfer.events import Finished, RunStarted, Settled
from immich_transfer.model import ItemResult, Outcome, Summary
from immich_transfer.report import Tally, render_summary
from immich_transfer.report.summary import last_word
from immich_transfer.report.tally import FAILED_KEPT, KINDS_KEPT, OTHER

RUN = RunStarted(run="r1", command="upload", server="2.7.5", user="u", user_name="Ann")


def summary(exit_code: int = 0, /, **changes: Any) -> Summary:
    outcomes = changes.pop("outcomes", {"uploaded": 300})
    values: dict[str, Any] = {
        "run": "r1",
        "command": "upload",
        "exit_code": exit_code,
        "discovered": sum(outcomes.values()),
        "outcomes": outcomes,
        "verified": outcomes.get("uploaded", 0) + outcomes.get("duplicate", 0),
        "bytes_sent": 0,
        "bytes_received": 0,
        "bytes_hashed": 0,
        "requests": 4,
        "retries": 0,
        "seconds": 1.5,
    }
    return Summary(**{**values, **changes})


def test_a_page() -> None:
    tally = Tally()
    tally(RUN)
    for n in range(13):
        failed = ItemResult(
            Outcome.FAILED, f"a/{n}.jpg", size=5, error="413 Too large", hint="a proxy"
        )
        tally(Settled(failed))
    for reason in ["unsupported type"] * 10 + ["empty file"] * 2:
        tally(Settled(ItemResult(Outcome.SKIPPED, "x", reason=reason)))
    tally(Settled(ItemResult(Outcome.UPLOADED, "x", size=3 * 2**30, note="sidecar left")))
    tally(Settled(ItemResult(Outcome.DUPLICATE, "x", size=2**20)))
    end = summary(
        3,
        outcomes={
            "failed": 13,
            "uploaded": 1100,
            "duplicate": 134,
            "skipped": 12,
            "trashed": 3,
            "deleted-remotely": 1,
        },
        bytes_sent=3 * 2**30,
        bytes_hashed=2**30,
        requests=1243,
        retries=1,
        seconds=271,
        owed=1,
        insecure=True,
        notes=("2 sidecars have no photo",),
    )
    assert render_summary(end, tally, width=80, color=False).splitlines() == [
        "Upload, Immich 2.7.5",
        "",
        "  uploaded       1,100  (3.0 GiB)",
        "  already there    134  (1.0 MiB)",
        "  in the trash       3  left there; --trashed restore or --trashed reupload",
        "                        changes that",
        "  deleted there      1  left deleted; --deleted reupload sends them again",
        "  skipped           12  unsupported type: 10, empty file: 2",
        "  failed            13  (65 B)",
        "  verified       1,234 of 1,234 against the server's own checksums",
        "",
        "  4 min 31 s: sent 3.0 GiB at 11.3 MiB/s, read 1.0 GiB for hashing, 1,243",
        "  requests, 1 retry",
        "",
        "13 files failed:",
        "  a/0.jpg",
        "    413 Too large",
        "    hint: a proxy",
        *(line for n in range(1, 10) for line in (f"  a/{n}.jpg", "    413 Too large")),
        "  … and 3 more: immich-transfer status r1",
        "",
        "  ! 2 sidecars have no photo",
        "  ! sidecar left (1 file)",
        "  ! 1 album or tag entry could not be made and stay owed; the next run makes",
        "    them",
        "  ! --insecure: the server's certificate was not checked",
        "",
        "13 files failed; everything else is on the server. Run the same command again",
        "when that is solved, or: immich-transfer resume",
    ]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (summary(), "All 300 files are on the server, verified."),
        (summary(outcomes={"duplicate": 1}), "The file is on the server, verified."),
        (summary(outcomes={}), "No files were found: nothing to do."),
        (
            summary(outcomes={"uploaded": 2, "skipped": 1}),
            "2 files are on the server, verified; 1 file was left out, as said above.",
        ),
        (
            summary(outcomes={"skipped": 2}),
            "Nothing was sent: 2 files were left out, as said above.",
        ),
        (summary(verified=299), "All 300 files are on the server, 299 of them verified."),
        (summary(verified=0), "All 300 files are on the server, not verified."),
        (
            summary(3, outcomes={"uploaded": 1, "failed": 1}),
            "1 file failed; everything else is on the server. Run the same command again "
            "when that is solved, or: immich-transfer resume",
        ),
        (
            summary(3, outcomes={"failed": 12}),
            "12 files failed. Run the same command again when that is solved, "
            "or: immich-transfer resume",
        ),
        (
            summary(3, owed=2),
            "2 album or tag entries still owed. Run the same command again, "
            "or: immich-transfer resume",
        ),
        (
            summary(3, outcomes={"uploaded": 1, "trashed": 1}),
            "1 file left out, which --strict counts as a failure.",
        ),
        (summary(4, outcomes={"equal": 3}), "The two sides differ."),
        (
            summary(5, message="Connection refused"),
            "Connection refused. Nothing is lost; when the server is back: immich-transfer resume",
        ),
        (
            summary(7, message="The quota is used up."),
            "The quota is used up. When that is solved: immich-transfer resume",
        ),
        (summary(8), "A limit was reached. To go on from here: immich-transfer resume"),
        (
            summary(12, message="The key lacks asset.upload"),
            "The key lacks asset.upload. With a key that may: immich-transfer resume",
        ),
        (
            summary(130, outcomes={"uploaded": 1, "pending": 1234}),
            "Interrupted; nothing is lost. 1,234 files to go. "
            "To go on from here: immich-transfer resume",
        ),
        (summary(1), "The run failed. To try again from here: immich-transfer resume"),
        (
            summary(dry_run=True, outcomes={"uploaded": 12, "duplicate": 1}),
            "Dry run: would upload 12 files; nothing was sent.",
        ),
        (
            summary(3, dry_run=True, outcomes={"duplicate": 1, "failed": 1}),
            "Dry run: nothing would be uploaded. 1 file would fail.",
        ),
        (summary(outcomes={"downloaded": 3}), "Everything is done."),
    ],
)
def test_the_last_line_says_what_to_do(end: Summary, said: str) -> None:
    assert last_word(end) == said
    page = render_summary(end, Tally(), width=200, color=False)
    assert page.endswith(f"\n{said}\n")


def test_a_dry_run_speaks_of_what_would_be() -> None:
    end = summary(dry_run=True, outcomes={"uploaded": 12}, verified=0)
    page = render_summary(end, Tally(), width=80, color=False)
    assert "dry run: nothing was changed" in page
    assert "  would upload  12\n" in page
    assert "verified" not in page


def test_colour_only_when_asked_and_names_never_bring_their_own() -> None:
    tally = Tally()
    tally(Settled(ItemResult(Outcome.FAILED, "a\x1b[31m.jpg", error="no\x1b[2J", hint="x\x07")))
    end = summary(3, outcomes={"failed": 1}, message="bad\x1b[2J")
    assert "\x1b" not in render_summary(end, tally, width=80, color=False)
    colored = render_summary(end, tally, width=80, color=True)
    assert "\x1b[31m" in colored
    assert "\x1b[2J" not in colored


@pytest.mark.parametrize("width", [40, 80, 200])
def test_prose_fits(width: int) -> None:
    end = summary(
        5, outcomes={"trashed": 12, "uploaded": 3}, message="long " * 40, owed=4, insecure=True
    )
    page = render_summary(end, Tally(), width=width, color=False)
    assert max(map(len, page.splitlines())) <= width


def test_the_tally_is_bounded() -> None:
    tally = Tally()
    for n in range(FAILED_KEPT + 10):
        tally(Settled(ItemResult(Outcome.FAILED, f"{n}.jpg", size=1, error="no")))
        tally(Settled(ItemResult(Outcome.SKIPPED, f"{n}.txt", reason=f"reason {n}", note=f"{n}")))
    assert len(tally.failed) == FAILED_KEPT
    assert tally.failed_count == FAILED_KEPT + 10
    assert len(tally.reasons) == len(tally.notes) == KINDS_KEPT + 1
    assert tally.reasons[OTHER] == FAILED_KEPT + 10 - KINDS_KEPT
    assert tally.bytes == {"failed": FAILED_KEPT + 10, "skipped": 0}
    end = summary()
    tally(Finished(end))
    assert tally.summary is end

"""The JSON lines are a contract: exact lines, whatever happens to the reader."""

from __future__ import annotations

import base64
import io
import json
import os
from typing import Any

from immich_transfer.events import (
    BytesMoved,
    Discovered,
    Finished,
    Notice,
    RunStarted,
    SendStarted,
    Settled,
    Waiting,
)
from immich_transfer.model import AssetId, ItemResult, Outcome, Sha1, Summary
from immich_transfer.report import JsonLines

RUN = RunStarted(run="r1", command="upload", server="2.7.5", user="u-1", user_name="Ann")
DRY = RunStarted(run="r1", command="upload", server="2.7.5", user="u", user_name="", dry_run=True)
SHA1 = Sha1(bytes(range(20)))


def summary(**changes: Any) -> Summary:
    values: dict[str, Any] = {
        "run": "r1",
        "command": "upload",
        "exit_code": 0,
        "discovered": 1,
        "outcomes": {"uploaded": 1},
        "verified": 1,
        "bytes_sent": 123,
        "bytes_received": 0,
        "bytes_hashed": 123,
        "requests": 4,
        "retries": 0,
        "seconds": 1.5,
    }
    return Summary(**{**values, **changes})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_run_from_first_to_last_line() -> None:
    stream = io.BytesIO()
    report = JsonLines(stream, progress=False)
    report(RUN)
    report(
        Settled(
            ItemResult(Outcome.UPLOADED, "a/b.jpg", size=123, asset_id=AssetId("id"), sha1=SHA1)
        )
    )
    report(Settled(ItemResult(Outcome.FAILED, "a/c.jpg", size=9, error="413 no", hint="a proxy")))
    report(Settled(ItemResult(Outcome.SKIPPED, "a/d.txt", reason="unsupported")))
    report(Settled(ItemResult(Outcome.UPLOADED, "a/e.jpg", size=1, note="sidecar left")))
    report(Notice("not a line"))
    report(Finished(summary()))
    assert stream.getvalue().decode().splitlines()[:-1] == [
        '{"type":"run","v":1,"run":"r1","command":"upload","server":"2.7.5","user":"u-1"}',
        '{"type":"item","outcome":"uploaded","path":"a/b.jpg","asset_id":"id",'
        f'"sha1":"{SHA1.hex()}","bytes":123}}',
        '{"type":"item","outcome":"failed","path":"a/c.jpg","bytes":9,"error":"413 no",'
        '"hint":"a proxy"}',
        '{"type":"item","outcome":"skipped","path":"a/d.txt","bytes":0,"reason":"unsupported"}',
        '{"type":"item","outcome":"uploaded","path":"a/e.jpg","bytes":1,"note":"sidecar left"}',
    ]
    assert lines(stream)[-1] == summary().line()


def test_a_dry_run_says_so_on_every_line() -> None:
    stream = io.BytesIO()
    report = JsonLines(stream, progress=False)
    report(DRY)
    report(Settled(ItemResult(Outcome.UPLOADED, "a.jpg")))
    report(Finished(summary(dry_run=True)))
    assert [line["dry_run"] for line in lines(stream)] == [True, True, True]


def test_names_that_are_not_text_come_with_their_bytes() -> None:
    stream = io.BytesIO()
    report = JsonLines(stream, progress=False)
    name = os.fsdecode(b"a/\xff\xe9.jpg")
    report(Settled(ItemResult(Outcome.FAILED, name, error=f"cannot read {name}")))
    report(Settled(ItemResult(Outcome.FAILED, "ok.jpg", error=f"cannot read {name}")))
    report.flush()
    odd, even = lines(stream)
    assert odd["path"] == "a/\ufffd\ufffd.jpg"
    assert base64.b64decode(odd["path_b64"]) == b"a/\xff\xe9.jpg"
    assert odd["error"] == "cannot read a/\ufffd\ufffd.jpg"
    assert "path_b64" not in even


def test_items_are_written_together_but_never_late() -> None:
    stream, clock = io.BytesIO(), Clock()
    report = JsonLines(stream, progress=False, clock=clock)
    report(RUN)
    report(Settled(ItemResult(Outcome.UPLOADED, "a.jpg")))
    assert len(lines(stream)) == 1
    report.tick(clock.now + 0.4)
    assert len(lines(stream)) == 1
    clock.now += 0.6
    report(BytesMoved(1, 1))
    assert len(lines(stream)) == 2
    report(Settled(ItemResult(Outcome.UPLOADED, "b.jpg")))
    report(Waiting("Connection refused", 10))
    assert len(lines(stream)) == 3
    for n in range(2000):
        report(Settled(ItemResult(Outcome.UPLOADED, f"{n}.jpg")))
    assert len(lines(stream)) > 1000


def test_progress_comes_every_second_and_only_when_asked() -> None:
    stream, clock = io.BytesIO(), Clock()
    report = JsonLines(stream, progress=True, clock=clock)
    report(RUN)
    report(Discovered(files=50, bytes=10_000))
    report(SendStarted(1, "a.jpg", 5000, 1))
    report(BytesMoved(1, 2000))
    assert len(lines(stream)) == 1
    clock.now += 1
    report(BytesMoved(1, 500))
    report(BytesMoved(1, 500))
    assert lines(stream)[1:] == [
        {
            "type": "progress",
            "done": 0,
            "total": 50,
            "bytes": 2500,
            "bytes_total": 10_000,
            "rate": 2500,
        }
    ]


def test_an_error_is_one_line() -> None:
    stream = io.StringIO()
    report = JsonLines(stream, progress=False)
    report.error_line("no such folder", 2, "check the path")
    report.error_line("busy", 11)
    assert stream.getvalue().splitlines() == [
        '{"type":"error","v":1,"exit_code":2,"message":"no such folder","hint":"check the path"}',
        '{"type":"error","v":1,"exit_code":11,"message":"busy"}',
    ]


def test_a_reader_that_left_ends_the_writing_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        report = JsonLines(stream, progress=False)
        report(RUN)
        assert report.broken
        report(Settled(ItemResult(Outcome.UPLOADED, "a.jpg")))
        report(Finished(summary()))
    # Leaving the block flushed and closed the stream without an error.


def test_text_printed_before_stays_before() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    stream.write("first\n")
    report = JsonLines(stream, progress=False)
    report(RUN)
    assert raw.getvalue().startswith(b'first\n{"type":"run"')

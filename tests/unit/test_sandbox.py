"""The sandbox's own parts: the multipart parser cut anywhere, and the grammar of faults."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from immich_transfer.sandbox.faults import BadFault, Faults, parse
from immich_transfer.sandbox.multipart import Malformed, Parser, Part, boundary_of

PHOTO = b"\r\n--" + bytes(range(256)) * 40 + b"\r\n--almost"
BODY = (
    b'--B0\r\nContent-Disposition: form-data; name="deviceId"\r\n\r\nme\r\n'
    b'--B0\r\nContent-Disposition: form-data; name="assetData"; filename="a\\"b.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n" + PHOTO + b"\r\n"
    b'--B0\r\nContent-Disposition: form-data; name="filename"\r\n\r\nx.jpg\r\n--B0--\r\n'
)


def parse_body(body: bytes, step: int, folder: Path) -> list[Part]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    return asyncio.run(Parser(b"B0", str(folder / "part")).parse(chunks()))


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1000, 1 << 20])
def test_a_body_is_read_the_same_however_it_is_cut(step: int, tmp_path: Path) -> None:
    device, photo, name = parse_body(BODY, step, tmp_path)
    assert (device.name, device.value) == ("deviceId", b"me")
    assert photo.filename == 'a"b.jpg'
    assert photo.size == len(PHOTO)
    assert photo.sha1 == hashlib.sha1(PHOTO, usedforsecurity=False).digest()
    assert photo.path is not None
    assert Path(photo.path).read_bytes() == PHOTO
    assert (name.name, name.value) == ("filename", b"x.jpg")


@pytest.mark.parametrize("length", range(0, len(BODY) - 4, 97))
def test_a_body_that_ends_early_is_malformed(length: int, tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        parse_body(BODY[:length], 512, tmp_path)


def test_boundaries() -> None:
    assert boundary_of("multipart/form-data; boundary=abc") == b"abc"
    assert boundary_of('multipart/form-data; boundary="a b"; charset=x') == b"a b"
    assert boundary_of("application/json") is None
    assert boundary_of("multipart/form-data") is None


def hits(rule: str, requests: int = 10, size: int = 0) -> list[str | None]:
    faults = Faults([rule])
    found = [faults.for_request("upload", size) for _ in range(requests)]
    return [None if action is None else action.kind for action in found]


def test_when() -> None:
    assert hits("upload:*=502", 2) == ["502", "502"]
    assert hits("upload:2=lost", 3) == [None, "lost", None]
    assert hits("upload:2-3=500", 4) == [None, "500", "500", None]
    assert hits("upload:every3=502|reset", 9) == [
        None,
        None,
        "502",
        None,
        None,
        "reset",
        None,
        None,
        "502",
    ]
    assert hits("upload:size>100=413", 1, size=101) == ["413"]
    assert hits("upload:size>100=413", 1, size=100) == [None]
    assert hits("check:*=502", 1) == [None]
    assert hits("any:*=502", 1) == ["502"]


def test_a_rule_for_a_name_waits_for_the_name() -> None:
    faults = Faults(["upload:name=bad.jpg=500"])
    assert faults.for_request("upload", 1) is None
    assert faults.for_name("upload", "good.jpg") is None
    action = faults.for_name("upload", "bad.jpg")
    assert action is not None
    assert action.status == 500


@pytest.mark.parametrize(
    "text",
    [
        "",
        "upload",
        "nowhere:*=502",
        "upload:502",
        "upload:0=502",
        "upload:*=explode",
        "upload:every0=502",
        "upload:*=99",
    ],
)
def test_what_is_no_fault_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadFault):
        parse(text)

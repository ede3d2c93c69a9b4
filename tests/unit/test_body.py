"""The upload body, read back with the standard library's own MIME parser."""

from __future__ import annotations

import os
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from immich_transfer.config.options import UploadOptions
from immich_transfer.immich.body import CONTENT_TYPE, head_and_tail
from immich_transfer.immich.compat import Version
from immich_transfer.model import Fingerprint, LocalFile, Visibility

PHOTO = bytes(range(256)) * 3
V27, V30, V1132, V1106 = (
    Version(2, 7, 5),
    Version(3, 0, 3),
    Version(1, 132, 3),
    Version(1, 106, 4),
)


def local(name: str, mtime_ns: int = 1_588_759_445_123_456_789) -> LocalFile:
    return LocalFile(f"/photos/{name}", name, "", "/photos", Fingerprint(len(PHOTO), mtime_ns, 1))


def parts_of(
    name: str,
    version: Version = V27,
    *,
    options: UploadOptions | None = None,
    sidecar: bytes | None = None,
    mtime_ns: int = 1_588_759_445_123_456_789,
) -> list[tuple[str, str | None, bytes]]:
    """(field, filename, content) of every part, in order."""
    head, tail = head_and_tail(
        local(name, mtime_ns), options or UploadOptions(paths=()), version, sidecar
    )
    message = BytesParser(EmailMessage, policy=policy.HTTP).parsebytes(
        b"Content-Type: " + CONTENT_TYPE.encode() + b"\r\n\r\n" + head + PHOTO + tail
    )
    found = []
    for part in message.iter_parts():
        disposition = part["content-disposition"]
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        raw = disposition.params.get("filename")
        found.append((disposition.params["name"], raw, content))
    return found


def fields(parts: list[tuple[str, str | None, bytes]]) -> dict[str, bytes]:
    return {name: content for name, filename, content in parts if filename is None}


@pytest.mark.parametrize("version", [V1106, V1132, V27, V30])
def test_the_photo_and_the_required_fields_are_there(version: Version) -> None:
    parts = parts_of("a.jpg", version)
    assert [content for name, _, content in parts if name == "assetData"] == [PHOTO]
    device = {"deviceAssetId", "deviceId"} if version < V30 else set()
    assert fields(parts).keys() == {"fileCreatedAt", "fileModifiedAt"} | device
    assert parts[-1][0] == "assetData", "text fields precede the files"


@pytest.mark.parametrize(
    ("mtime_ns", "text"),
    [
        (1_588_759_445_123_456_789, b"2020-05-06T10:04:05.123Z"),
        (0, b"1970-01-01T00:00:00.000Z"),
        (-5, b"1970-01-01T00:00:00.000Z"),
        (10**21, b"9999-12-31T23:59:59.000Z"),
    ],
)
def test_dates_are_utc_with_z(mtime_ns: int, text: bytes) -> None:
    assert fields(parts_of("a.jpg", mtime_ns=mtime_ns))["fileCreatedAt"] == text


def test_a_sidecar_precedes_the_photo_under_a_name_of_its_own() -> None:
    parts = parts_of("a.jpg", sidecar=b"<x/>")
    assert [(name, filename) for name, filename, _ in parts[-2:]] == [
        ("sidecarData", "sidecar.xmp"),
        ("assetData", "a.jpg"),
    ]
    assert parts[-2][2] == b"<x/>"


def test_plain_names_go_out_as_raw_utf8() -> None:
    head, _ = head_and_tail(local('Zür "q" 🏔.jpg'), UploadOptions(paths=()), V27, None)
    assert 'filename="Zür \\"q\\" 🏔.jpg"'.encode() in head


@pytest.mark.parametrize("name", ["a\\b.jpg", "a\nb.jpg", "a\rb.JPG"])
def test_names_the_parser_cannot_take_travel_in_a_field_after_the_file(name: str) -> None:
    parts = parts_of(name, sidecar=b"<x/>")
    assert parts[-1][0] == "filename"
    assert parts[-1][2] == name.encode()
    # The nearest name it can take: all that servers before 1.135 get.
    assert parts[-2][:2] == ("assetData", "a_b" + os.path.splitext(name)[1])
    assert parts_of(name, V1132)[-1][:2] == ("assetData", "a_b" + os.path.splitext(name)[1])


def test_an_undecodable_name_is_sent_readable() -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    head, _ = head_and_tail(local(name), UploadOptions(paths=()), V27, None)
    assert 'filename="caf\ufffd.jpg"'.encode() in head


def test_visibility_speaks_the_server_s_language() -> None:
    archived = UploadOptions(paths=(), visibility=Visibility.ARCHIVE, favorite=True)
    new = fields(parts_of("a.jpg", V27, options=archived))
    assert new["visibility"] == b"archive"
    assert new["isFavorite"] == b"true"
    old = fields(parts_of("a.jpg", V1132, options=archived))
    assert old["isArchived"] == b"true"
    assert "visibility" not in old

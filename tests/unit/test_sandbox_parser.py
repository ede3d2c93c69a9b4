"""The sandbox's multipart parser: the same parts however the body is cut."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immich_transfer.sandbox.multipart import (
    FIELD_LIMIT,
    INLINE_BYTES,
    Malformed,
    Parser,
    Part,
    boundary_of,
)

PHOTO = b"\r\n--" + bytes(range(256)) * 40 + b"\r\n--B\r\n--almost\r\r\n"
FIELD = b'--B0\r\nContent-Disposition: form-data; name="deviceId"\r\n\r\nme\r\n'
BODY = (
    FIELD + b'--B0\r\nContent-Disposition: form-data; name="assetData"; filename="a\\"b.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n" + PHOTO + b"\r\n"
    b'--B0\r\nContent-Disposition: form-data; name="filename"\r\n\r\nx.jpg\r\n--B0--\r\n'
)


@pytest.fixture(scope="module")
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def parse_body(chunks: list[bytes], folder: Path, workers: ThreadPoolExecutor) -> list[Part]:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return asyncio.run(Parser(b"B0", str(folder / "part"), workers).parse(stream()))


def cut(body: bytes, step: int) -> list[bytes]:
    return [body[start : start + step] for start in range(0, len(body), step)]


def one_file(content: bytes, head: bytes = b'name="assetData"; filename="a.jpg"') -> bytes:
    return (
        b"--B0\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + content + b"\r\n--B0--"
    )


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1000, 1 << 20])
def test_a_body_is_read_the_same_however_it_is_cut(
    step: int, tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    device, photo, name = parse_body(cut(BODY, step), tmp_path, workers)
    assert (device.name, device.value) == ("deviceId", b"me")
    assert photo.filename == 'a"b.jpg'
    assert photo.size == len(PHOTO)
    assert photo.sha1 == hashlib.sha1(PHOTO, usedforsecurity=False).digest()
    assert photo.path is not None
    assert Path(photo.path).read_bytes() == PHOTO
    assert (name.name, name.value) == ("filename", b"x.jpg")


@settings(deadline=None, max_examples=200)
@given(
    pieces=st.lists(
        st.sampled_from([b"\r", b"\n", b"-", b"B", b"0", b"\r\n--B", b"\r\n--", b"x", b"--B0", b""])
    ),
    cuts=st.lists(st.integers(1, 40), min_size=1),
)
def test_content_that_looks_like_the_delimiter_is_content(
    pieces: list[bytes], cuts: list[int]
) -> None:
    content = b"".join(pieces).replace(b"\r\n--B0", b"\r\n--B1")
    body, chunks, turn = one_file(content), list[bytes](), 0
    while body:
        size = cuts[turn % len(cuts)]
        chunks.append(body[:size])
        body, turn = body[size:], turn + 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        (photo,) = parse_body(chunks, Path(folder), pool)
        assert photo.path is not None
        assert Path(photo.path).read_bytes() == content
        assert photo.sha1 == hashlib.sha1(content, usedforsecurity=False).digest()


@pytest.mark.parametrize("chunk", [INLINE_BYTES - 1, INLINE_BYTES, 3 * INLINE_BYTES + 11])
def test_large_pieces_go_through_threads_in_order(
    chunk: int, tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    content = bytes(range(251)) * 9000
    (photo,) = parse_body(cut(one_file(content), chunk), tmp_path, workers)
    assert photo.sha1 == hashlib.sha1(content, usedforsecurity=False).digest()
    assert photo.path is not None
    assert Path(photo.path).read_bytes() == content


@pytest.mark.parametrize("length", range(0, len(BODY) - 4, 97))
def test_a_body_that_ends_early_is_malformed(
    length: int, tmp_path: Path, workers: ThreadPoolExecutor
) -> None:
    with pytest.raises(Malformed, match="Unexpected end of form"):
        parse_body(cut(BODY[:length], 512), tmp_path, workers)


def test_an_empty_file_is_a_file(tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    (photo,) = parse_body([one_file(b"")], tmp_path, workers)
    assert photo.is_file
    assert photo.size == 0


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Zürich 🏔.jpg".encode(), "Zürich 🏔.jpg"),
        ("e\u0301.jpg".encode(), "e\u0301.jpg"),
        (b"a\\\\b.jpg", "b.jpg"),
        (b"../../evil.jpg", "evil.jpg"),
        (b'say \\"hi\\".jpg', 'say "hi".jpg'),
        (b"Z%C3%BC.jpg", "Z%C3%BC.jpg"),
        (b"semi;colon.jpg", "semi;colon.jpg"),
        (b"", ""),
    ],
)
def test_names(sent: bytes, read: str, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    head = b'name="assetData"; filename="' + sent + b'"'
    (photo,) = parse_body([one_file(b"x", head)], tmp_path, workers)
    assert photo.filename == read


def test_a_bare_quote_makes_it_no_file(tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    head = b'name="assetData"; filename="a"b.jpg"'
    (part,) = parse_body([one_file(b"x", head)], tmp_path, workers)
    assert not part.is_file


@pytest.mark.parametrize(
    "head", [b'filename="a.jpg"', b'name="a\0b"', b'name="a"; filename="a\nb.jpg"']
)
def test_heads_that_are_malformed(head: bytes, tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    with pytest.raises(Malformed, match="Malformed part header"):
        parse_body([one_file(b"x", head)], tmp_path, workers)


def test_a_field_that_is_too_long(tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    body = one_file(b"x" * (FIELD_LIMIT + 1), b'name="deviceId"')
    with pytest.raises(Malformed, match="Field value too long - deviceId"):
        parse_body(cut(body, 1 << 16), tmp_path, workers)


def test_what_was_refused_leaves_no_file(tmp_path: Path, workers: ThreadPoolExecutor) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield one_file(b"x" * 1000)[:-10]

    parser = Parser(b"B0", str(tmp_path / "part"), workers)
    with pytest.raises(Malformed):
        asyncio.run(parser.parse(stream()))
    parser.discard()
    assert list(tmp_path.iterdir()) == []


def test_boundaries() -> None:
    assert boundary_of("multipart/form-data; boundary=abc") == b"abc"
    assert boundary_of('multipart/form-data; boundary="a b"; charset=x') == b"a b"
    assert boundary_of("Multipart/Form-Data; Boundary=abc; x=y") == b"abc"
    assert boundary_of("multipart/form-data") == b""
    assert boundary_of("application/json") is None

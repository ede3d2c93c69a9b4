"""HTTP/1.1 answers, whole, in any pieces, and broken."""

from __future__ import annotations

import gc
import gzip
import weakref
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_transfer.immich.answer import HEAD_LIMIT, UNPACK_BYTES, Answer, Broken, Reading

LIMIT = 1000
ZIPPED = gzip.compress(b'{"a": 1}' * 20, mtime=0)
NOTHING = "the server closed the connection without an answer"


def read(*pieces: bytes, closed: bool = False, limit: int = LIMIT, cut: bool = False) -> Answer:
    """The answer these pieces make; with `closed` the server closes behind them."""
    reading = Reading(lambda _: limit, cut=cut)
    for piece in pieces:
        reading.feed(piece)
    if closed:
        return reading.answer or reading.end()
    assert reading.answer is not None, "not whole"
    return reading.answer


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, *lines, "", ""]).encode()


WHOLE = {
    "length": (head("content-length: 5") + b"hello", b"hello", True),
    "no body": (head("Content-Length: 0"), b"", True),
    "204": (head("Vary: x", status="HTTP/1.1 204 No Content"), b"", True),
    "304 with a length": (head("Content-Length: 9", status="HTTP/1.1 304"), b"", True),
    "says close": (head("Connection: foo, Close", "Content-Length: 2") + b"hi", b"hi", False),
    "HTTP/1.0": (head("Content-Length: 2", status="HTTP/1.0 200 OK") + b"hi", b"hi", False),
    "HTTP/1.0 kept": (
        head("Connection: keep-alive", "Content-Length: 2", status="HTTP/1.0 200 OK") + b"hi",
        b"hi",
        True,
    ),
    "chunks": (
        head("Transfer-Encoding: Chunked")
        + b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
        b"abc0123456789",
        True,
    ),
    "gzip": (
        head("Content-Encoding: gzip", f"Content-Length: {len(ZIPPED)}") + ZIPPED,
        b'{"a": 1}' * 20,
        True,
    ),
    "deflate": (
        head("Content-Encoding: deflate", f"Content-Length: {len(zlib.compress(b'hello'))}")
        + zlib.compress(b"hello"),
        b"hello",
        True,
    ),
    "after a word in between": (
        head(status="HTTP/1.1 103 Early Hints") + head("Content-Length: 1") + b"x",
        b"x",
        True,
    ),
    "an escape where nobody looks": (
        head("Content-Length: 1", status="HTTP/1.1 200 \x1b[31mOK") + b"x",
        b"x",
        True,
    ),
    "one length twice": (head("Content-Length: 1", "Content-Length: 1") + b"x", b"x", True),
    "bytes nobody asked for": (head("Content-Length: 1") + b"xHTTP/1.1 200", b"x", False),
}


@pytest.mark.parametrize(("data", "body", "reusable"), WHOLE.values(), ids=WHOLE)
def test_an_answer_is_the_same_whole_and_byte_by_byte(
    data: bytes, body: bytes, reusable: bool
) -> None:
    whole = read(data)
    assert (whole.body, whole.reusable) == (body, reusable)
    single = Reading(lambda _: LIMIT)
    for at in range(len(data)):
        if single.feed(data[at : at + 1]) is not None:
            break
    assert single.answer is not None
    assert single.answer[:3] == whole[:3]


@pytest.mark.parametrize("size", [UNPACK_BYTES + n for n in (-1, 0, 1, 257, 258, 259)])
@pytest.mark.parametrize("times", [1, 3])
def test_packed_bodies_of_any_size_come_whole(size: int, times: int) -> None:
    packed = gzip.compress(bytes(size * times))
    data = head("Content-Encoding: gzip", f"Content-Length: {len(packed)}") + packed
    assert read(data, limit=size * times).body == bytes(size * times)


@given(st.data())
def test_pieces_of_any_size_make_the_same_answer(drawn: st.DataObject) -> None:
    data = drawn.draw(st.sampled_from([data for data, _, reusable in WHOLE.values() if reusable]))
    cuts = sorted(drawn.draw(st.sets(st.integers(1, len(data) - 1), max_size=6)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert read(*pieces) == read(data)


@pytest.mark.parametrize("room", [1, 3, 100])
@pytest.mark.parametrize(
    ("data", "body", "reusable"),
    [
        (head("Content-Length: 5") + b"hello", b"hello", True),
        (head("Content-Length: 5", "Connection: close") + b"hello", b"hello", False),
        (head("Content-Length: 5") + b"helloH", b"hello", False),
        (head("Content-Length: 5") + b"helloHTTP/1.1 200", b"hello", False),
    ],
    ids=["whole", "says close", "a byte too many", "more than that"],
)
def test_a_body_may_be_put_where_it_belongs(
    data: bytes, body: bytes, reusable: bool, room: int
) -> None:
    """As the system does with what follows the head; `room` is what it brings at most."""
    reading = Reading(lambda _: LIMIT)
    start = data.index(b"\r\n\r\n") + 4
    assert reading.feed(data[:start]) is None
    while (space := reading.space) is not None and reading.answer is None:
        piece = data[start : start + min(room, len(space))]
        space[: len(piece)] = piece
        start += len(piece)
        reading.filled(len(piece))
    assert reading.answer is not None
    told = reading.answer
    # What did not come with the body is met by the connection at rest.
    assert (told.body, told.reusable) == (body, reusable or (room == 1 and b"close" not in data))


@pytest.mark.parametrize("data", [data for data, _, _ in WHOLE.values()], ids=WHOLE)
@pytest.mark.parametrize("parts", [1, 2])
def test_nothing_holds_a_body_but_who_asked_for_it(data: bytes, parts: int) -> None:
    """A circle would keep it until the collector of garbage comes, and hundreds with it."""
    gc.disable()
    try:
        reading = Reading(lambda _: LIMIT)
        for piece in [data] if parts == 1 else [data[:-1], data[-1:]]:
            if reading.answer is None:
                reading.feed(piece)
        assert reading.answer is not None
        gone = weakref.ref(reading)
        del reading
        assert gone() is None
    finally:
        gc.enable()


def test_headers_are_found_by_any_spelling() -> None:
    answer = read(head("retry-AFTER:  5 ", "Content-Length: 0", status="HTTP/1.1 503 Busy"))
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "5")


def test_without_a_length_the_end_is_where_the_server_closes() -> None:
    answer = read(head() + b"he", b"llo", closed=True)
    assert (answer.body, answer.reusable) == (b"hello", False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", NOTHING),
        (b"HTTP/1.1 200", "the answer was cut short"),
        (head("Content-Length: 5") + b"hell", "the answer was cut short"),
        (head("Transfer-Encoding: chunked") + b"5\r\nhello\r\n", "the answer was cut short"),
        (head("Content-Encoding: gzip") + ZIPPED[:-9], "the answer was cut short"),
    ],
    ids=["nothing", "status", "length", "chunks", "gzip"],
)
def test_a_closed_connection_cuts_it_short(data: bytes, reason: str) -> None:
    with pytest.raises(Broken, match=reason):
        read(*([data] if data else []), closed=True)


BROKEN = {
    "another protocol": b"SSH-2.0-x\r\n",
    "an endless head": head("A: " + "x" * HEAD_LIMIT),
    "an endless head without end": b"HTTP/1.1 200 OK\r\nA: " + b"x" * HEAD_LIMIT,
    "no status": head(status="HTTP/1.1 OK"),
    "HTTP/2": head(status="HTTP/2 200 OK"),
    "an upgrade": head(status="HTTP/1.1 101 Switching Protocols"),
    "two lengths": head("Content-Length: 1", "Content-Length: 2") + b"x",
    "a list of lengths": head("Content-Length: 1, 1") + b"x",
    "a signed length": head("Content-Length: +1") + b"x",
    "a length below zero": head("Content-Length: -1"),
    "another transfer coding": head("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "chunks and a length": head("Transfer-Encoding: chunked", "Content-Length: 1")
    + b"1\r\na\r\n0\r\n\r\n",
    "two transfer codings": head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "a coding nobody asked for": head("Content-Encoding: br", "Content-Length: 1"),
    "no gzip": head("Content-Encoding: gzip", "Content-Length: 4") + b"nope",
    "a chunk without a size": head("Transfer-Encoding: chunked") + b"x\r\n",
    "a signed chunk": head("Transfer-Encoding: chunked") + b"+1\r\n",
    "an endless chunk size": head("Transfer-Encoding: chunked") + b"1;" + b"x" * HEAD_LIMIT * 2,
    "a chunk without an end": head("Transfer-Encoding: chunked") + b"1\r\nabc",
    "an escape in a header": head("A: \x1b[31m", "Content-Length: 0"),
    "words in between without end": head(status="HTTP/1.1 102 Processing") * 2000,
    "a header without a name": head(": x"),
    "a header without a colon": head("nonsense"),
    "a space before the colon": head("Content-Length : 1"),
    "a folded header": head("A: b", " c", "Content-Length: 0"),
    "too long by its own word": head(f"Content-Length: {LIMIT + 1}"),
    "too long in chunks": head("Transfer-Encoding: chunked") + b"fff\r\n" + b"x" * (LIMIT + 1),
    "too long to the end": head() + b"x" * (LIMIT + 1),
    "a bomb": head("Content-Encoding: gzip") + gzip.compress(bytes(10_000_000)),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(Broken):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        head(f"Content-Length: {LIMIT * 9}") + b"x" * 1500,
        head() + b"x" * 1500,
        head("Transfer-Encoding: chunked") + b"fff\r\n" + b"x" * 1500,
        head("Content-Encoding: gzip") + gzip.compress(b"x" * 1500),
    ],
    ids=["length", "to the end", "chunks", "gzip"],
)
def test_a_look_takes_the_beginning_and_leaves_the_rest(data: bytes) -> None:
    answer = read(data, cut=True)
    assert (answer.body, answer.reusable) == (b"x" * LIMIT, False)


def test_the_limit_may_depend_on_the_status() -> None:
    reading = Reading(lambda status: 10 if status < 400 else 1)
    with pytest.raises(Broken, match="larger than 1 bytes"):
        reading.feed(head("Content-Length: 5", status="HTTP/1.1 500 Oops"))

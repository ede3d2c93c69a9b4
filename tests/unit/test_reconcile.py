"""What becomes of a file that is wanted, known, seen, or any mix of that: a table of all cases, and
what holds in every one of them."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_transfer.model import AssetId, Fingerprint, Placed, RemoteAsset, Sha1
from immich_transfer.policy.reconcile import Step, first_step, same_file, second_step

ONE, TWO = Sha1(b"1" * 20), Sha1(b"2" * 20)
MS = 1_700_000_000_000
SEEN = Fingerprint(100, MS * 1_000_000, 7)


def asset(sha1: Sha1 | None = ONE, size: int | None = 100, modified: int = MS) -> RemoteAsset:
    return RemoteAsset(AssetId("a"), "a.jpg", sha1, size, modified=modified)


def placed(sha1: Sha1 = ONE, seen: Fingerprint = SEEN) -> Placed:
    return Placed(1, AssetId("a"), "a.jpg", "a.jpg", sha1, seen, b"x" * 16)


@pytest.mark.parametrize(
    ("known", "seen", "same"),
    [
        (SEEN, SEEN, True),
        (SEEN, Fingerprint(101, SEEN.mtime_ns, 7), False),
        (SEEN, Fingerprint(100, SEEN.mtime_ns + 1, 7), False),
        (SEEN, Fingerprint(100, SEEN.mtime_ns, 8), False),
        (SEEN, Fingerprint(100, SEEN.mtime_ns, 0), True),
        (Fingerprint(100, SEEN.mtime_ns, 0), SEEN, True),
        (Fingerprint(100, SEEN.mtime_ns, -1), Fingerprint(100, SEEN.mtime_ns, (1 << 64) - 1), True),
    ],
)
def test_same_file(known: Fingerprint, seen: Fingerprint, same: bool) -> None:
    assert same_file(known, seen) is same


EDITED = Fingerprint(100, SEEN.mtime_ns + 5, 7)
GROWN = Fingerprint(120, SEEN.mtime_ns + 5, 7)


@pytest.mark.parametrize(
    ("remote", "known", "seen", "step"),
    [
        # nothing is there
        (asset(), None, None, Step.FETCH),
        (asset(), placed(), None, Step.FETCH),
        (asset(None, None), None, None, Step.FETCH),
        # ours, untouched
        (asset(), placed(), SEEN, Step.KEEP),
        (asset(size=None), placed(), SEEN, Step.KEEP),
        (asset(TWO), placed(), SEEN, Step.REPLACE),
        (asset(TWO, 130), placed(), SEEN, Step.REPLACE),
        (asset(None), placed(), SEEN, Step.KEEP),
        (asset(None, None), placed(), SEEN, Step.KEEP),
        (asset(None, 130), placed(), SEEN, Step.REPLACE),
        # ours, edited since
        (asset(), placed(), EDITED, Step.READ),
        (asset(), placed(), GROWN, Step.DIFFERS),
        (asset(TWO, 130), placed(), EDITED, Step.DIFFERS),
        (asset(size=None), placed(), GROWN, Step.READ),
        # somebody else's
        (asset(), None, SEEN, Step.READ),
        (asset(), None, GROWN, Step.DIFFERS),
        (asset(size=None), None, GROWN, Step.READ),
        (asset(None, 100), None, SEEN, Step.READ),
    ],
)
def test_first_step(
    remote: RemoteAsset, known: Placed | None, seen: Fingerprint | None, step: Step
) -> None:
    assert first_step(remote, known, seen) is step


@pytest.mark.parametrize(
    ("known", "deleted", "step"),
    [
        (placed(), "fetch", Step.FETCH),
        (placed(), "skip", Step.LEAVE),
        (None, "skip", Step.FETCH),
        (None, "fetch", Step.FETCH),
    ],
)
def test_what_was_deleted_here(
    known: Placed | None, deleted: Literal["fetch", "skip"], step: Step
) -> None:
    """Only a file that was once placed can have been deleted."""
    assert first_step(asset(), known, None, deleted=deleted) is step


@pytest.mark.parametrize(
    ("remote", "step"),
    [(asset(), Step.READ), (asset(size=None), Step.READ), (asset(size=130), Step.REPLACE)],
)
def test_checksum_trusts_no_fingerprint(remote: RemoteAsset, step: Step) -> None:
    assert first_step(remote, placed(), SEEN, checksum=True) is step


@pytest.mark.parametrize(
    ("remote", "known", "sha1", "step"),
    [
        (asset(), None, ONE, Step.KEEP),
        (asset(), placed(TWO), ONE, Step.KEEP),
        (asset(), placed(), TWO, Step.DIFFERS),
        (asset(), None, TWO, Step.DIFFERS),
        # the server's checksum is not of the bytes: our memory vouches, else size and date
        (asset(None), placed(), ONE, Step.KEEP),
        (asset(None), placed(), TWO, Step.DIFFERS),
        (asset(None), None, TWO, Step.KEEP),
        (asset(None, modified=MS + 1), None, TWO, Step.DIFFERS),
        (asset(None, 101), None, TWO, Step.DIFFERS),
        (asset(None, None), None, TWO, Step.DIFFERS),
    ],
)
def test_second_step(remote: RemoteAsset, known: Placed | None, sha1: bytes, step: Step) -> None:
    assert second_step(remote, known, SEEN, sha1) is step


# any mix

SHA1S = st.sampled_from([ONE, TWO])
FINGERPRINTS = st.builds(
    Fingerprint,
    st.sampled_from([100, 130]),
    st.sampled_from([SEEN.mtime_ns, SEEN.mtime_ns + 1]),
    st.sampled_from([0, 7, 8]),
)
ASSETS = st.builds(
    asset, st.none() | SHA1S, st.sampled_from([None, 100, 130]), st.sampled_from([MS, MS + 1])
)
KNOWN = st.none() | st.builds(placed, SHA1S, FINGERPRINTS)
DELETED: st.SearchStrategy[Literal["fetch", "skip"]] = st.sampled_from(["fetch", "skip"])


@given(ASSETS, KNOWN, st.none() | FINGERPRINTS, DELETED, st.booleans())
def test_what_always_holds(
    remote: RemoteAsset,
    known: Placed | None,
    seen: Fingerprint | None,
    deleted: Literal["fetch", "skip"],
    checksum: bool,
) -> None:
    step = first_step(remote, known, seen, deleted=deleted, checksum=checksum)
    vouched = known is not None and seen is not None and same_file(known.fingerprint, seen)
    if step is Step.REPLACE:
        assert vouched, "nothing is replaced that nobody vouches for"
    if step is Step.KEEP:
        assert vouched
        assert not checksum
        assert known is not None
        assert remote.sha1 in (None, known.sha1)
    if seen is None:
        assert step in (Step.FETCH, Step.LEAVE)
    else:
        assert step not in (Step.FETCH, Step.LEAVE), "what is there is never taken for missing"
    if step is Step.LEAVE:
        assert known is not None
        assert deleted == "skip"
    if step is Step.DIFFERS and seen is not None:
        assert remote.size != seen.size, "unread bytes differ only by their number"


@given(ASSETS, KNOWN, FINGERPRINTS, SHA1S)
def test_what_was_read_is_kept_or_differs(
    remote: RemoteAsset, known: Placed | None, seen: Fingerprint, sha1: Sha1
) -> None:
    step = second_step(remote, known, seen, sha1)
    assert step in (Step.KEEP, Step.DIFFERS)
    if remote.sha1 is not None:
        assert (step is Step.KEEP) == (sha1 == remote.sha1)

"""Open files and what they mean for transfers: under real limits, and elsewhere."""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest

from immich_transfer.pipeline import descriptors

UNDER_LIMITS = """
import json, resource, sys
from immich_transfer.pipeline.descriptors import most_transfers
soft, hard, hashers = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
most = most_transfers(hashers)
print(json.dumps([most, *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "hashers", "most", "raised_to"),
    [
        (1024, 1024, 4, 332, 1024),
        (64, 64, 2, 12, 64),
        (64, 64, 20, 6, 64),
        (64, 256, 2, 76, 256),
        (64, 2000, 2, 332, 1024),
        (1100, 2000, 2, 358, 1100),  # never lowered
        (28, 28, 4, 1, 28),
        (28, 28, 40, 1, 28),
    ],
)
def test_the_limit_is_raised_as_far_as_it_may_and_shared_out(
    soft: int, hard: int, hashers: int, most: int, raised_to: int
) -> None:
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < hard:
        pytest.skip(f"this system allows {allowed} open files, not {hard}")
    ended = subprocess.run(
        [sys.executable, "-c", UNDER_LIMITS, str(soft), str(hard), str(hashers)],
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(ended.stdout) == [most, raised_to, hard]


def system(
    monkeypatch: pytest.MonkeyPatch, soft: float, hard: float, *, refuses: bool = False
) -> list[float]:
    """A system with these limits, where a number without end is one; what it is set to."""
    now = [soft, hard]

    def setrlimit(_: int, wanted: tuple[float, float]) -> None:
        if refuses:
            raise ValueError("not allowed to raise maximum limit")
        now[:] = wanted

    stand_in = SimpleNamespace(
        RLIMIT_NOFILE=7,
        RLIM_INFINITY=math.inf,
        getrlimit=lambda _: tuple(now),
        setrlimit=setrlimit,
    )
    monkeypatch.setattr(descriptors, "resource", stand_in)
    return now


def test_without_any_limit_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    now = system(monkeypatch, math.inf, math.inf)
    assert descriptors.most_transfers(4) is None
    assert now == [math.inf, math.inf]


def test_as_macos_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    now = system(monkeypatch, 256, math.inf)
    assert descriptors.most_transfers(4) == 332
    assert now == [1024, math.inf]


def test_a_system_that_refuses_more_is_lived_with(monkeypatch: pytest.MonkeyPatch) -> None:
    now = system(monkeypatch, 256, math.inf, refuses=True)
    assert descriptors.most_transfers(4) == 76
    assert now == [256, math.inf]


def test_windows_has_no_such_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "resource", None)
    assert descriptors.most_transfers(4) is None

"""The grammar of the sandbox's scripted faults."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_transfer.sandbox import faults as grammar
from immich_transfer.sandbox.faults import ACTIONS, ROUTES, BadFault, Faults, parse


def hits(rule: str, requests: int = 10, size: int = 0) -> list[str | None]:
    faults = Faults([rule])
    found = [faults.for_request(("upload",), size) for _ in range(requests)]
    return [None if action is None else action.kind for action in found]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("upload:*=502", ["502", "502"]),
        ("upload:2=lost", [None, "lost", None]),
        ("upload:2-3=500", [None, "500", "500", None]),
        ("upload:2-=500", [None, "500", "500", "500"]),
        ("upload:every2=502|reset", [None, "502", None, "reset", None, "502"]),
        ("check:*=502", [None]),
        ("any:*=502", ["502"]),
    ],
)
def test_when(rule: str, expected: list[str | None]) -> None:
    assert hits(rule, len(expected)) == expected


def test_a_size_is_answered_early() -> None:
    assert hits("upload:size>100=413", 1, size=101) == ["413"]
    assert hits("upload:size>100=413", 1, size=100) == [None]
    (action,) = parse("upload:size>100=413").actions
    assert action.has("early")
    assert not parse("upload:*=413").actions[0].has("early")


def test_the_first_rule_that_applies_wins() -> None:
    faults = Faults(["upload:2=500", "upload:*=502"])
    kinds = [
        action and action.kind for _ in range(3) if (action := faults.for_request(("upload",), 0))
    ]
    assert kinds == ["502", "500", "502"]


def test_a_route_has_its_own_name_and_the_common_one() -> None:
    faults = Faults(["other:1=500", "trash:*=502"])
    names = ("trash", "other")
    kinds = [action.kind for _ in range(2) if (action := faults.for_request(names, 0))]
    assert kinds == ["500", "502"]


def test_a_rule_for_a_name_waits_for_the_name() -> None:
    faults = Faults(["upload:name=bad, very.jpg=500"])
    assert faults.for_request(("upload",), 1) is None
    assert faults.for_name(("upload",), "good.jpg") is None
    action = faults.for_name(("upload",), "bad, very.jpg")
    assert action is not None
    assert action.status == 500


def test_options() -> None:
    first, second, third = parse(
        "upload:*=503,retry-after=1.5,json|stall,at=9,8s|redirect,to=http://x/?a=b"
    ).actions
    assert (first.status, first.number("retry-after", 0), first.has("json")) == (503, 1.5, True)
    assert (second.status, second.number("at", 0), second.number("seconds", 0)) == (None, 9, 8)
    assert third.options["to"] == "http://x/?a=b"


def test_what_the_server_does_at_once() -> None:
    faults = Faults(["server=away,8s", "check:*=502"])
    (action,) = faults.at_once
    assert (action.kind, action.number("seconds", 0)) == ("away", 8)
    assert faults.for_request(("upload",), 0) is None


@pytest.mark.parametrize(
    ("text", "kind", "by"),
    [
        ("original:name=a, b.jpg=missing", "missing", 1),
        ("original:name=x.jpg=gone", "gone", 1),
        ("original:every2=other-range,by=9", "other-range", 9),
        ("original:*=chunked", "chunked", 1),
        ("search:*=miss", "miss", 1),
        ("timeline:2-=miss,by=3", "miss", 3),
    ],
)
def test_faults_of_listings_and_downloads(text: str, kind: str, by: int) -> None:
    (action,) = parse(text).actions
    assert (action.kind, action.number("by", 1)) == (kind, by)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "upload",
        "nowhere:*=502",
        "upload:502",
        "upload:0=502",
        "upload:2-1x=502",
        "upload:*=explode",
        "upload:*=",
        "upload:*=502|",
        "upload:every0=502",
        "upload:*=99",
        "upload:*=502,retry-after",
        "upload:*=502,retry-after=soon",
        "upload:*=502,early=1",
        "upload:*=502,at=1",
        "upload:*=lost,seconds=1",
        "upload:*=redirect",
        "server=lost",
        "server=502",
    ],
)
def test_what_is_no_fault_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadFault, match=re.escape(repr(text))):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = parse(text)
    except BadFault:
        return
    assert rule.actions


def test_the_page_names_every_route_s_action() -> None:
    """The docstring is the documentation."""
    text = grammar.__doc__ or ""
    assert all(re.search(rf"\b{re.escape(action)}\b", text) for action in ACTIONS)
    used = set(re.findall(r"^    ([a-z-]+):\S+=", text, re.MULTILINE))
    assert used <= ROUTES

"""Scripted faults as data: `route:when=action[,option…][|action…]`, or `server=action`.

    upload:1-3=502                       the first three uploads answer 502
    upload:every5=502|503,retry-after=1|reset|lost     every fifth, in rotation
    check:*=502                          every bulk-upload-check, for ever
    upload:name=bad.jpg=500              what happens to the file of this name
    upload:size>1000000=413              bodies above a size, answered before they are read
    upload:1=stall,seconds=30            stop reading for so long, then cut
    upload:30=away,8s                    the whole server goes away at the thirtieth upload
    original:1=corrupt                   a download of the right length with other bytes
    original:name=x.jpg=missing          one file is lost on the server's disk
    original:3=gone                      the third is deleted between the listing and its download
    search:2-=500,json                   the listing fails on its second page, for ever
    timeline:*=miss,by=3                 every listing of a month lacks three, its count does not
    server=away,8s                       refuse connections from now on, for so long

Route: `any` or a name of ROUTES. When: `*` always, `N`, `N-M`, `N-` by count of that route's
requests since the rule was set, `everyN`, `name=FILE` (upload, original), `size>N` (declared bytes
of the request's body). Several actions take turns. The first rule that applies wins.

Actions before the work is done (nothing is stored):
    STATUS        a web page of that status; options retry-after=S, or retry-date=S for the same as
                  an HTTP date, by a clock that is skew=S seconds ahead; json or empty (instead of
                  the page), early (do not wait for the body), late (wait for it although it is
                  above a size), close (early, then drop the connection)
    html          a web page with status 200
    shape         JSON with status 200 that is nothing of Immich's
    giant         JSON with status 200, of by=N MiB (80)
    redirect      to=URL, or to=itself; status=302
    reset         cut the connection after at=N bytes of the request's body (0)
    stall         after at=N bytes of the body (0) read nothing for seconds=S (3600), then cut
    hold          do nothing until the rules are replaced, then go on as if nothing had been
    slow          read the body, or send the download, at rate=N bytes a second (100000)
    away          the server refuses connections for seconds=S (8) and drops the live ones; this
                  request may still have its answer, unless unheard
    maintenance   404 everywhere but ping, version and config, for seconds=S (8)

Actions on the answer (the work is done):
    delay         answer seconds=S (1) later
    drip          the answer's body, or the download, in small pieces spread over seconds=S (1)
    lost          cut the connection instead of answering
    half-head     cut the connection in the middle of the answer's head
    truncated     half of the answer, as if it were all
    cut           cut the connection after at=N bytes of the answer's body (half of it)
    hang          send at=N bytes of the answer's body (half), then nothing for seconds=S (3600)
    corrupt       a download of the right length with other bytes
    short         a download that declares and has by=N bytes (1) less
    no-range      the whole file with status 200, whatever Range was asked
    other-range   206, but of a range that begins by=N bytes (1) later than asked, and says so
    chunked       a download without Content-Length
    etag          another ETag than before; If-Range does not match
    missing       as if the file were lost on the server's disk: 500 in 2.x, 404 in 3.x
    gone          the asset is deleted for good before it is sent: 400 in 2.x, 404 in 3.x
    miss          a listing leaves out its last by=N items (1) and says nothing of it: of a search's
                  page, a timeline's month, an album's assets (2.x), download/info's ids, the total
                  of search-statistics; what other routes count stays right

`8s` is short for `seconds=8`. `server=` takes `away` and `maintenance`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .versions import words

ROUTES = frozenset(
    words(
        """any ping version config media-types key me check upload albums album-list album-add tags
    tag-add original search other features about storage server-statistics keys users asset
    asset-update asset-delete asset-statistics exist thumbnail trash album-remove stacks
    search-statistics timeline download-info jobs queues libraries maintenance sync
    people asset-files"""
    )
)
_SECONDS = frozenset(["seconds"])
_STATUS_OPTIONS = frozenset(
    ["retry-after", "retry-date", "skew", "early", "late", "close", "json", "empty"]
)
ACTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "html": frozenset(),
        "shape": frozenset(),
        "giant": frozenset(["by"]),
        "redirect": frozenset(["to", "status"]),
        "reset": frozenset(["at"]),
        "stall": frozenset(["at", "seconds"]),
        "hold": frozenset(),
        "slow": frozenset(["rate"]),
        "away": frozenset(["seconds", "unheard"]),
        "maintenance": _SECONDS,
        "delay": _SECONDS,
        "drip": _SECONDS,
        "lost": frozenset(),
        "half-head": frozenset(),
        "truncated": frozenset(),
        "cut": frozenset(["at"]),
        "hang": frozenset(["at", "seconds"]),
        "corrupt": frozenset(),
        "short": frozenset(["by"]),
        "no-range": frozenset(),
        "other-range": frozenset(["by"]),
        "chunked": frozenset(),
        "etag": frozenset(),
        "missing": frozenset(),
        "gone": frozenset(),
        "miss": frozenset(["by"]),
    }
)
"""Every action but a status, with the options it knows."""
_FLAGS = frozenset(["early", "late", "close", "json", "empty", "unheard"])
_TEXTS = frozenset(["to"])


class BadFault(ValueError):
    """The text is not a fault; says what is wrong with it."""


@dataclass(frozen=True)
class Action:
    """What happens: `kind` is a status as text or one of ACTIONS."""

    kind: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        return int(self.kind) if self.kind.isdigit() else None

    def number(self, option: str, default: float) -> float:
        return float(self.options.get(option, default))

    def has(self, option: str) -> bool:
        return option in self.options


@dataclass
class Rule:
    """One fault, with its own count of the requests it saw and of those it spoiled."""

    route: str
    when: str
    actions: tuple[Action, ...]
    seen: int = 0
    hits: int = 0

    def hit(self, routes: tuple[str, ...], name: str, size: int) -> Action | None:
        """The action for this request, if the rule applies to it."""
        if self.route != "any" and self.route not in routes:
            return None
        self.seen += 1
        if not self._applies(name, size):
            return None
        action = self.actions[self.hits % len(self.actions)]
        self.hits += 1
        return action

    @property
    def by_name(self) -> bool:
        return self.when.startswith("name=")

    def _applies(self, name: str, size: int) -> bool:
        when = self.when
        if when == "*":
            return True
        if when.startswith("every"):
            return self.seen % int(when[5:]) == 0
        if when.startswith("name="):
            return name == when[5:]
        if when.startswith("size>"):
            return size > int(when[5:])
        first, dash, last = when.partition("-")
        if dash and not last:
            return self.seen >= int(first)
        return int(first) <= self.seen <= int(last or first)


_WHEN = re.compile(r"\*|every[1-9]\d*|name=[^=]+|size>\d+|[1-9]\d*(-([1-9]\d*)?)?")
_RULE = re.compile(r"(name=[^=]+|[^=]+)=(.+)", re.DOTALL)


def parse(text: str) -> Rule:
    """One rule from its text; raises BadFault saying what is wrong."""
    if text.startswith("server="):
        action = _action(text, text.removeprefix("server="))
        if action.kind not in ("away", "maintenance"):
            raise BadFault(f"{text!r}: server= takes away or maintenance")
        return Rule("server", "*", (action,))
    head, colon, rest = text.partition(":")
    if not colon:
        raise BadFault(f"{text!r}: expected route:when=action, like upload:1-3=502")
    if head not in ROUTES:
        raise BadFault(f"{text!r}: no such route {head!r}; known: {', '.join(sorted(ROUTES))}")
    match = _RULE.fullmatch(rest)
    if match is None or not _WHEN.fullmatch(match[1]):
        raise BadFault(f"{text!r}: expected when=action after the route, like 1-3=502")
    actions = tuple(_action(text, piece) for piece in match[2].split("|"))
    if match[1].startswith("size>"):
        # A limit on bodies is a proxy's, and a proxy answers by the declared length.
        actions = tuple(_early(action) for action in actions)
    return Rule(head, match[1], actions)


def _early(action: Action) -> Action:
    if action.status is None or action.has("late"):
        return action
    return Action(action.kind, {"early": "", **action.options})


def _action(text: str, piece: str) -> Action:
    kind, *options = piece.split(",")
    known = _STATUS_OPTIONS if re.fullmatch(r"[1-5]\d\d", kind) else ACTIONS.get(kind)
    if known is None:
        names = ", ".join(sorted(ACTIONS))
        raise BadFault(f"{text!r}: no such action {kind!r}; a status or one of {names}")
    pairs: dict[str, str] = {}
    for option in options:
        short = re.fullmatch(r"(\d+(?:\.\d+)?)s", option)
        name, equals, value = ("seconds", "=", short[1]) if short else option.partition("=")
        if name not in known:
            raise BadFault(f"{text!r}: {kind} has no option {name!r}")
        if (name in _FLAGS) == bool(equals):
            raise BadFault(f"{text!r}: {name} {'takes no' if name in _FLAGS else 'needs a'} value")
        if name not in _FLAGS | _TEXTS and not re.fullmatch(r"\d+(\.\d+)?", value):
            raise BadFault(f"{text!r}: {name} must be a number")
        pairs[name] = value
    if kind == "redirect" and "to" not in pairs:
        raise BadFault(f"{text!r}: redirect needs to=URL")
    return Action(kind, pairs)


class Faults:
    """All rules in force; the first that applies wins."""

    def __init__(self, texts: list[str]) -> None:
        rules = [parse(text) for text in texts]
        self.at_once = [rule.actions[0] for rule in rules if rule.route == "server"]
        """What the server itself does when the rules come into force."""
        self.rules = rules
        self.replaced = asyncio.Event()
        """Set by who puts other rules in force."""
        self._rules = [rule for rule in rules if rule.route != "server" and not rule.by_name]
        self._by_name = [rule for rule in rules if rule.by_name]

    @property
    def hits(self) -> int:
        """How many requests were spoiled so far."""
        return len(self.at_once) + sum(rule.hits for rule in (*self._rules, *self._by_name))

    def for_request(self, routes: tuple[str, ...], size: int) -> Action | None:
        """Asked when the head of a request has been read; `size` is the declared body."""
        for rule in self._rules:
            action = rule.hit(routes, "", size)
            if action is not None:
                return action
        return None

    def for_name(self, routes: tuple[str, ...], name: str) -> Action | None:
        """Asked when the file's name is known."""
        for rule in self._by_name:
            action = rule.hit(routes, name, 0)
            if action is not None:
                return action
        return None

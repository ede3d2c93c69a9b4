"""Scripted faults as data: `route:when=action[,option=value…][|action…]`.

    upload:1-3=502                       the first three uploads answer 502
    upload:every5=502|503,retry-after=1|reset|lost     every fifth, in rotation
    check:*=502                          every bulk-upload-check, for ever
    upload:name=bad.jpg=500              the upload of this file name (see below)
    upload:size>1000000=413              bodies above a size, answered before they are read
    upload:1=stall,seconds=30            stop reading for so long
    upload:*=slow,rate=200000            read this many bytes a second
    upload:*=delay,seconds=0.2           answer that much later
    upload:2=reset,at=65536              cut the connection after so many body bytes
    upload:4=lost                        store it, then cut instead of answering
    ping:*=html                          a web page with status 200
    version:*=redirect,to=https://x/     a redirect
    album-add:1=truncated                half of a JSON answer

Routes: any, ping, version, key, me, media-types, check, upload, albums, album-list, album-add,
tags, tag-add, original, search, other. `when`: `*`, `N`, `N-M`, `everyN`, `name=…`, `size>N`. A
status fault on an upload is answered after the body was read, unless `early` is given or `when` is
a size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ROUTES = frozenset(
    [
        "any",
        "ping",
        "version",
        "config",
        "key",
        "me",
        "media-types",
        "check",
        "upload",
        "albums",
        "album-list",
        "album-add",
        "tags",
        "tag-add",
        "original",
        "search",
        "other",
    ]
)
ACTIONS = frozenset(["reset", "lost", "stall", "slow", "delay", "html", "redirect", "truncated"])


class BadFault(ValueError):
    """The text is not a fault."""


@dataclass
class Action:
    """What happens: `kind` is a status as text or one of ACTIONS."""

    kind: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        return int(self.kind) if self.kind.isdigit() else None

    def number(self, option: str, default: float) -> float:
        return float(self.options.get(option, default))


@dataclass
class Fault:
    """One rule, with its own count of the requests it saw."""

    route: str
    when: str
    actions: list[Action]
    seen: int = 0
    hits: int = 0

    def hit(self, route: str, name: str, size: int) -> Action | None:
        """The action for this request, if the rule applies to it."""
        if self.route not in ("any", route):
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

    @property
    def by_size(self) -> bool:
        return self.when.startswith("size>")

    def _applies(self, name: str, size: int) -> bool:
        when = self.when
        if when == "*":
            return True
        if when.startswith("every"):
            return self.seen % int(when[5:]) == 0
        if self.by_name:
            return name == when[5:]
        if self.by_size:
            return size > int(when[5:])
        first, _, last = when.partition("-")
        return int(first) <= self.seen <= int(last or first)


_WHEN = re.compile(r"\*|every[1-9]\d*|name=[^=]+|size>\d+|[1-9]\d*(-[1-9]\d*)?")


def parse(text: str) -> Fault:
    """One fault from its text; raises BadFault saying what is wrong."""
    head, colon, rest = text.partition(":")
    if not colon or head not in ROUTES:
        raise BadFault(f"{text!r}: no such route {head!r}; known: {', '.join(sorted(ROUTES))}")
    match = re.fullmatch(r"(name=[^=]+|[^=]+)=(.+)", rest)
    if match is None or not _WHEN.fullmatch(match[1]):
        raise BadFault(f"{text!r}: expected when=action, like 1-3=502")
    return Fault(head, match[1], [_action(text, piece) for piece in match[2].split("|")])


def _action(text: str, piece: str) -> Action:
    kind, *options = piece.split(",")
    if kind not in ACTIONS and not re.fullmatch(r"[1-5]\d\d", kind):
        raise BadFault(
            f"{text!r}: no such action {kind!r}; a status or {', '.join(sorted(ACTIONS))}"
        )
    pairs: dict[str, str] = {}
    for option in options:
        key, _, value = option.partition("=")
        pairs[key] = value
    return Action(kind, pairs)


class Faults:
    """All rules in force; the first that applies wins."""

    def __init__(self, texts: list[str]) -> None:
        self.rules = [parse(text) for text in texts]

    def for_request(self, route: str, size: int) -> Action | None:
        """Asked when the head of a request has been read."""
        for rule in self.rules:
            if not rule.by_name:
                action = rule.hit(route, "", size)
                if action is not None:
                    if rule.by_size:
                        action.options.setdefault("early", "")
                    return action
        return None

    def for_name(self, route: str, name: str) -> Action | None:
        """Asked when the file's name is known."""
        for rule in self.rules:
            if rule.by_name:
                action = rule.hit(route, name, 0)
                if action is not None:
                    return action
        return None

"""What becomes of a run, by the kind of the call and the family of the fault."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """What a call is about, which says what its failure means."""

    FIRST = "the first word"
    START = "asked at the start"
    RUN = "asked for the whole run"
    PHOTO = "for one photo"
    DETAIL = "about one asset"
    GROUP = "entries of an album or a tag"
    ALBUM = "an album to be listed"
    QUEUES = "pausing the queues"
    RESUME = "resuming the queues"
    PING = "is it back?"
    QUESTION = "a question of the command line"


class Family(Enum):
    """What a fault says about whose trouble it is."""

    LINE = "the line breaks or falls silent"
    AWAY = "the server is away"
    BUSY = "the server or its proxy asks for time"
    PATIENCE = "and says how long"
    NONSENSE = "an answer that is none of Immich's"
    STUMBLE = "the server fails on this request"
    REFUSAL = "the request is refused"
    KEY = "the key is refused"
    ELSEWHERE = "a redirect to another origin"
    CIRCLE = "a redirect within the origin"
    SLOW = "slow, but alive"
    CLOCK = "our clock jumps"
    ADDRESS = "nothing at that address"
    STRANGER = "a certificate nobody vouches for"


class End(Enum):
    """What becomes of the run, and of the photo or the group it was about."""

    UNHARMED = "nothing"
    """Exit 0, everything is there, nothing was asked twice."""
    RETRIED = "retried"
    """Exit 0 and everything is there."""
    WAITED = "waited"
    """The same, and the pause that was asked for was kept."""
    FOLLOWED = "followed"
    FAILED = "failed item"
    """Exit 3: that one photo failed, all others arrived."""
    OWED = "owed, 3"
    """Every photo is there; the entries stay owed, and the next run pays them."""
    OWED_KEY = "owed, 12"
    """The same, and it is the key that has to be mended."""
    NOTED = "noted"
    """Exit 0: said aloud, and the run goes on without."""
    UNLISTED = "not listed, 3"
    """What can be listed is fetched; nothing is removed."""
    ENDED_1 = "ended 1"
    ENDED_2 = "ended 2"
    ENDED_3 = "ended 3"
    ENDED_5 = "ended 5"
    ENDED_12 = "ended 12"
    NEVER = ""
    """There is no such cell."""

    @property
    def code(self) -> int:
        if self.name.startswith("ENDED_"):
            return int(self.name.removeprefix("ENDED_"))
        if self is End.OWED_KEY:
            return 12
        return 3 if self in (End.FAILED, End.OWED, End.UNLISTED) else 0


Pair = tuple[End, End]
"""When the fault passes, and when it stays."""
_AGAIN: Mapping[Family, End] = {
    Family.LINE: End.RETRIED,
    Family.AWAY: End.WAITED,
    Family.BUSY: End.RETRIED,
    Family.PATIENCE: End.WAITED,
    Family.NONSENSE: End.RETRIED,
    Family.STUMBLE: End.RETRIED,
}
"""What may pass, and how a run gets over it."""
_STAYING: Mapping[Kind, End] = {
    Kind.FIRST: End.ENDED_5,
    Kind.START: End.ENDED_5,
    Kind.QUESTION: End.ENDED_5,
    Kind.RUN: End.ENDED_5,
    Kind.PHOTO: End.FAILED,
    Kind.DETAIL: End.ENDED_5,
    Kind.GROUP: End.OWED,
    Kind.ALBUM: End.ENDED_5,
    Kind.QUEUES: End.ENDED_5,
    Kind.RESUME: End.ENDED_5,
    Kind.PING: End.ENDED_5,
}
"""And what is left when it does not."""
_REFUSED: Mapping[Kind, End] = {
    Kind.FIRST: End.ENDED_2,
    Kind.START: End.ENDED_1,
    Kind.QUESTION: End.ENDED_3,
    Kind.RUN: End.ENDED_1,
    Kind.PHOTO: End.FAILED,
    Kind.DETAIL: End.FAILED,
    Kind.GROUP: End.OWED,
    Kind.ALBUM: End.UNLISTED,
    Kind.QUEUES: End.NOTED,
    Kind.RESUME: End.ENDED_3,
    Kind.PING: End.ENDED_5,
}
_KEY: Mapping[Kind, End] = {
    Kind.FIRST: End.ENDED_2,
    Kind.GROUP: End.OWED_KEY,
    Kind.QUEUES: End.NOTED,
    Kind.PING: End.ENDED_5,
}
"""Elsewhere a refused key ends the run with 12."""


def by_rule(kind: Kind, family: Family, *, posts: bool) -> Pair:
    again = _AGAIN.get(family)
    if again is not None:
        if kind is Kind.FIRST and family is Family.NONSENSE:
            return again, End.ENDED_2
        if kind is Kind.DETAIL and family is Family.STUMBLE:
            return again, End.FAILED
        if kind is Kind.PING and family is Family.PATIENCE:
            again = End.RETRIED  # its own pauses are what it keeps
        return again, End.ENDED_5 if family is Family.AWAY else _STAYING[kind]
    match family:
        case Family.REFUSAL:
            end = _REFUSED[kind]
            return (End.RETRIED if kind in (Kind.PING, Kind.FIRST) else end), end
        case Family.KEY:
            end = _KEY.get(kind, End.ENDED_12)
            return (End.RETRIED if kind in (Kind.PING, Kind.FIRST) else end), end
        case Family.ELSEWHERE:
            return End.ENDED_2, End.ENDED_2
        case Family.CIRCLE:
            return (End.ENDED_2 if posts else End.FOLLOWED), End.ENDED_2
        case Family.SLOW:
            return End.UNHARMED, End.UNHARMED
        case Family.CLOCK:
            return End.NEVER, End.UNHARMED
        case Family.ADDRESS:
            return End.NEVER, End.ENDED_5 if kind is Kind.FIRST else End.NEVER
        case Family.STRANGER:
            return End.NEVER, End.ENDED_2 if kind is Kind.FIRST else End.NEVER
    raise AssertionError(family)

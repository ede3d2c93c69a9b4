"""The fault matrix as data: every call the flows make, every fault, and what becomes of the run.

    python -m tests.faults.matrix          prints it as it stands in tests/README.md

A fault is either over after the first request it hits (`passes`), or stays for ever (`stays`; the
run then has `--wait 0s --retries 2`, so that the end comes soon). What is expected follows from the
kind of the call and the family of the fault (`matrix_rules`); cells that differ stand in EXCEPT.
`test_matrix.py` runs the installed command for the cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .matrix_rules import End, Family, Kind, Pair, by_rule


@dataclass(frozen=True)
class Call:
    """One call of a flow. `scene` names a class of `matrix_scenes`; `route` is the sandbox's name
    for it, and `first` which of the route's requests it is (0: every one, one for each photo)."""

    name: str
    scene: str
    route: str
    kind: Kind
    first: int = 1
    besides: tuple[str, ...] = ()
    """Rules that bring the call about."""
    posts: bool = True
    version: str = "3.0"
    fully: bool = False
    """Meets every fault; the others meet one of each family."""


@dataclass(frozen=True)
class Fault:
    """One fault: what the sandbox does, in the words of `immich_transfer.sandbox.faults`."""

    name: str
    action: str
    family: Family


CALLS = (
    Call("server/version", "Up", "version", Kind.FIRST, posts=False, fully=True),
    Call("api-keys/me", "Up", "key", Kind.START, posts=False),
    Call("users/me", "Up", "me", Kind.START, posts=False),
    Call("server/media-types", "Up", "media-types", Kind.START, posts=False),
    Call("server/about", "About", "about", Kind.QUESTION, posts=False),
    Call("server/features", "Features", "features", Kind.QUESTION, posts=False),
    Call("server/ping", "Up", "ping", Kind.PING, besides=("upload:1=502",), posts=False),
    Call("bulk-upload-check", "Up", "check", Kind.RUN, fully=True),
    Call("bulk-upload-check, the proof", "Up", "check", Kind.RUN, first=2),
    Call("upload", "Up", "upload", Kind.PHOTO, first=0, fully=True),
    Call("album list", "Up", "album-list", Kind.GROUP, posts=False),
    Call("album create", "Up", "albums", Kind.GROUP),
    Call("album add", "Up", "album-add", Kind.GROUP),
    Call("tag create", "Up", "tags", Kind.GROUP),
    Call("tag add", "Up", "tag-add", Kind.GROUP),
    Call("queues", "Up", "queues", Kind.QUEUES, posts=False),
    Call("queue pause", "Up", "queues", Kind.QUEUES, first=2),
    Call("queue resume", "Up", "queues", Kind.RESUME, first=9),
    Call("jobs pause", "Up", "jobs", Kind.QUEUES, first=2, version="1.132"),
    Call("trash restore", "Restored", "trash", Kind.RUN),
    Call("delete for good", "Replaced", "asset-delete", Kind.RUN),
    Call("album list, mirror", "Down", "album-list", Kind.START, posts=False),
    Call("album", "Down", "albums", Kind.ALBUM, posts=False),
    Call("album with its assets", "Down", "albums", Kind.RUN, first=2, posts=False, version="2.7"),
    Call("timeline/buckets", "Down", "timeline", Kind.RUN, posts=False),
    Call("timeline/bucket", "Down", "timeline", Kind.RUN, first=2, posts=False),
    Call("download/info", "Down", "download-info", Kind.RUN),
    Call("search/metadata", "Down", "search", Kind.RUN),
    Call("search/statistics", "Found", "search-statistics", Kind.RUN),
    Call("assets/{id}", "Down", "asset", Kind.DETAIL, besides=("search:*=miss,by=1",), posts=False),
    Call("original", "Down", "original", Kind.PHOTO, first=0, posts=False, fully=True),
)  # fmt: skip

FAULTS = (
    Fault("connection refused", "away,unheard,seconds=1", Family.AWAY),
    Fault("reset before the head", "reset", Family.LINE),
    Fault("reset within the head", "half-head", Family.LINE),
    Fault("reset after the head", "cut,at=0", Family.LINE),
    Fault("reset within the answer's body", "cut", Family.LINE),
    Fault("reset within the request's body", "reset,at=1000", Family.LINE),
    Fault("lost answer", "lost", Family.LINE),
    Fault("stall before the answer", "stall,seconds=60", Family.LINE),
    Fault("stall within the answer", "hang,seconds=60", Family.LINE),
    Fault("a trickle that is no progress", "drip,seconds=40", Family.LINE),
    Fault("404, a page", "404,late", Family.BUSY),
    Fault("408", "408,late", Family.BUSY),
    Fault("429", "429,late", Family.BUSY),
    Fault("502", "502,late", Family.BUSY),
    Fault("503", "503,late", Family.BUSY),
    Fault("503, early, then cut", "503,close", Family.BUSY),
    Fault("504", "504,late", Family.BUSY),
    Fault("503, Retry-After: 0", "503,late,retry-after=0", Family.BUSY),
    Fault("429, Retry-After: seconds", "429,late,retry-after=1", Family.PATIENCE),
    Fault("503, Retry-After: seconds", "503,late,retry-after=1", Family.PATIENCE),
    Fault("503, Retry-After: a date of a clock an hour ahead", "503,late,retry-date=2,skew=3600",
          Family.PATIENCE),
    Fault("HTML with 200", "html", Family.NONSENSE),
    Fault("truncated JSON", "truncated", Family.NONSENSE),
    Fault("JSON of another shape", "shape", Family.NONSENSE),
    Fault("80 MiB of JSON", "giant", Family.NONSENSE),
    Fault("500", "500,late,json", Family.STUMBLE),
    Fault("500, early", "500,early", Family.STUMBLE),
    Fault("501", "501,late", Family.STUMBLE),
    Fault("400", "400,late,json", Family.REFUSAL),
    Fault("403, a page", "403,late", Family.REFUSAL),
    Fault("404 of Immich", "404,late,json", Family.REFUSAL),
    Fault("409", "409,late", Family.REFUSAL),
    Fault("413", "413,late", Family.REFUSAL),
    Fault("413, early", "413,early", Family.REFUSAL),
    Fault("415", "415,late", Family.REFUSAL),
    Fault("431", "431,late", Family.REFUSAL),
    Fault("401", "401,late,json", Family.KEY),
    Fault("403 of Immich", "403,late,json", Family.KEY),
    Fault("redirect to another origin", "redirect,to={elsewhere}", Family.ELSEWHERE),
    Fault("redirect within the origin", "redirect,to=itself", Family.CIRCLE),
    Fault("slow drip", "drip,seconds=0.5", Family.SLOW),
    Fault("clock jumps", "clock", Family.CLOCK),
    Fault("nobody listens", "url=closed", Family.ADDRESS),
    Fault("no such name", "url=invalid", Family.ADDRESS),
    Fault("no TLS there", "url=plain", Family.ADDRESS),
    Fault("self-signed certificate", "url=stranger", Family.STRANGER),
)  # fmt: skip


SILENT = ("stall before the answer", "stall within the answer", "a trickle that is no progress")


IN_THE_BODY = ("reset after the head", "reset within the answer's body", "stall within the answer",
               "a trickle that is no progress", "truncated JSON")  # fmt: skip
ANSWERED = ("reset within the head", "lost answer", *IN_THE_BODY)
"""Faults of the answer alone: the work is done."""

EXCEPT: Mapping[tuple[str, str], Pair] = {
    # Nothing of Immich's ever answered there: a wrong address is likelier than maintenance.
    ("server/version", "404, a page"): (End.RETRIED, End.ENDED_2),
    # So Immich says that an asset is gone, and what is gone need not be fetched.
    ("assets/{id}", "404 of Immich"): (End.NOTED, End.NOTED),
    # No album is there: a list of two characters does not trickle.
    ("album list", "a trickle that is no progress"): (End.UNHARMED, End.UNHARMED),
    # Features are flags of any name: this is one.
    ("server/features", "JSON of another shape"): (End.UNHARMED, End.UNHARMED),
    # An answer without a body: its head is all of it.
    **{("delete for good", fault): (End.RETRIED, End.RETRIED) for fault in IN_THE_BODY},
    # Two albums would come of it; what is made is looked for before it is made again.
    **{("album create", fault): (End.RETRIED, End.RETRIED) for fault in ANSWERED},
}
"""Cells that do not follow their kind and family, with the reason beside each."""


def expected(call: Call, fault: Fault) -> Pair:
    """What becomes of the run: when the fault passes, and when it stays."""
    if (call.name, fault.name) in EXCEPT:
        return EXCEPT[call.name, fault.name]
    if fault.name == "reset within the request's body" and not call.posts:
        return End.NEVER, End.NEVER
    if call.kind is Kind.QUESTION and fault.name in SILENT:
        return End.NEVER, End.NEVER  # that command's idle time cannot be set
    return by_rule(call.kind, fault.family, posts=call.posts)


@dataclass(frozen=True)
class Cell:
    """One run of the matrix."""

    call: Call
    fault: Fault
    stays: bool
    end: End

    @property
    def name(self) -> str:
        return f"{self.call.name} · {self.fault.name} · {'stays' if self.stays else 'passes'}"


def cells() -> Iterator[Cell]:
    """What covers the rules: of the calls marked `fully` every fault; of the others one of each
    family, in turn another, passing for one call and staying for the next; and every exception."""
    for turn, call in enumerate(CALLS):
        chosen = {fault.name for fault in FAULTS if call.fully or (call.name, fault.name) in EXCEPT}
        for fault in FAULTS:
            if fault.name in chosen:
                yield from both(call, fault)
        if call.fully:
            continue
        for number, faults in enumerate(families().values()):
            found = list(both(call, faults[turn % len(faults)]))
            yield from found[(turn + number) % 2 :][:1] or found[:1]


def every_cell() -> Iterator[Cell]:
    """All calls with all faults."""
    for call in CALLS:
        for fault in FAULTS:
            yield from both(call, fault)


def both(call: Call, fault: Fault) -> Iterator[Cell]:
    """The fault that passes and the one that stays; one alone where it is all the same."""
    passes, stays = expected(call, fault)
    if passes not in (End.NEVER, stays):
        yield Cell(call, fault, False, passes)
    if stays is not End.NEVER:
        yield Cell(call, fault, True, stays)


def families() -> Mapping[Family, list[Fault]]:
    return {f: [fault for fault in FAULTS if fault.family is f] for f in Family}


START_MARK = "<!-- fault matrix: python -m tests.faults.matrix -->"
END_MARK = "<!-- end of the fault matrix -->"
_TWICE = (Kind.FIRST, Kind.RUN, Kind.PHOTO, Kind.DETAIL, Kind.GROUP, Kind.ALBUM, Kind.QUEUES,
          Kind.RESUME, Kind.PING)  # fmt: skip
"""Columns of the table; what is asked at the start fares as what is asked for the whole run."""


def spread() -> list[Cell]:
    """Cells that together have every call, every fault and every end, chosen without chance: what a
    normal test run can afford."""
    chosen: list[Cell] = []
    met: set[object] = set()
    for least in (2, 1):
        for cell in cells():
            facets = {cell.call.name, cell.fault.name} | ({cell.end} if least == 1 else set())
            if len(facets - met) >= least:
                chosen.append(cell)
                met |= {cell.call.name, cell.fault.name, cell.end}
    return chosen


def render() -> str:
    """The matrix as Markdown: what each call is, and what becomes of the run."""
    lines = ["| what it is about | calls |", "|---|---|"]
    for kind in Kind:
        names = ", ".join(f"`{call.name}`" for call in CALLS if call.kind is kind)
        lines.append(f"| {kind.value} | {names} |")
    columns = [kind for kind in Kind if kind in _TWICE]
    lines += ["", "| fault | " + " | ".join(kind.value for kind in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for family, faults in families().items():
        named = "; ".join(fault.name for fault in faults)
        row = [_shown(kind, family) for kind in columns]
        lines.append(f"| **{family.value}**: {named} | " + " | ".join(row) + " |")
    lines += ["", "Cells of their own:", ""]
    for (call, fault), pair in EXCEPT.items():
        lines.append(f"- `{call}` · {fault}: {_pair(pair)}")
    return "\n".join(lines)


def _shown(kind: Kind, family: Family) -> str:
    """A cell of the table; where it matters, for GET and for the others."""
    posts = {call.posts for call in CALLS if call.kind is kind}
    get, post = (_pair(by_rule(kind, family, posts=posts)) for posts in (False, True))
    if get == post:
        return get
    return get if posts == {False} else post if posts == {True} else f"GET {get}; else {post}"


def _pair(pair: Pair) -> str:
    passes, stays = (end.value for end in pair)
    return stays if passes in ("", stays) else f"{passes} → {stays}"


if __name__ == "__main__":
    print(render())

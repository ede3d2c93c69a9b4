"""The end of a run for people: what happened to the files, why, and what to do next.

Plain text with a few colours, made without rich: a run that never showed a live display should not
pay for importing it.
"""

from __future__ import annotations

from ..errors import Exit
from ..model import ItemResult, Outcome, Summary
from .tally import Tally
from .wording import clean, count, duration, label, number, rate, sentence, size, wrap

FAILED_SHOWN = 10
REASONS_SHOWN = 8
RESUME = "immich-transfer resume"

_ADVICE = {
    Outcome.TRASHED: "left there; --trashed restore or --trashed reupload changes that",
    Outcome.DELETED_REMOTELY: "left deleted; --deleted reupload sends them again",
}
_STYLE = {
    Outcome.UPLOADED.value: "32",
    Outcome.FAILED.value: "31",
    Outcome.TRASHED.value: "33",
    Outcome.DELETED_REMOTELY.value: "33",
    Outcome.PENDING.value: "33",
}


class _Page:
    """Lines that fit `width` where they can, coloured or not."""

    def __init__(self, width: int, *, color: bool) -> None:
        self.width = max(width, 30)
        self._color = color
        self.lines: list[str] = []

    def paint(self, text: str, code: str | None) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and code and text else text

    def add(
        self, text: str, *, indent: str = "", first: str | None = None, code: str | None = None
    ) -> None:
        for line in wrap(text, self.width, indent=indent, first=first):
            self.lines.append(self.paint(line, code))

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")


def render_summary(summary: Summary, tally: Tally, *, width: int, color: bool) -> str:
    """The whole summary as text that ends in a newline."""
    page = _Page(width, color=color)
    _title(page, summary, tally)
    _outcomes(page, summary, tally)
    _work(page, summary)
    _failed(page, summary, tally.failed)
    _asides(page, summary, tally)
    page.blank()
    good = summary.exit_code == Exit.OK
    code = "1;32" if good else "1;33" if summary.exit_code in _SAVED else "1;31"
    page.add(last_word(summary), code=code)
    return "\n".join(page.lines) + "\n"


_SAVED = (Exit.INTERRUPTED, Exit.TERMINATED)


def _title(page: _Page, summary: Summary, tally: Tally) -> None:
    what = summary.command.capitalize()
    if tally.run is not None and tally.run.server:
        what += f", Immich {clean(tally.run.server)}"
    if summary.dry_run:
        what += ", dry run: nothing was changed"
    page.add(what, code="1")
    page.blank()


def _outcomes(page: _Page, summary: Summary, tally: Tally) -> None:
    rows = [(name, n) for name, n in _ordered(summary.outcomes) if n]
    if not rows:
        return
    labels = {name: label(name, dry_run=summary.dry_run) for name, _ in rows}
    label_width = max(*(len(text) for text in labels.values()), len("verified"))
    number_width = max(len(number(n)) for _, n in rows)
    for name, n in rows:
        head = f"  {labels[name]:<{label_width}}  {number(n):>{number_width}}"
        about = _about(name, tally)
        folded = wrap(about, page.width, indent=" " * (len(head) + 2), first=head + "  ")
        painted = page.paint(head, _STYLE.get(name))
        page.lines.append((painted + folded[0][len(head) :]).rstrip())
        page.lines += folded[1:]
    there = _there(summary)
    if there and not summary.dry_run:
        page.add(
            f"{number(summary.verified)} of {number(there)} against the server's own checksums",
            indent=" " * (label_width + 4),
            first=f"  {'verified':<{label_width}}  ",
            code=None if summary.verified >= there else "33",
        )


def _ordered(outcomes: dict[str, int]) -> list[tuple[str, int]]:
    order = [outcome.value for outcome in Outcome]
    known = sorted((o for o in outcomes.items() if o[0] in order), key=lambda o: order.index(o[0]))
    # Outcomes of other commands stand where they were put, before what went wrong.
    strange = [o for o in outcomes.items() if o[0] not in order]
    return strange + known


def _about(name: str, tally: Tally) -> str:
    """What stands beside an outcome's number."""
    if name == Outcome.SKIPPED:
        ranked = sorted(tally.reasons.items(), key=lambda pair: -pair[1])
        parts = [f"{clean(reason)}: {number(n)}" for reason, n in ranked[:REASONS_SHOWN]]
        rest = sum(n for _, n in ranked[REASONS_SHOWN:])
        return ", ".join(parts) + (f", other reasons: {number(rest)}" if rest else "")
    if name in _ADVICE:
        return _ADVICE[Outcome(name)]
    held = tally.bytes.get(name, 0)
    return f"({size(held)})" if held else ""


def _work(page: _Page, summary: Summary) -> None:
    parts = []
    if summary.bytes_sent:
        speed = rate(summary.bytes_sent / max(summary.seconds, 0.001))
        parts.append(f"sent {size(summary.bytes_sent)} at {speed}")
    if summary.bytes_received:
        parts.append(f"received {size(summary.bytes_received)}")
    if summary.bytes_hashed:
        parts.append(f"read {size(summary.bytes_hashed)} for hashing")
    parts.append(count(summary.requests, "request"))
    if summary.retries:
        parts.append(count(summary.retries, "retry", "retries"))
    page.blank()
    page.add(f"{duration(summary.seconds)}: " + ", ".join(parts), indent="  ", first="  ", code="2")


def _failed(page: _Page, summary: Summary, failed: list[ItemResult]) -> None:
    total = summary.outcomes.get(Outcome.FAILED.value, 0)
    if not failed:
        return
    page.blank()
    page.add(f"{count(max(total, len(failed)), 'file')} failed:", code="31")
    hints: set[str] = set()
    for item in failed[:FAILED_SHOWN]:
        page.lines.append(f"  {clean(item.path)}")
        page.add(clean(item.error or "no reason given"), indent="    ", first="    ", code="31")
        if item.hint and item.hint not in hints:
            hints.add(item.hint)
            page.add("hint: " + clean(item.hint), indent="          ", first="    ", code="2")
    more = total - min(len(failed), FAILED_SHOWN)
    if more > 0:
        page.add(f"  … and {number(more)} more: immich-transfer status {summary.run}", first="  ")


def _asides(page: _Page, summary: Summary, tally: Tally) -> None:
    asides = [clean(note) for note in summary.notes]
    ranked = sorted(tally.notes.items(), key=lambda pair: -pair[1])
    asides += [f"{clean(note)} ({count(n, 'file')})" for note, n in ranked[:REASONS_SHOWN]]
    if summary.owed:
        asides.append(
            f"{count(summary.owed, 'album or tag entry', 'album or tag entries')} could not be "
            "made and stay owed; the next run makes them"
        )
    if summary.insecure:
        asides.append("--insecure: the server's certificate was not checked")
    page.blank()
    for aside in asides:
        page.add(aside, indent="    ", first="  ! ", code="33")


def _there(summary: Summary) -> int:
    """Files whose content is on the server now."""
    return sum(summary.outcomes.get(o.value, 0) for o in (Outcome.UPLOADED, Outcome.DUPLICATE))


def last_word(summary: Summary) -> str:
    """One or two sentences: how it stands and what to do next."""
    because = sentence(summary.message) + " " if summary.message else ""
    failed = summary.outcomes.get(Outcome.FAILED.value, 0)
    if summary.dry_run and summary.exit_code in (Exit.OK, Exit.ITEMS_FAILED):
        return _dry_word(summary, failed)
    match summary.exit_code:
        case Exit.OK:
            return because + _good_word(summary)
        case Exit.ITEMS_FAILED if failed:
            rest = "; everything else is on the server" if _there(summary) else ""
            return (
                f"{because}{count(failed, 'file')} failed{rest}. "
                f"Run the same command again when that is solved, or: {RESUME}"
            )
        case Exit.ITEMS_FAILED if summary.owed:
            entries = count(summary.owed, "album or tag entry", "album or tag entries")
            return f"{because}{entries} still owed. Run the same command again, or: {RESUME}"
        case Exit.ITEMS_FAILED:
            out = count(_left_out(summary), "file")
            return f"{because}{out} left out, which --strict counts as a failure."
        case Exit.DIFFERENCES:
            return f"{because}The two sides differ."
        case Exit.UNAVAILABLE:
            return (
                f"{because or 'The server is not available. '}Nothing is lost; "
                f"when the server is back: {RESUME}"
            )
        case Exit.CANNOT_CONTINUE:
            return f"{because or 'The run cannot go on. '}When that is solved: {RESUME}"
        case Exit.LIMIT:
            return f"{because or 'A limit was reached. '}To go on from here: {RESUME}"
        case Exit.KEY:
            return f"{because or 'The API key was refused. '}With a key that may: {RESUME}"
        case Exit.INTERRUPTED | Exit.TERMINATED:
            pending = summary.outcomes.get(Outcome.PENDING.value, 0)
            left = f" {count(pending, 'file')} to go." if pending else ""
            return f"Interrupted; nothing is lost.{left} To go on from here: {RESUME}"
        case _:
            return f"{because or 'The run failed. '}To try again from here: {RESUME}"


def _left_out(summary: Summary) -> int:
    left = (Outcome.TRASHED, Outcome.DELETED_REMOTELY, Outcome.SKIPPED)
    return sum(summary.outcomes.get(outcome.value, 0) for outcome in left)


def _dry_word(summary: Summary, failed: int) -> str:
    would = summary.outcomes.get(Outcome.UPLOADED.value, 0)
    trouble = f" {count(failed, 'file')} would fail." if failed else ""
    if would:
        return f"Dry run: would upload {count(would, 'file')}; nothing was sent.{trouble}"
    return f"Dry run: nothing would be uploaded.{trouble}"


def _good_word(summary: Summary) -> str:
    there, out = _there(summary), _left_out(summary)
    if not summary.discovered:
        return "No files were found: nothing to do."
    if there == 0:
        known = {outcome.value for outcome in Outcome}
        if any(n for name, n in summary.outcomes.items() if name not in known):
            return "Everything is done."
        return f"Nothing was sent: {_was(out)} left out, as said above."
    one = there == 1
    if out:
        who = f"{count(there, 'file')} {'is' if one else 'are'} on the server"
    else:
        who = "The file is on the server" if one else f"All {number(there)} files are on the server"
    if summary.verified >= there:
        proof = ", verified"
    elif summary.verified:
        proof = f", {number(summary.verified)} of them verified"
    else:
        proof = ", not verified"
    return f"{who}{proof}{f'; {_was(out)} left out, as said above' if out else ''}."


def _was(n: int) -> str:
    return f"{count(n, 'file')} {'was' if n == 1 else 'were'}"

"""The end of a run for people: what happened to the files, why, and what to do next.

Plain text with a few colours, made without rich: a run that never showed a live display should not
pay for importing it. The words are those of the command (`said_…`); here they become a page.
"""

from __future__ import annotations

from ..errors import Exit
from ..model import ItemResult, Outcome, Summary
from .commands import said_of
from .page import Page
from .said import NAMED_SHOWN, TONES, Listing, Said, counted
from .tally import Tally
from .wording import clean, count, duration, number, size

FAILED_SHOWN = 10
REASONS_SHOWN = 8

_CODES = {"good": "32", "warn": "33", "bad": "31"}
_SAVED = (Exit.INTERRUPTED, Exit.TERMINATED)


def last_word(summary: Summary) -> str:
    """One or two sentences: how it stands and what to do next."""
    return said_of(summary.command).last_word(summary)


def render_summary(summary: Summary, tally: Tally, *, width: int, color: bool) -> str:
    """The whole summary as text that ends in a newline."""
    said = said_of(summary.command)
    page = Page(width, color=color)
    _title(page, summary, tally)
    _outcomes(page, summary, tally, said)
    _work(page, summary, said)
    for listing in said.listings(dry_run=summary.dry_run):
        _named(page, summary, tally, listing)
    _failed(page, summary, tally.failed, said)
    _asides(page, summary, tally)
    page.blank()
    good = summary.exit_code == Exit.OK
    code = "1;32" if good else "1;33" if summary.exit_code in _SAVED else "1;31"
    page.add(said.last_word(summary), code=code)
    return page.text()


def _title(page: Page, summary: Summary, tally: Tally) -> None:
    what = summary.command.capitalize()
    if tally.run is not None and tally.run.server:
        what += f", Immich {clean(tally.run.server)}"
    if summary.dry_run:
        what += ", dry run: nothing was changed"
    page.add(what, code="1")
    page.blank()


def _outcomes(page: Page, summary: Summary, tally: Tally, said: Said) -> None:
    rows = [(name, n) for name, n in _ordered(summary.outcomes) if n]
    if not rows:
        return
    labels = {name: said.label(name, dry_run=summary.dry_run) for name, _ in rows}
    label_width = max(*(len(text) for text in labels.values()), len("verified"))
    number_width = max(len(number(n)) for _, n in rows)
    for name, n in rows:
        head = f"  {labels[name]:<{label_width}}  {number(n):>{number_width}}"
        about = _about(name, tally, said, dry_run=summary.dry_run)
        page.row(head, about, code=_CODES.get(TONES.get(name, "")))
    there = counted(summary, *said.there)
    if there and said.proves and not summary.dry_run:
        page.add(
            f"{number(summary.verified)} of {number(there)} against the server's own checksums",
            indent=" " * (label_width + 4),
            first=f"  {'verified':<{label_width}}  ",
            code=None if summary.verified >= there else "33",
        )


def _ordered(outcomes: dict[str, int]) -> list[tuple[str, int]]:
    order = [outcome.value for outcome in Outcome]
    known = sorted((o for o in outcomes.items() if o[0] in order), key=lambda o: order.index(o[0]))
    # Outcomes of a newer version stand where they were put, before what went wrong.
    strange = [o for o in outcomes.items() if o[0] not in order]
    return strange + known


def _about(name: str, tally: Tally, said: Said, *, dry_run: bool) -> str:
    """What stands beside an outcome's number."""
    if name == Outcome.SKIPPED:
        ranked = sorted(tally.reasons.items(), key=lambda pair: -pair[1])
        parts = [f"{clean(reason)}: {number(n)}" for reason, n in ranked[:REASONS_SHOWN]]
        rest = sum(n for _, n in ranked[REASONS_SHOWN:])
        return ", ".join(parts) + (f", other reasons: {number(rest)}" if rest else "")
    advice = said.advice(name, dry_run=dry_run)
    if advice is not None:
        return advice
    held = tally.bytes.get(name, 0)
    return f"({size(held)})" if held else ""


def _work(page: Page, summary: Summary, said: Said) -> None:
    parts = said.moved(summary)
    if summary.bytes_hashed:
        parts.append(f"read {size(summary.bytes_hashed)} for hashing")
    parts.append(count(summary.requests, "request"))
    if summary.retries:
        parts.append(count(summary.retries, "retry", "retries"))
    page.blank()
    page.add(f"{duration(summary.seconds)}: " + ", ".join(parts), indent="  ", first="  ", code="2")


def _named(page: Page, summary: Summary, tally: Tally, listing: Listing) -> None:
    items = [item for each in listing.outcomes for item in tally.named.get(each, ())]
    if not items:
        return
    total = max(counted(summary, *listing.outcomes), len(items))
    page.blank()
    page.add(f"{count(total, listing.one, listing.many)}:", code=_CODES[listing.tone])
    for item in items[:NAMED_SHOWN]:
        sigil = listing.sigils.get(item.outcome, "")
        lead = f"  {sigil} " if sigil else "  "
        page.lines.append(lead + clean(item.path))
        if item.note:
            indent = " " * (len(lead) + 2)
            page.add(clean(item.note), indent=indent, first=indent, code="2")
    more = total - min(len(items), NAMED_SHOWN)
    if more > 0:
        page.add(f"  … and {number(more)} more: {listing.rest}", first="  ", indent="    ")


def _failed(page: Page, summary: Summary, failed: list[ItemResult], said: Said) -> None:
    total = counted(summary, Outcome.FAILED)
    if not failed:
        return
    page.blank()
    page.add(f"{count(max(total, len(failed)), 'file')} {said.failing[0]}:", code="31")
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


def _asides(page: Page, summary: Summary, tally: Tally) -> None:
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

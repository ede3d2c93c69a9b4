"""The books of a run: every item counted, problems within bounds, blame where it belongs."""

from __future__ import annotations

from immich_transfer.errors import ServerRefused, Stumbled, Throttled
from immich_transfer.events import Event, Settled
from immich_transfer.model import ItemResult, Outcome, Totals
from immich_transfer.pipeline.run import REMEMBERED_PROBLEMS, Books


def test_each_item_is_counted_and_told() -> None:
    told: list[Event] = []
    totals = Totals(discovered=3)
    books = Books(told.append, totals, max_errors=None)
    items = [
        ItemResult(Outcome.UPLOADED, "a.jpg"),
        ItemResult(Outcome.FAILED, "b.jpg", error="no"),
        ItemResult(Outcome.PENDING, "c.jpg"),
    ]
    for item in items:
        books.enter(item)
    assert told == [Settled(item) for item in items]
    assert totals.balanced()
    assert books.problems == items[1:]
    assert not books.over_limit


def test_more_problems_than_are_remembered_are_still_counted() -> None:
    totals = Totals()
    books = Books(lambda _: None, totals, max_errors=None)
    for number in range(REMEMBERED_PROBLEMS + 5):
        books.enter(ItemResult(Outcome.FAILED, f"{number}.jpg"))
    assert len(books.problems) == REMEMBERED_PROBLEMS
    assert totals.outcomes[Outcome.FAILED] == REMEMBERED_PROBLEMS + 5


def test_the_limit_is_reached_by_the_last_failure_and_not_before() -> None:
    books = Books(lambda _: None, Totals(), max_errors=2)
    books.enter(ItemResult(Outcome.FAILED, "a.jpg"))
    books.enter(ItemResult(Outcome.PENDING, "b.jpg"))
    assert not books.over_limit
    books.enter(ItemResult(Outcome.FAILED, "c.jpg"))
    assert books.over_limit


def test_only_the_servers_trouble_is_blamed_on_it() -> None:
    books = Books(lambda _: None, Totals(), max_errors=None)
    books.blame(ServerRefused("413", status=413))
    books.blame(Stumbled("500"))
    assert books.transient_failures == 0
    books.blame(Throttled("503"))
    assert books.transient_failures == 1

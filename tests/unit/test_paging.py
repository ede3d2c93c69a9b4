"""Which lists are taken for endless: those that stand still, not those that are long."""

from __future__ import annotations

import pytest

from immich_transfer.errors import ServerUnavailable
from immich_transfer.immich.paging import MOST_ODD, Pages

FULL = [f"asset-{n}" for n in range(10)]


def test_a_library_of_many_divided_instants_is_listed() -> None:
    pages = Pages(10)
    for instant in range(10 * MOST_ODD):
        fresh = [f"{instant}-{n}" for n in range(10)]
        for _ in range(3):  # an instant that is divided is seen again
            pages.saw(fresh, more=True)
    pages.saw([], more=False)


@pytest.mark.parametrize("page", [FULL, FULL[:4], []], ids=["the same", "half empty", "empty"])
def test_pages_that_lead_nowhere_end(page: list[str]) -> None:
    pages = Pages(10)
    pages.saw(page, more=True)
    with pytest.raises(ServerUnavailable, match="no end"):
        for _ in range(MOST_ODD + 1):
            pages.saw(page, more=True)

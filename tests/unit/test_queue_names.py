"""What a queue may be called."""

from __future__ import annotations

import pytest

from immich_transfer.bridge.queue_names import manual_job, queue_name
from immich_transfer.errors import CannotContinue, UsageError
from immich_transfer.immich.compat import QUEUE_SINCE, Version

OLD, NEW = Version(1, 106, 4), Version(3, 0, 3)


def listed(version: Version) -> list[str]:
    return [name for name, since in QUEUE_SINCE.items() if version >= since]


@pytest.mark.parametrize("name", QUEUE_SINCE)
def test_every_name_means_itself_however_it_is_written(name: str) -> None:
    kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in name)
    for spelling in (name, name.lower(), kebab, f"{kebab}-queue", kebab.replace("-", " ").title()):
        assert queue_name(spelling, listed(NEW), NEW) == name


def test_a_queue_we_do_not_know_is_known_by_the_servers_name() -> None:
    assert queue_name("dream-job", ["dreamJob"], NEW) == "dreamJob"


def test_a_name_of_another_version() -> None:
    with pytest.raises(CannotContinue, match=r"no queue ocr, it came with 2\.2\.0"):
        queue_name("ocr", listed(OLD), OLD)


@pytest.mark.parametrize("wanted", ["", "-", "queue", "smart-surch-x", "all"])
def test_no_such_name(wanted: str) -> None:
    with pytest.raises(UsageError, match="no queue"):
        queue_name(wanted, listed(NEW), NEW)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean facialRecognition"):
        queue_name("facial-recogniton", listed(NEW), NEW)


def test_housekeeping_by_any_spelling() -> None:
    assert manual_job("personCleanup", NEW) == "person-cleanup"
    assert manual_job("library", NEW) is None
    with pytest.raises(CannotContinue, match=r"came with 1\.130\.0"):
        manual_job("backup-database", Version(1, 129, 0))

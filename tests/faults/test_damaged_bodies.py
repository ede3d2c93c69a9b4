"""A body that arrives damaged is never called uploaded, whatever the server answered."""

from __future__ import annotations

import pytest

from tests.e2e.relay import Relay
from tests.e2e.support import Bench, Server, photo, sha1

MARK = b"DAMAGE-ME."


@pytest.mark.parametrize("size", [10_000, 2_000_000])
def test_a_damaged_body_fails_and_the_next_run_sends_it(
    bench: Bench, server: Server, size: int
) -> None:
    content = photo("hurt", size) + MARK * 50
    bench.write("hurt.jpg", content)
    bench.write("twin.jpg", content)
    bench.write("well.jpg", photo("well"))
    relay = Relay(server.url, change=lambda piece: piece.replace(MARK, MARK.lower()))
    result = bench.upload("--url", relay.url, "--delete-source", code=3)
    relay.close()
    assert result.outcomes == {"uploaded": 1, "failed": 2}
    assert "does not hold these bytes" in result.item("hurt.jpg")["error"]
    assert result.summary["verified"] == 1
    assert sha1(content) not in server.held()
    assert (bench.photos / "hurt.jpg").exists()
    assert not (bench.photos / "well.jpg").exists()

    assert bench.upload().outcomes == {"uploaded": 1, "duplicate": 1}
    assert server.held()[sha1(content)] == 1

"""HTTPS, as most servers are reached: bodies that cannot use sendfile, and whom to trust."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from .relay import Relay
from .support import Bench, Server, photo, sha1


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(server: Server, authority: trustme.CA) -> Iterator[str]:
    """The https address of the server; its certificate is signed by `authority`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    relay = Relay(server.url, context=context)
    yield relay.url
    relay.close()


def test_large_and_small_bodies_arrive(
    bench: Bench, server: Server, secure: str, authority: trustme.CA, tmp_path: Path
) -> None:
    bench.make(5)
    bench.write("large.mp4", photo("large", 3_000_000))
    bench.write("large.mp4.xmp", b"<x/>")
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    result = bench.upload("--url", secure, "--ca-file", str(trusted))
    assert result.outcomes == {"uploaded": 6}
    assert result.summary["verified"] == 6
    assert server.held()[sha1(photo("large", 3_000_000))] == 1
    assert "insecure" not in result.summary
    again = bench.upload("--url", secure, "--ca-file", str(trusted))
    assert again.outcomes == {"duplicate": 6}


def test_a_certificate_nobody_vouches_for_is_refused(
    bench: Bench, server: Server, secure: str
) -> None:
    bench.make(1)
    result = bench.upload("--url", secure, code=2)
    assert "certificate" in result.error["message"]
    assert "--ca-file" in result.error["hint"]
    assert server.requests() == 0


def test_insecure_is_said_in_the_summary(bench: Bench, server: Server, secure: str) -> None:
    bench.make(1)
    result = bench.upload("--url", secure, "--insecure")
    assert result.outcomes == {"uploaded": 1}
    assert result.summary["insecure"] is True

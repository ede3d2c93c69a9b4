"""Certificates are verified unless --insecure says otherwise, and then everybody is told."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import trustme

from tests.e2e.relay import Relay
from tests.e2e.support import Bench, Server

from .every_command import commands, has
from .told import one_line, run

TOLD = "--insecure: the server's certificate was not checked"


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    found = trustme.CA()
    found.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return found


@pytest.fixture
def secure(server: Server) -> Iterator[Callable[[trustme.LeafCert], str]]:
    """The https address of the server behind a certificate."""
    relays: list[Relay] = []

    def start(certificate: trustme.LeafCert) -> str:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        relays.append(Relay(server.url, context=context))
        return relays[-1].url

    yield start
    for relay in relays:
        relay.close()


def test_each_kind_of_wrong_certificate(
    bench: Bench,
    server: Server,
    secure: Callable[[trustme.LeafCert], str],
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    trusting = ("--ca-file", str(tmp_path / "ca.pem"))
    bench.url = secure(authority.issue_cert("localhost"))
    unknown = run(bench, "ping")
    assert "certificate of localhost is not trusted" in one_line(unknown, code=2)
    assert {"--ca-file", "--insecure"} <= set(unknown.error["hint"].split())
    assert run(bench, "ping", *trusting).code == 0

    bench.url = secure(authority.issue_cert("photos.example.org"))
    assert "is not made for localhost" in one_line(run(bench, "ping", *trusting), code=2)
    then = datetime(2019, 1, 1)
    over = datetime(2020, 1, 1)
    bench.url = secure(authority.issue_cert("localhost", not_before=then, not_after=over))
    assert "has expired" in one_line(run(bench, "ping", *trusting), code=2)
    bench.url = server.url.replace("http:", "https:")
    no_tls = one_line(run(bench, "ping"), code=5)
    assert "no TLS connection" in no_tls
    assert "not permitted" not in no_tls


def test_a_wrong_certificate_in_mid_run_ends_it(
    bench: Bench,
    server: Server,
    secure: Callable[[trustme.LeafCert], str],
    authority: trustme.CA,
) -> None:
    """`check` and the engine's other commands say it as `ping` does; nothing reached the server."""
    bench.make(1)
    bench.url = secure(authority.issue_cert("localhost"))
    before = server.requests()
    for words in (("upload", "photos"), ("check", "photos"), ("mirror", "-o", "out", "--all")):
        assert "is not trusted" in one_line(run(bench, *words), code=2)
    assert server.requests() == before


def test_insecure_is_said_by_every_command(
    bench: Bench,
    server: Server,
    secure: Callable[[trustme.LeafCert], str],
    authority: trustme.CA,
) -> None:
    bench.make(1)
    bench.url = secure(authority.issue_cert("localhost"))
    for words in (
        ("upload", "photos"),
        ("upload", "photos", "--dry-run"),
        ("download", "-o", "out", "--all"),
        ("mirror", "-o", "kept", "--all"),
        ("check", "photos"),
    ):
        assert run(bench, *words, "--insecure").summary["insecure"] is True
        said = run(bench, *words, "--insecure", json=False)
        assert TOLD in " ".join(said.stdout.split()), said.told()
    bench.environment["XDG_CONFIG_HOME"] = str(bench.home / "settings")  # `login` keeps a key
    for asked in ("ping", "albums list", "server version", "login --no-keyring"):
        for as_json in (True, False):
            said = run(bench, *asked.split(), "--insecure", json=as_json)
            assert (said.code, TOLD in said.stderr) == (0, True), said.told()
    # `login` wrote it down: it is said without the flag as well.
    bench.environment |= {"IMMICH_API_KEY": "", "IMMICH_URL": ""}
    said = run(bench, "albums", "list", json=False)
    assert (said.code, TOLD in said.stderr) == (0, True), said.told()


def test_whoever_takes_a_server_takes_insecure() -> None:
    """One option for all: there is no command that could forget it."""
    calling = {words for words, command in commands() if has(command, "--api-key")}
    assert calling == {words for words, command in commands() if has(command, "--insecure")}
    assert len(calling) > 40

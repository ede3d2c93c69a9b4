"""HTTPS, as most servers are reached: bodies that cannot use sendfile, and whom to trust."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from .support import Bench, Server, photo, sha1


class Relay:
    """Ends TLS in front of the sandbox, as a reverse proxy does."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port = port
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            client = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()  # the client did not like the certificate
            return
        server = socket.create_connection(("127.0.0.1", self._port))
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join(10)
        client.close()
        server.close()

    def close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(server: Server, authority: trustme.CA) -> Iterator[str]:
    """The https address of the server; its certificate is signed by `authority`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    relay = Relay(int(server.url.rsplit(":", 1)[1]), context)
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

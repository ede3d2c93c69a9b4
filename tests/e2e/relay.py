"""A relay in front of the sandbox: ends TLS as a reverse proxy does, or damages what goes up."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

Change = Callable[[bytes], bytes]


class Relay:
    """Passes connections on to `target`; `change` sees every piece on its way to the server."""

    def __init__(
        self, target: str, *, context: ssl.SSLContext | None = None, change: Change = bytes
    ) -> None:
        self._target = ("127.0.0.1", urlsplit(target).port or 80)
        self._context = context
        self._change = change
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._context is not None:
            try:
                client = self._context.wrap_socket(client, server_side=True)
            except OSError:
                client.close()  # it did not like the certificate
                return
        with client, socket.create_connection(self._target) as server:
            back = threading.Thread(target=_pump, args=(server, client, bytes), daemon=True)
            back.start()
            _pump(client, server, self._change)
            back.join(10)

    def close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, sink: socket.socket, change: Change) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(change(data))
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass

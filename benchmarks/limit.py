"""The limit of an upload: SHA-1 of every file, then `sendfile` over bare sockets, and nothing else.

    python -m benchmarks.limit URL FOLDER        (the key in IMMICH_API_KEY)

Four threads, each with one connection: hash a file, write a request by hand, let the kernel send
it, read the answer up to its end. No HTTP library, no check before, no proof, no second look.
"""

from __future__ import annotations

import hashlib
import os
import queue
import socket
import sys
import threading
from urllib.parse import urlsplit

from .floor import BOUNDARY, TAIL, walk

AT_ONCE = 4
WHEN = "2020-01-01T00:00:00.000Z"
FIELDS = {"deviceAssetId": "limit", "deviceId": "limit", "fileCreatedAt": WHEN}


def send(connection: socket.socket, place: str, key: str, path: str) -> None:
    """One photo; raises ValueError for an answer that is not 201."""
    with open(path, "rb", buffering=0) as file:
        sha1 = hashlib.file_digest(file, "sha1").hexdigest()
        size = os.fstat(file.fileno()).st_size
        head = "".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in {**FIELDS, "fileModifiedAt": WHEN}.items()
        ) + (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="assetData"; '
            f'filename="{os.path.basename(path)}"\r\n\r\n'
        )
        length = len(head.encode()) + size + len(TAIL)
        request = (
            f"POST /api/assets HTTP/1.1\r\nHost: {place}\r\nx-api-key: {key}\r\n"
            f"x-immich-checksum: {sha1}\r\nContent-Length: {length}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n{head}"
        )
        connection.sendall(request.encode())
        connection.sendfile(file)
        connection.sendall(TAIL)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _more(connection)
    told, _, body = answer.partition(b"\r\n\r\n")
    wanted = int(told.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < wanted:
        body += _more(connection)
    if not told.startswith(b"HTTP/1.1 201"):
        raise ValueError(f"{path}: {told[:80]!r}")


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ValueError("the server hung up")
    return data


def upload(url: str, key: str, folder: str) -> int:
    parts = urlsplit(url)
    left: queue.SimpleQueue[str] = queue.SimpleQueue()
    for entry in walk(folder):
        left.put(entry.path)
    failed: list[Exception] = []

    def work() -> None:
        try:
            with socket.create_connection((str(parts.hostname), parts.port or 80)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while not failed:
                    send(connection, parts.netloc, key, left.get_nowait())
        except queue.Empty:
            return
        except (OSError, ValueError) as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        print(failed[0], file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(upload(sys.argv[1], os.environ["IMMICH_API_KEY"], sys.argv[2]))

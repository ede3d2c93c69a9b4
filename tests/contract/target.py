"""A server under test, spoken to in plain HTTP: shares no code with client or sandbox."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """Status, headers with lower-case names, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The error's words, whatever the version's shape."""
        data = self.json
        message = data["message"]
        words = message if isinstance(message, str) else "; ".join(message)
        return words + "".join(f"; {e['path']} {e['message']}" for e in data.get("errors", []))


class Target:
    """One server. Remembers what it made, to take it away again."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/").removesuffix("/api")
        self.key = key
        self._made: list[str] = []
        self._albums: list[str] = []
        told = self.call("GET", "/server/version", key=None).json
        self.version = (told["major"], told["minor"], told["patch"])

    @property
    def major(self) -> int:
        return int(self.version[0])

    def call(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        key: str | None = "own",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One request below /api; `data` is sent as JSON, `body` as it is."""
        parts = urlsplit(self.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=60)
        sent = dict(headers or {})
        if key is not None:
            sent["x-api-key"] = self.key if key == "own" else key
        if data is not None:
            body = json.dumps(data).encode()
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, f"{parts.path}/api{path}", body, sent)
            response = connection.getresponse()
            content = response.read()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                content,
            )
        finally:
            connection.close()

    def upload(
        self,
        content: bytes | None = None,
        *,
        name: str = "contract.jpg",
        headers: dict[str, str] | None = None,
        key: str | None = "own",
        leave_out: tuple[str, ...] = (),
        extra: dict[str, str] | None = None,
        sidecar: bytes | None = None,
    ) -> Answer:
        """`POST /assets` with all fields of every version."""
        fields = {
            "deviceAssetId": secrets.token_hex(8),
            "deviceId": "contract",
            "fileCreatedAt": "2020-01-02T03:04:05.000Z",
            "fileModifiedAt": "2020-01-02T03:04:05.000Z",
            **(extra or {}),
        }
        boundary = secrets.token_hex(16)
        out = bytearray()
        for field, value in fields.items():
            if field not in leave_out:
                out += f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"'.encode()
                out += b"\r\n\r\n" + value.encode() + b"\r\n"
        files = [("assetData", name, photo() if content is None else content)]
        if sidecar is not None:
            files.insert(0, ("sidecarData", "x.xmp", sidecar))
        for field, filename, data in files:
            if field in leave_out:
                continue
            out += f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; '.encode()
            out += f'filename="{filename}"\r\n\r\n'.encode() + data + b"\r\n"
        out += f"--{boundary}--\r\n".encode()
        answer = self.call(
            "POST",
            "/assets",
            body=bytes(out),
            key=key,
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                **(headers or {}),
            },
        )
        if answer.status == 201:
            self._made.append(answer.json["id"])
        return answer

    def new_asset(self, content: bytes | None = None, **options: Any) -> str:
        """The id of a fresh asset."""
        answer = self.upload(content, **options)
        assert answer.status == 201, answer
        return str(answer.json["id"])

    def check(self, *checksums: str) -> list[dict[str, Any]]:
        answer = self.call(
            "POST",
            "/assets/bulk-upload-check",
            {"assets": [{"id": f"n{n}", "checksum": c} for n, c in enumerate(checksums)]},
        )
        assert answer.status == 200, answer
        results: list[dict[str, Any]] = answer.json["results"]
        return results

    def new_album(self) -> dict[str, Any]:
        answer = self.call("POST", "/albums", {"albumName": f"contract {secrets.token_hex(4)}"})
        assert answer.status == 201, answer
        album: dict[str, Any] = answer.json
        self._albums.append(album["id"])
        return album

    def until(self, seen: Callable[[], bool], seconds: float = 30.0) -> None:
        """Jobs run a moment later: poll until `seen`."""
        deadline = time.monotonic() + seconds
        while not seen():
            assert time.monotonic() < deadline, "the server never came to the expected state"
            time.sleep(0.05)

    def clean(self) -> None:
        """Take away what was made here."""
        for album in self._albums:
            self.call("DELETE", f"/albums/{album}")
        if self._made:
            self.call("DELETE", "/assets", {"ids": self._made, "force": True})


def photo(size: int = 2000) -> bytes:
    """Content that no server has seen: a JPEG's first bytes, then noise."""
    return b"\xff\xd8\xff\xe0" + os.urandom(size)


def sha1_hex(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def sha1_base64(content: bytes) -> str:
    return base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()

"""A server under test, spoken to in plain HTTP: shares no code with client or sandbox."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest


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
    """One server. Remembers what it made, to take it away again.

    A `live` one is somebody's own: not empty, slow, its jobs done when it comes to them.
    """

    def __init__(self, url: str, key: str, *, live: bool = False) -> None:
        self.url = url.rstrip("/").removesuffix("/api")
        self.key = key
        self.live = live
        self._patience = 300.0 if live else 30.0
        self._jobs_run = True
        self._made: dict[str, str] = {}
        self._albums: list[str] = []
        self._tags: list[str] = []
        self._keys: list[str] = []
        told = self.call("GET", "/server/version", key=None)
        if told.status == 404:
            told = self.call("GET", "/server-info/version", key=None)
        self.version = (told.json["major"], told.json["minor"], told.json["patch"])

    @property
    def major(self) -> int:
        return int(self.version[0])

    def since(self, *first: int) -> bool:
        """True on this version and later ones."""
        return self.version >= first

    def need(self, *first: int) -> None:
        """Skip the test on servers before this version."""
        if not self.since(*first):
            pytest.skip(f"from {'.'.join(map(str, first))} on")

    @property
    def info(self) -> str:
        """Below what the server tells of itself."""
        return "/server" if self.since(1, 107) else "/server-info"

    def put_away(self, kind: str, *, form: bool = False) -> dict[str, Any]:
        """The fields that make an asset `archive`d, `hidden` or plain `timeline`; of a form, or of
        an edit (which could hide none before 1.133)."""
        if self.since(1, 133):
            return {"visibility": kind}
        flags = {"isArchived": kind == "archive"}
        if form:
            flags["isVisible"] = kind != "hidden"
            return {name: str(value).lower() for name, value in flags.items()}
        return flags

    def visibility(self, asset: str) -> str:
        """Of an asset; before 1.133 hidden ones cannot be told from others."""
        told = self.call("GET", f"/assets/{asset}").json
        archived = "archive" if told["isArchived"] else "timeline"
        return str(told.get("visibility", archived))

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
        connection, prefix = self.open()
        sent = dict(headers or {})
        if key is not None:
            sent["x-api-key"] = self.key if key == "own" else key
        if data is not None:
            body = json.dumps(data).encode()
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, prefix + path, body, sent)
            response = connection.getresponse()
            content = response.read()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                content,
            )
        finally:
            connection.close()

    def open(self) -> tuple[http.client.HTTPConnection, str]:
        """A connection of one's own, and what to put before a path."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        patience = 2 * self._patience
        return kind(parts.hostname or "", parts.port, timeout=patience), f"{parts.path}/api"

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
        parts: list[Part] = [
            (field, None, value.encode())
            for field, value in fields.items()
            if field not in leave_out
        ]
        if sidecar is not None:
            parts.append(("sidecarData", "x.xmp", sidecar))
        if "assetData" not in leave_out:
            parts.append(("assetData", name, photo() if content is None else content))
        return self.post_form(parts, headers=headers, key=key)

    def post_form(
        self,
        parts: Sequence[Part],
        *,
        headers: dict[str, str] | None = None,
        key: str | None = "own",
    ) -> Answer:
        """`POST /assets` with just these parts, in this order."""
        kind, body = form(parts)
        answer = self.call(
            "POST", "/assets", body=body, key=key, headers={"Content-Type": kind, **(headers or {})}
        )
        if answer.status == 201:
            content = next(content for field, _, content in parts if field == "assetData")
            self.made(answer.json["id"], content)
        return answer

    def made(self, asset: str, content: bytes) -> None:
        """Remember an asset, to take it away at the end."""
        self._made[asset] = sha1_hex(content)

    def new_asset(self, content: bytes | None = None, **options: Any) -> str:
        """The id of a fresh asset."""
        answer = self.upload(content, **options)
        assert answer.status == 201, answer
        return str(answer.json["id"])

    def settled_asset(self, **options: Any) -> str:
        """The id of a fresh asset whose upload the server's jobs are through with: until then they
        may sweep away what is edited. Seen by the date, which a job sets to the earlier one. Skips
        where the jobs stand still.
        """
        late, early = "2020-01-02T03:04:06.000Z", "2020-01-02T03:04:05.000Z"
        asset = self.new_asset(extra={"fileCreatedAt": late, "fileModifiedAt": early}, **options)
        path = f"/assets/{asset}"
        if self._jobs_run:
            self._jobs_run = self.comes(
                lambda: self.call("GET", path).json["fileCreatedAt"] == early
            )
        if not self._jobs_run:
            assert self.live, "the jobs of the sandbox stand still"
            pytest.skip("the server's metadata jobs stand still, or are very far behind")
        return asset

    def check(self, *checksums: str) -> list[dict[str, Any]]:
        answer = self.call(
            "POST",
            "/assets/bulk-upload-check",
            {"assets": [{"id": f"n{n}", "checksum": c} for n, c in enumerate(checksums)]},
        )
        assert answer.status == 200, answer
        results: list[dict[str, Any]] = answer.json["results"]
        return results

    def new_album(self, **fields: Any) -> dict[str, Any]:
        fields = {"albumName": f"contract {secrets.token_hex(4)}", **fields}
        answer = self.call("POST", "/albums", fields)
        assert answer.status == 201, answer
        album: dict[str, Any] = answer.json
        self._albums.append(album["id"])
        return album

    def new_tag(self, value: str | None = None) -> dict[str, Any]:
        """A tag of one level, or the leaf of `value`; before 1.113 there is one level only."""
        value = value or f"contract-{secrets.token_hex(4)}"
        if self.since(1, 113):
            answer = self.call("PUT", "/tags", {"tags": [value]})
            assert answer.status == 200, answer
            tag: dict[str, Any] = answer.json[-1]
        else:
            answer = self.call("POST", "/tags", {"name": value, "type": "CUSTOM"})
            assert answer.status == 201, answer
            tag = answer.json
        self._tags.append(tag["id"])
        return tag

    def new_key(self, *permissions: str) -> str:
        """A key of the same user that may do only this; skips where ours may not make keys, or keys
        have no permissions."""
        if not self.since(1, 113):
            pytest.skip("keys may do everything")
        body = {"name": "contract", "permissions": list(permissions)}
        answer = self.call("POST", "/api-keys", body)
        if answer.status == 403 or "Cannot grant" in str(answer.json.get("message")):
            pytest.skip(f"the key may not make keys: {answer.message}")
        assert answer.status == 201, answer
        self._keys.append(answer.json["apiKey"]["id"])
        return str(answer.json["secret"])

    def comes(self, seen: Callable[[], bool]) -> bool:
        """Poll until `seen`; False when it does not come within a generous time."""
        deadline = time.monotonic() + self._patience
        pause = 0.05
        while not seen():
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 1.0 if self.live else pause)
        return True

    def until(self, seen: Callable[[], bool]) -> None:
        """Jobs run a moment later: poll until `seen`; fails when that never comes."""
        assert self.comes(seen), "the server never came to the expected state"

    def clean(self) -> None:
        """Take away what was made here, for good: also what only some of the tests came to."""
        for album in self._albums:
            self.call("DELETE", f"/albums/{album}")
        for key in self._keys:
            self.call("DELETE", f"/api-keys/{key}")
        for asset in self._made:
            # One that is gone already would refuse a call for all.
            self.call("DELETE", "/assets", {"ids": [asset], "force": True})
        if self.live and self._made and self._tags:
            # A job still at work on one of them would make its tags anew.
            sums = [*self._made.values()]
            self.comes(lambda: all(r["action"] == "accept" for r in self.check(*sums)))
        for tag in self._tags:
            self.call("DELETE", f"/tags/{tag}")


Part = tuple[str, str | None, bytes]
"""A part of a form: field, file name (None for a text), content."""


def form(parts: Sequence[Part]) -> tuple[str, bytes]:
    """The content type and the body; names go raw, as a client must send them."""
    boundary = secrets.token_hex(16)
    out = bytearray()
    for field, filename, content in parts:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"'.encode()
        if filename is not None:
            out += f'; filename="{filename}"'.encode()
        out += b"\r\n\r\n" + content + b"\r\n"
    out += f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", bytes(out)


def dated(moment: str = "2020-01-02T03:04:05.000Z") -> list[Part]:
    """The fields every version demands, all at this moment."""
    device = [("deviceAssetId", None, b"contract"), ("deviceId", None, b"contract")]
    dates = [(name, None, moment.encode()) for name in ("fileCreatedAt", "fileModifiedAt")]
    return [*device, *dates]


def photo(size: int = 2000) -> bytes:
    """A grey JPEG of 8 × 8 points and so many bytes that no server has seen: its own segments hold
    noise, so that jobs find nothing wrong with it and nothing in it."""
    begin, left, noise = b"\xff\xd8", size - len(_GREY) - 2, b""
    while left:
        length = left if left <= 60_000 else min(60_000, left - 5)
        noise += b"\xff\xef" + (length - 2).to_bytes(2) + os.urandom(length - 4)
        left -= length
    return begin + noise + _GREY


_GREY = bytes.fromhex(
    f"ffdb0043 00 {'01' * 64} ffc0000b 08 0008 0008 01 011100"
    f"ffc40014 00 01 {'00' * 15} 00 ffc40014 10 01 {'00' * 15} 00"
    "ffda0008 01 0100 003f00 3f ffd9"
)
"""Quantization, frame, two tables of one code each, and one block that uses both."""


def sha1_hex(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def sha1_base64(content: bytes) -> str:
    return base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()

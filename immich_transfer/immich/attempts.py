"""The only HTTP of the project: one request, one answer, and what it means.

The key travels in one header to one origin: redirects are never followed with it, cookies are
not kept (a session cookie would win over the key), and no error text repeats it. Every answer is
bounded in size and must be what Immich sends, else it is treated as a failure of the attempt.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from yarl import URL

from immich_transfer.config.options import ServerOptions, TransferOptions
from immich_transfer.errors import KeyRefused, ServerRefused, Transient, Unavailable
from immich_transfer.events import Listener
from immich_transfer.failpoints import ARMED, point
from immich_transfer.model import Totals
from immich_transfer.policy.retry import RetryQuota

from .answer import Answer
from .compat import OLD_SERVER_PATH
from .line import Body, Lines
from .outage import Outage
from .reading import ERROR_LIMIT, decode, limit_of, pieces, whole
from .reasons import broken
from .trust import certificate_refused, tls_context
from .verdicts import RouteMissing, judge
from .wire import ConfigAnswer

if TYPE_CHECKING:
    import aiohttp

    from .streams import Streams

REDIRECTED = frozenset([301, 302, 303, 307, 308])
REDIRECTS = 5
"""More of them lead nowhere."""


class RangeRefused(Exception):
    """The range begins where the file ends or behind it: 416 by the RFC, 500 from 2.x and 404
    from 3.x (recorded), always with the size in Content-Range."""

    def __init__(self, size: str) -> None:
        super().__init__(size)
        self.size = int(size) if size.isascii() and size.isdigit() else None


class Attempts:
    """A session with one server, a request at a time. Use as an async context manager."""

    def __init__(
        self,
        server: ServerOptions,
        transfer: TransferOptions,
        *,
        listener: Listener,
        totals: Totals,
        stop: asyncio.Event,
    ) -> None:
        self._server = server
        self._transfer = transfer
        self._listener = listener
        self.totals = totals
        self.quota = RetryQuota()
        self.base = URL(server.url)
        """API root; settled by `connect`."""
        self.server_path: str | None = None
        """Where it answers a ping, by its version; settled by `connect`."""
        self.outage = Outage(self._ping, transfer.wait, stop, listener)
        self._missing_route = False
        self._streams: Streams | None = None

    async def __aenter__(self) -> Self:
        self._tls = tls_context(self._server)
        url = URL(self._server.url)
        self._lines = Lines(url, self._tls, self._transfer.timeout_idle)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._lines.close()
        if self._streams is not None:
            await self._streams.close()

    @property
    def streams(self) -> Streams:
        """For answers that are read while they arrive; made when first needed."""
        if self._streams is None:
            from .streams import Streams

            self._streams = Streams(self._tls, self._transfer.timeout_idle)
        return self._streams

    @property
    def key_header(self) -> dict[str, str]:
        return {"x-api-key": self._server.api_key.reveal()}

    async def once(
        self,
        method: str,
        path: str,
        *,
        data: bytes | Body | None = None,
        headers: Mapping[str, str] | None = None,
        with_key: bool = True,
        hops: int = 0,
    ) -> tuple[int, bytes]:
        """One request; the status and body of a 2xx answer. A GET that is redirected within the
        origin is followed.

        Raises a Transient when trying again may help, ServerRefused when not, KeyRefused for 401
        and 403, CannotContinue when the quota is used up, and what `data` raises.
        """
        sent = dict(headers or {})
        if with_key:
            sent |= self.key_header
            await self.outage.back()
        answer = await self._exchange(method, self._url(path), sent, data, limit_of)
        if 200 <= answer.status < 300:
            if with_key:
                self._succeeded()
            return answer.status, bytes(answer.body)
        onward = self._onward(method, path, answer.status, answer.headers, hops)
        if onward is not None:
            return await self.once(
                method, onward, headers=headers, with_key=with_key, hops=hops + 1
            )
        raise self._judge(method, path, answer.status, answer.headers, bytes(answer.body))

    async def look(self, url: URL, limit: int) -> Answer:
        """A GET without the key, of any address of the origin; a longer body is cut."""
        return await self._exchange("GET", url, {}, None, lambda _: limit, cut=True)

    async def _exchange(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        data: bytes | Body | None,
        limits: Callable[[int], int],
        *,
        cut: bool = False,
    ) -> Answer:
        self.totals.requests += 1
        if ARMED:
            point("http.request")
        try:
            answer = await self._lines.exchange(method, url, headers, data, limits, cut=cut)
        except ssl.SSLCertVerificationError as error:
            raise certificate_refused(url, error) from None
        except OSError as error:
            raise broken(error) from None
        if ARMED:
            point("http.answer")
        return answer

    @asynccontextmanager
    async def open(
        self,
        path: str,
        *,
        method: str = "GET",
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        hops: int = 0,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request whose answer is read while it arrives.

        Raises as `once` does, also for a line that breaks while the body is read; RangeRefused
        for a range past the end.
        """
        sent = {**(headers or {}), **self.key_header}
        onward: str | None = None
        await self.outage.back()
        self.totals.requests += 1
        if ARMED:
            point("http.request")
        async with self.streams.request(method, self._url(path), sent, data) as response:
            if not 200 <= response.status < 300:
                body = await whole(response, ERROR_LIMIT, self._transfer.timeout_idle)
                end = response.headers.get("Content-Range", "")
                if end.startswith("bytes */") and "Range" in sent:
                    raise RangeRefused(end.removeprefix("bytes */"))
                onward = self._onward(method, path, response.status, response.headers, hops)
                if onward is None:
                    raise self._judge(method, path, response.status, response.headers, body)
            else:
                yield response
                self._succeeded()
        if onward is not None:
            async with self.open(onward, headers=headers, hops=hops + 1) as response:
                yield response

    async def fetch(
        self, path: str, limit: int, *, hops: int = 0
    ) -> tuple[Mapping[str, str], bytes | memoryview]:
        """One GET of a body of at most `limit` bytes that is no JSON: headers and body of a 200.

        Much less work than `open`, for the many small ones. Raises as `once` does.
        """
        sent = {"Accept-Encoding": "identity", **self.key_header}
        await self.outage.back()
        answer = await self._exchange(
            "GET", self._url(path), sent, None, lambda s: limit if s == 200 else ERROR_LIMIT
        )
        if answer.status != 200:
            onward = self._onward("GET", path, answer.status, answer.headers, hops)
            if onward is not None:
                return await self.fetch(onward, limit, hops=hops + 1)
            raise self._judge("GET", path, answer.status, answer.headers, bytes(answer.body))
        self._succeeded()
        return answer.headers, answer.body

    def pieces(self, content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
        """A body of `open` as it comes; raises ConnectionFailed when it only trickles."""
        return pieces(content, self._transfer.timeout_idle)

    def _succeeded(self) -> None:
        """Work was done. A ping is none: a server may answer it and nothing else."""
        self.quota.refund()
        self.outage.relieve()

    def _url(self, path: str) -> URL:
        """`path` is below the API and may carry a query, already encoded; a whole address is one
        that a redirect named."""
        return _below(self.base, path)

    def _onward(
        self, method: str, path: str, status: int, headers: Mapping[str, str], hops: int
    ) -> str | None:
        """Where a redirected GET goes on, with the key: within the same origin only (law 7)."""
        location = headers.get("Location")
        if method != "GET" or status not in REDIRECTED or not location or hops >= REDIRECTS:
            return None
        try:
            target = self._url(path).join(URL(location))
        except ValueError:
            return None
        return str(target) if target.origin() == self.base.origin() else None

    def _judge(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Exception:
        error = judge(self.base, method, path, status, headers, body)
        self._missing_route |= isinstance(error, RouteMissing)
        return error

    # is it there

    async def _ping(self) -> str | None:
        """None when the server is well, else why it is not (one request, two after a 404)."""
        place = self.server_path or "server"
        try:
            body = await self._pong(place)
            if b"pong" not in body:
                return "it answers, but not as Immich does"
            if self._missing_route:
                _status, body = await self.once("GET", f"{place}/config", with_key=False)
                if decode(body, ConfigAnswer).maintenance_mode:
                    return "it is in maintenance mode"
                self._missing_route = False
        except Transient as failure:
            return failure.message
        except (ServerRefused, KeyRefused) as refusal:
            return refusal.message
        return None

    async def _pong(self, place: str) -> bytes:
        try:
            _status, body = await self.once("GET", f"{place}/ping", with_key=False)
        except Unavailable:
            if self.server_path is not None:
                raise
            # It may be older than that route, and nobody knows yet.
            _status, body = await self.once("GET", f"{OLD_SERVER_PATH}/ping", with_key=False)
        return body


@lru_cache(64)
def _below(base: URL, path: str) -> URL:
    if path.startswith(("http://", "https://")):
        return URL(path)
    path, _, query = path.partition("?")
    url = base / path
    return url.with_query(URL.build(query_string=query, encoded=True).query) if query else url

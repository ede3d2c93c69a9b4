"""Answers that are read while they arrive: originals, archives and long lists, by aiohttp.

Apart, so that a command that needs none of them does not import it (0.13 s of 0.35).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from immich_transfer.errors import ConnectionFailed, TransferError

from .line import CONNECT_SECONDS, KEEPALIVE_SECONDS
from .reading import HEAD_PATIENCE
from .reasons import broken
from .trust import certificate_refused


class Streams:
    """A session with one server; redirects are not followed and cookies not kept. No byte may
    rest for `idle` seconds."""

    def __init__(self, tls: ssl.SSLContext | None, idle: float) -> None:
        self._idle = idle
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ssl=True if tls is None else tls
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=idle),
            headers={"User-Agent": "immich-transfer", "Accept": "application/json"},
        )

    async def close(self) -> None:
        await self._session.close()

    @asynccontextmanager
    async def request(
        self, method: str, url: URL, headers: Mapping[str, str], data: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request. Raises ConnectionFailed, also for a line that breaks while the body is
        read, UsageError for a certificate that is not trusted, or what `broken` makes of it."""
        try:
            async with (
                asyncio.timeout(HEAD_PATIENCE * self._idle) as head,
                self._session.request(
                    method, url, data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                head.reschedule(None)
                yield response
        except aiohttp.ClientConnectorCertificateError as error:
            raise certificate_refused(url, error.certificate_error) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _broken(error) from None


def _broken(error: Exception) -> TransferError:
    """aiohttp's errors as `broken` puts it; those that are no errors of the system in words."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return ConnectionFailed(f"the name {error.host} cannot be resolved")
        case aiohttp.ClientConnectorError():
            return broken(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return ConnectionFailed("the server closed the connection without an answer")
        case aiohttp.ClientPayloadError():
            return ConnectionFailed("the answer was cut short")
        case aiohttp.ClientResponseError():
            # The parser's own words go on with the bytes it stumbled over.
            told = error.message.partition(":")[0].splitlines()[0][:60].lower()
            return ConnectionFailed(f"not proper HTTP: {told}")
        case _:
            return broken(error)

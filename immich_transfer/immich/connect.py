"""The first words with a server: find the API, then version, key, user and what they allow.

Four requests on a current server, all before the first photo is touched, so that every problem
that concerns the whole run ends it here with one clear line.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from yarl import URL

from immich_transfer.config.options import ServerOptions, TransferOptions
from immich_transfer.errors import (
    CannotContinue,
    ConnectionFailed,
    KeyRefused,
    ServerUnavailable,
    Transient,
    UsageError,
)
from immich_transfer.events import Event, Listener
from immich_transfer.model import Totals

from .attempts import REDIRECTED, REDIRECTS
from .client import Http
from .compat import KEY_SELF, OLDEST, Version, missing_permissions, server_path
from .reading import UNREADABLE, decode
from .verdicts import asked_pause, busy
from .wire import KeyAnswer, MediaTypesAnswer, UserAnswer, VersionAnswer

LOOK_LIMIT = 64 << 10
"""Bytes of an answer that is looked at before we know whose it is."""

START_PATIENCE_SECONDS = 15.0
"""Before the server ever answered a typo is likelier than an outage, so we wait only this long
(or `--wait`, when that is given)."""


class Connection:
    """A server that answered, and what it told about itself and the key."""

    def __init__(
        self, http: Http, version: Version, user: UserAnswer | None, key: KeyAnswer | None
    ) -> None:
        self.http = http
        self.release = version
        self.user = user
        self.key = key

    @property
    def version(self) -> str:
        return str(self.release)

    @property
    def user_id(self) -> str:
        """The owner's id; for a key without `user.read` the key's own id, or the server's name."""
        if self.user is not None:
            return self.user.id
        if self.key is not None:
            return f"key:{self.key.id}"
        return "server:" + hashlib.sha1(str(self.http.base.origin()).encode()).hexdigest()[:16]

    @property
    def user_name(self) -> str:
        return self.user.name if self.user is not None else ""

    @property
    def user_email(self) -> str:
        return self.user.email if self.user is not None else ""

    @property
    def permissions(self) -> tuple[str, ...] | None:
        """What the key may do; None when the server is too old to tell."""
        return self.key.permissions if self.key is not None else None

    def missing(self, *wanted: str) -> list[str]:
        """Which permissions of `wanted` the key lacks, by the names this server uses."""
        return missing_permissions(wanted, self.permissions, self.release)

    def require(self, *wanted: str, purpose: str) -> None:
        """Raise KeyRefused naming every permission that `purpose` needs and the key lacks."""
        lacking = self.missing(*wanted)
        if lacking:
            raise KeyRefused(
                f"the API key lacks the permission {', '.join(lacking)} ({purpose} needs it)",
                hint="give the key this permission under Account Settings > API Keys",
            )

    async def media_types(self) -> MediaTypesAnswer:
        """Extensions this server accepts."""
        place = server_path(self.release)
        return await self.http.call("GET", f"{place}/media-types", MediaTypesAnswer)


@asynccontextmanager
async def connect(
    server: ServerOptions,
    transfer: TransferOptions,
    listener: Listener | None = None,
    *,
    totals: Totals | None = None,
    stop: asyncio.Event | None = None,
) -> AsyncIterator[Connection]:
    """Open a session and learn who is on both ends.

    Raises UsageError for a URL that is no Immich server, ServerUnavailable when nothing answers,
    CannotContinue when the server is too old, KeyRefused when the key is wrong.
    """
    if not server.api_key:
        raise KeyRefused("no API key", hint="set IMMICH_API_KEY or use --api-key-file")
    hear: Listener = listener or _ignore
    http = Http(
        server,
        transfer,
        listener=hear,
        totals=totals if totals is not None else Totals(),
        stop=stop or asyncio.Event(),
    )
    async with http:
        patience = http.outage.patience
        start = transfer.wait_start
        http.outage.patience = min(patience, START_PATIENCE_SECONDS) if start is None else start
        version = await _find(http, server.url)
        http.server_path = server_path(version)
        if version < OLDEST:
            raise CannotContinue(
                f"the server is Immich {version}; {OLDEST} or newer is needed",
                hint="update the server",
            )
        key = None
        if version >= KEY_SELF:
            key = await http.call("GET", "api-keys/me", KeyAnswer)
        user = None
        try:
            if not missing_permissions(
                ("user.read",), None if key is None else key.permissions, version
            ):
                user = await http.call("GET", "users/me", UserAnswer)
        except KeyRefused as refusal:
            if "Missing required permission" not in refusal.message:
                raise
        http.outage.patience = patience
        yield Connection(http, version, user, key)


async def _find(http: Http, url: str) -> Version:
    """Settle `http.base` and return the server's version."""

    async def attempt(_: int) -> Version:
        found = await _try_bases(http, URL(url))
        if isinstance(found, Version):
            return found
        raise UsageError(
            f"{url} does not answer as an Immich server ({found})",
            hint="check the URL: it is the address of the web page, like http://nas:2283",
        )

    try:
        return await http.persist(attempt, "connecting")
    except Transient as failure:
        raise ServerUnavailable(
            f"cannot reach the server at {url}: {failure.message}",
            hint="check the URL and that the server runs",
        ) from None
    except ServerUnavailable as gone:
        raise ServerUnavailable(
            f"cannot reach {url}: {gone.message}",
            hint="check the URL and that the server runs; then run the same command again",
        ) from None


async def _try_bases(http: Http, site: URL) -> Version | str:
    """The version from the first API root that answers, else what the likeliest one said."""
    told = ""
    for path in ("api/server/version", "server/version", "api/server-info/version"):
        http.base = site / "api" if path.startswith("api/") else site
        found = await _version_at(http, site / path)
        if isinstance(found, Version):
            return found
        told = told or found
    endpoint = await _well_known(http, site)
    if endpoint is not None:
        http.base = endpoint
        found = await _version_at(http, endpoint / "server/version")
        if isinstance(found, Version):
            return found
    http.base = site / "api"
    return told


async def _version_at(http: Http, url: URL) -> Version | str:
    """Ask one address without the key; says what came instead of a version.

    A redirect within the origin moves the base; one to another origin is an error naming both,
    since an upload must go to the final address and the key to no other.
    """
    for _ in range(REDIRECTS):
        answer = await http.look(url, LOOK_LIMIT)
        status, location = answer.status, answer.headers.get("Location")
        if status in REDIRECTED and location:
            target = url.join(URL(location))
            if target.origin() != url.origin():
                raise UsageError(
                    f"{url.origin()} redirects to {target.origin()}",
                    hint=f"if that is your server, too, use {target.origin()} as its URL",
                )
            if target.path.endswith("/server/version"):
                http.base = target.with_query(None).parent.parent
            url = target
            continue
        if status in (408, 429) or status >= 500:
            raise busy(f"{status} from {url.host}", asked_pause(answer.headers))
        if status != 200:
            return f"status {status} at {url.path}"
        try:
            told = decode(bytes(answer.body), VersionAnswer)
        except ConnectionFailed as failure:
            return failure.message
        return Version(told.major, told.minor, told.patch)
    raise UsageError(f"{url.origin()} redirects in circles")


async def _well_known(http: Http, site: URL) -> URL | None:
    """The API root the site itself names, if it is on the same origin."""
    answer = await http.look(site.origin() / ".well-known/immich", LOOK_LIMIT)
    if answer.status != 200:
        return None
    try:
        endpoint = msgspec.json.decode(answer.body)["api"]["endpoint"]
        target = site.origin().join(URL(endpoint))
    except (*UNREADABLE, KeyError, TypeError, ValueError):
        return None
    if target.origin() != site.origin():
        raise UsageError(
            f"{site.origin()} names {target.origin()} as its API",
            hint=f"if that is your server, too, use {target.origin()} as its URL",
        )
    return target


def _ignore(_: Event) -> None:
    """Nobody listens."""

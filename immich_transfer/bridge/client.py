"""The public client: one server, one key, and a namespace for each kind of thing it keeps."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from immich_transfer.config.options import Secret, ServerOptions, TransferOptions
from immich_transfer.config.settings import normal_url
from immich_transfer.events import Listener
from immich_transfer.immich.connect import Connection, connect

if TYPE_CHECKING:
    from .albums import Albums
    from .assets import Assets
    from .jobs import Jobs
    from .libraries import Libraries
    from .search import Search
    from .server_info import ServerInfo
    from .tags import Tags
    from .users import Users


class Immich:
    """A server to ask and to tell. Use as an async context manager:

        async with Immich("http://nas:2283", key) as server:
            async for asset in server.albums.assets(album_id):
                print(asset.name, asset.sha1)

    Entering connects: it raises UsageError for a URL that is no Immich server, ServerUnavailable
    when nothing answers, CannotContinue when the server is older than 1.106, KeyRefused when the
    key is wrong. Every call is tried again as uploads are: failures of one request up to `retries`
    times in all, outages of the server for as long as `wait` seconds (by default half an hour, but
    15 s before it ever answered). `listener` hears of both.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        insecure: bool = False,
        ca_file: str | None = None,
        wait: float | None = None,
        retries: int = 5,
        listener: Listener | None = None,
    ) -> None:
        """`insecure` does not verify the TLS certificate; `ca_file` is a PEM file of further
        authorities to trust."""
        self._begin(
            ServerOptions(
                url=normal_url(url, "url"),
                api_key=Secret(api_key),
                insecure=insecure,
                ca_file=ca_file,
            ),
            TransferOptions(
                state_dir="",  # nothing is remembered here
                wait=1800.0 if wait is None else wait,
                wait_start=wait,
                retries=retries,
            ),
            listener,
        )

    @classmethod
    def of(
        cls, server: ServerOptions, transfer: TransferOptions, listener: Listener | None = None
    ) -> Immich:
        """The same from settings that are merged already."""
        made = cls.__new__(cls)
        made._begin(server, transfer, listener)
        return made

    def _begin(
        self, server: ServerOptions, transfer: TransferOptions, listener: Listener | None
    ) -> None:
        self._server = server
        self._transfer = transfer
        self._listener = listener
        self._closing = AsyncExitStack()
        self._connection: Connection | None = None

    async def __aenter__(self) -> Immich:
        self._connection = await self._closing.enter_async_context(
            connect(self._server, self._transfer, self._listener)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._closing.__aexit__(kind, error, trace)

    @property
    def connection(self) -> Connection:
        """What the server told about itself and the key."""
        if self._connection is None:
            raise RuntimeError("not connected: use `async with Immich(…) as server`")
        return self._connection

    @property
    def version(self) -> str:
        """The server's release, like '2.7.5'."""
        return self.connection.version

    @cached_property
    def albums(self) -> Albums:
        """Albums, and what is in them."""
        from .albums import Albums

        return Albums(self.connection)

    @cached_property
    def assets(self) -> Assets:
        """Photos and videos."""
        from .assets import Assets

        return Assets(self.connection)

    @cached_property
    def search(self) -> Search:
        """Finding assets by what is known of them, or by what they show."""
        from .search import Search

        return Search(self.connection)

    @cached_property
    def tags(self) -> Tags:
        """Tags, and putting them on assets."""
        from .tags import Tags

        return Tags(self.connection)

    @cached_property
    def info(self) -> ServerInfo:
        """The server itself: version, features, storage, statistics."""
        from .server_info import ServerInfo

        return ServerInfo(self.connection)

    @cached_property
    def users(self) -> Users:
        """Accounts."""
        from .users import Users

        return Users(self.connection)

    @cached_property
    def libraries(self) -> Libraries:
        """External libraries (for admins)."""
        from .libraries import Libraries

        return Libraries(self.connection)

    @cached_property
    def jobs(self) -> Jobs:
        """The server's queues (for admins)."""
        from .jobs import Jobs

        return Jobs(self.connection)

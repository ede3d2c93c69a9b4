"""The server itself: version, build, features, storage, statistics."""

from __future__ import annotations

from typing import Any

from immich_transfer.immich.admin import admin_only
from immich_transfer.immich.compat import SERVER_PATH, server_path

from .calls import Calls
from .server_models import About, Config, Features, Release, Statistics, Storage


class ServerInfo(Calls):
    """`/server/*`, before 1.107 `/server-info/*`."""

    def _at(self, name: str) -> str:
        return f"{server_path(self._release)}/{name}"

    async def version(self) -> Release:
        """Every version; needs no permission."""
        return await self._ask("GET", self._at("version"), Release)

    async def about(self) -> About:
        """How it was built. Since 1.107; permission `server.about`."""
        self._since(SERVER_PATH, "telling how it was built")
        self._need("server.about", purpose="`about`")
        return await self._ask("GET", self._at("about"), About)

    async def features(self) -> Features:
        """Which features are on. Every version; needs no permission."""
        told = await self._ask("GET", self._at("features"), dict[str, Any])
        return Features({name: on for name, on in told.items() if isinstance(on, bool)})

    async def config(self) -> Config:
        """Trash days, maintenance and the like. Every version; needs no permission."""
        return await self._ask("GET", self._at("config"), Config)

    async def storage(self) -> Storage:
        """The disk of the uploads. Every version; permission `server.storage`."""
        self._need("server.storage", purpose="`storage`")
        return await self._ask("GET", self._at("storage"), Storage)

    async def statistics(self) -> Statistics:
        """Photos, videos and bytes, in all and by user. Every version; the key of an admin, with
        the permission `server.statistics`."""
        purpose = "asking for the statistics of all users"
        with admin_only(self._connection, "server.statistics", purpose=purpose):
            return await self._ask("GET", self._at("statistics"), Statistics)

"""Accounts on the server."""

from __future__ import annotations

from .calls import Calls
from .names import pick
from .server_models import User


class Users(Calls):
    """`/users`. Every version; permission `user.read`."""

    async def me(self) -> User:
        """The key's owner, with quota (None: as much as there is) and usage in bytes (`GET
        /users/me`, every version, permission `user.read`)."""
        self._need("user.read", purpose="`users me`")
        return await self._ask("GET", "users/me", User)

    async def all(self) -> list[User]:
        """Everybody; only oneself where the admin hides users from each other (`GET /users`,
        every version, permission `user.read`)."""
        self._need("user.read", purpose="`users list`")
        return await self._ask("GET", "users", list[User])

    async def find(self, wanted: str) -> User:
        """The one with this id, mail address or exact name. Raises UsageError when there is none,
        or several of that name. Every version; permission `user.read`."""
        known = await self.all()
        for user in known:
            if user.email and user.email.lower() == wanted.lower():
                return user
        found = pick("user", wanted, ((user.id, user.name) for user in known))
        return next(user for user in known if user.id == found)

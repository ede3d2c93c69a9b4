"""What every namespace of the client asks before and makes of an answer."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from immich_transfer.errors import CannotContinue, ServerRefused, UsageError
from immich_transfer.immich.compat import Version
from immich_transfer.immich.connect import Connection
from immich_transfer.immich.verdicts import is_gone

T = TypeVar("T")


class Calls:
    """A namespace: the calls of one connection about one kind of thing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._http = connection.http
        self._release = connection.release

    def _need(self, *permissions: str, purpose: str) -> None:
        """Raise KeyRefused naming what the key lacks, where the key tells (server >= 1.139)."""
        self._connection.require(*permissions, purpose=purpose)

    def _since(self, version: Version, what: str) -> None:
        """Raise CannotContinue when this server does not have a call yet."""
        if self._release < version:
            raise CannotContinue(
                f"the server is Immich {self._release}; {what} needs {version} or newer",
                hint="update the server",
            )

    async def _ask(
        self, method: str, path: str, answer: type[T], *, json: Any = None, what: str | None = None
    ) -> T:
        """A call with a JSON answer. Raises ServerRefused for what the server refuses."""
        return await self._http.call(method, path, answer, json=json, what=what)

    async def _tell(
        self, method: str, path: str, *, json: Any = None, what: str | None = None
    ) -> None:
        """A call whose answer says nothing."""
        await self._http.tell(method, path, json=json, what=what)


def no_such(what: str, wanted: str, refusal: ServerRefused) -> NoReturn:
    """Raise the UsageError that names what is not there, or the refusal when it is another."""
    if not is_gone(refusal):
        raise refusal
    raise UsageError(f"no {what} with the id {wanted}, or not one this key may see") from None


def path_of(*parts: str) -> str:
    """A path below the API root; ids are whatever somebody typed."""
    return "/".join(quote(part, safe="") for part in parts)

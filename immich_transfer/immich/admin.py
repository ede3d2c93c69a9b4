"""What only administrators may do, and the clear word for everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from immich_transfer.errors import KeyRefused

from .connect import Connection

FORBIDDEN = "Forbidden"
"""All that the server says to a key whose owner is no admin (recorded on 2.7.5 and 3.0.3)."""


@contextmanager
def admin_only(connection: Connection, *permissions: str, purpose: str) -> Iterator[None]:
    """Calls that need the key of an admin, and these permissions on it.

    Raises KeyRefused before the first call where user and key tell that it would be refused, and
    in place of the server's bare `Forbidden` where they do not.
    """
    user = connection.user
    if user is not None and not user.is_admin:
        raise _no_admin(purpose, f"; this key is {user.name or user.email or user.id}'s")
    connection.require(*permissions, purpose=purpose)
    try:
        yield
    except KeyRefused as refusal:
        if not refusal.message.endswith(FORBIDDEN):
            raise
        raise _no_admin(purpose) from None


def _no_admin(purpose: str, whose: str = "") -> KeyRefused:
    return KeyRefused(
        f"{purpose} is for admins only{whose}",
        hint="use an API key that was made by an administrator of the server",
    )

"""Shapes of the server's answers, as far as we use them. Extra fields are ignored.

Fields that some versions lack have defaults; the rest are required, so that a wrong page or a
broken answer is noticed at once.
"""

from __future__ import annotations

import msgspec


class VersionAnswer(msgspec.Struct, gc=False):
    """`GET /server/version` (3.x adds `prerelease`)."""

    major: int
    minor: int
    patch: int


class ConfigAnswer(msgspec.Struct, gc=False, rename="camel"):
    """`GET /server/config`."""

    maintenance_mode: bool = False


class KeyAnswer(msgspec.Struct, gc=False):
    """`GET /api-keys/me` (>= 1.139)."""

    id: str
    permissions: tuple[str, ...] = ()


class UserAnswer(msgspec.Struct, gc=False, rename="camel"):
    """`GET /users/me`."""

    id: str
    name: str = ""
    email: str = ""
    is_admin: bool = False
    quota_size_in_bytes: int | None = None
    quota_usage_in_bytes: int | None = None


class MediaTypesAnswer(msgspec.Struct, gc=False):
    """`GET /server/media-types`: extensions in lower case, with the dot."""

    image: tuple[str, ...]
    video: tuple[str, ...]
    sidecar: tuple[str, ...] = (".xmp",)


class CheckResult(msgspec.Struct, gc=False, rename="camel"):
    """One verdict of bulk-upload-check."""

    id: str
    action: str
    asset_id: str | None = None
    is_trashed: bool = False


class CheckAnswer(msgspec.Struct, gc=False):
    """`POST /assets/bulk-upload-check`."""

    results: list[CheckResult]


class UploadAnswer(msgspec.Struct, gc=False):
    """`POST /assets`: 201 created, 200 duplicate."""

    id: str
    status: str


class Album(msgspec.Struct, gc=False, rename="camel"):
    """An album as `GET /albums` lists it."""

    id: str
    album_name: str
    asset_count: int = 0
    created_at: str = ""
    owner_id: str | None = None
    """Only before 3.0; from 3.0 on the first of `album_users` is the owner."""
    album_users: tuple[AlbumUser, ...] = ()

    @property
    def owner(self) -> str | None:
        if self.owner_id is not None:
            return self.owner_id
        return self.album_users[0].user.id if self.album_users else None


class Counted(msgspec.Struct, gc=False):
    """`{"count": …}`: from 1.116 on the answer of the trash."""

    count: int


class Made(msgspec.Struct, gc=False):
    """What was made; its id is all that counts."""

    id: str


class AlbumUser(msgspec.Struct, gc=False):
    """Somebody who sees an album, with `role` owner, editor or viewer."""

    user: UserAnswer
    role: str = ""


class IdResult(msgspec.Struct, gc=False):
    """Per-id result of adding to an album or a tag."""

    id: str
    success: bool
    error: str | None = None


class Tag(msgspec.Struct, gc=False):
    """A tag; `value` is its full path."""

    id: str
    value: str = ""


class ErrorAnswer(msgspec.Struct, gc=False):
    """An error body of any version."""

    message: str | list[str] = ""
    errors: list[Problem] = []


class Problem(msgspec.Struct, gc=False):
    """One finding of the 3.x validator; its `pattern` is long and useless, so left out."""

    message: str = ""
    path: list[str | int] = []


def error_text(body: bytes, limit: int = 200) -> str:
    """The server's own words, in one short line; '' when the body is not one of its errors."""
    try:
        answer = msgspec.json.decode(body, type=ErrorAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    text = answer.message if isinstance(answer.message, str) else "; ".join(answer.message)
    if answer.errors:
        found = (
            f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in answer.errors
        )
        text = f"{text} ({'; '.join(found)})"
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit]

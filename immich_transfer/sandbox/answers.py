"""JSON answers and the two shapes of errors (recorded on 2.7.5 and 3.0.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from .versions import Release


class Issue(NamedTuple):
    """What is wrong with one field, in the words of both majors."""

    path: tuple[str | int, ...]
    old: str
    """2.x: a whole sentence, field included."""
    new: str
    """3.x: without the field; the path says it."""
    code: str = "invalid_type"


class Refusal(Exception):
    """An error answer: the message is the server's own text."""

    def __init__(
        self,
        status: int,
        message: str = "",
        issues: Sequence[Issue] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.issues = issues
        self.headers = headers or {}


class Answered(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__()
        self.response = response


def invalid(*issues: Issue) -> Refusal:
    """The 400 of request validation."""
    return Refusal(400, "", issues)


_NAMES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
}
# Raised by the web framework itself, these carry no `error` (recorded).
_BARE = "Internal server error"


def answer(data: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(data), status=status, content_type="application/json"
    )


def nothing() -> web.Response:
    return web.Response(status=204)


def gone(release: Release) -> web.Response:
    """After a delete: 204, before 1.138 an empty 200."""
    return web.Response(status=204 if release.deletes_say_nothing else 200)


def error(release: Release, refusal: Refusal, correlation: str) -> web.Response:
    """2.x: message, error, statusCode, correlationId; 3.x: message, and `errors` for fields."""
    message: str | list[str] = refusal.message
    body: dict[str, Any]
    if release.long_errors:
        if refusal.issues:
            message = [issue.old for issue in refusal.issues]
        body = {"message": message, "statusCode": refusal.status}
        if message != _BARE:
            body["error"] = _NAMES.get(refusal.status, "Error")
        body["correlationId"] = correlation
    elif refusal.issues:
        issues = [
            {"code": issue.code, "path": list(issue.path), "message": issue.new}
            for issue in refusal.issues
        ]
        body = {"message": "Validation failed", "errors": issues}
    else:
        body = {"message": message}
    response = answer(body, refusal.status)
    for name, value in refusal.headers.items():
        response.headers[name] = value
    return response

"""Error bodies of both generations become one short line; permissions keep their old names."""

from __future__ import annotations

import pytest

from immich_transfer.immich.compat import Version, missing_permissions
from immich_transfer.immich.wire import error_text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message":"Quota has been exceeded!","statusCode":400}', "Quota has been exceeded!"),
        (b'{"message":["a must be","b should"],"error":"Bad Request"}', "a must be; b should"),
        (
            b'{"message":"Validation failed","errors":[{"path":["assets",0,"id"],'
            b'"message":"Invalid input","pattern":"x"}]}',
            "Validation failed (assets.0.id: Invalid input)",
        ),
        (b"<html>nginx</html>", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b'{"message":"a\\nb\\u001b[31mc"}', "a b [31mc"),
        (b'{"message":"' + b"x" * 5000 + b'"}', "x" * 200),
    ],
)
def test_error_text(body: bytes, text: str) -> None:
    assert error_text(body) == text


def test_missing_permissions_by_the_names_of_the_server() -> None:
    wanted = ("asset.upload", "albumAsset.create")
    assert missing_permissions(wanted, ("all",), Version(2, 7, 5)) == []
    assert missing_permissions(wanted, None, Version(1, 120, 0)) == []
    assert missing_permissions(wanted, ("asset.upload",), Version(3, 0, 3)) == ["albumAsset.create"]
    assert missing_permissions(wanted, ("asset.upload",), Version(1, 136, 0)) == ["album.addAsset"]

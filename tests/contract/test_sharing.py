"""An album of two users: who sees, gets and puts what, in every version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract.target import Target
from tests.sandbox_fixture import VERSIONS, SandboxProcess


@pytest.mark.parametrize("version", VERSIONS)
def test_a_shared_album(version: str, sandboxes: Callable[[str], SandboxProcess]) -> None:
    box = sandboxes(version)
    owner = Target(box.url, box.new_user("owner"))
    told = box.control("users", {"name": "guest"})
    guest = Target(box.url, told["key"])
    asset, own = owner.new_asset(), guest.new_asset()
    album = owner.new_album(assetIds=[asset])["id"]
    path = f"/albums/{album}"
    assert guest.call("GET", path).status == 400
    body = {"albumUsers": [{"userId": told["id"], "role": "viewer"}]}
    assert owner.call("PUT", f"{path}/users", body).status == 200
    assert guest.call("GET", path).json["assetCount"] == 1
    assert guest.call("GET", f"/assets/{asset}/original").status == 200
    assert guest.call("PUT", f"{path}/assets", {"ids": [own]}).status == 400, "a viewer"
    body["albumUsers"][0]["role"] = "editor"
    owner.call("PUT", f"{path}/users", body)
    put = guest.call("PUT", f"{path}/assets", {"ids": [own, asset]}).json
    assert [r["success"] for r in put] == [True, False]
    old = not owner.since(3)
    listed = [a["id"] for a in guest.call("GET", "/albums").json]
    assert listed == ([] if old else [album])
    assert [a["id"] for a in guest.call("GET", "/albums?shared=true").json] == [album]
    shown = owner.call("GET", path).json
    assert ("contributorCounts" in shown) == owner.since(2)
    assert {a["id"] for a in shown.get("assets", ())} == ({asset, own} if old else set())
    more = "" if owner.since(1, 133) else "&size=MONTH"
    listing = owner.call("GET", f"/timeline/buckets?albumId={album}{more}").json
    assert sum(bucket["count"] for bucket in listing) == 2
    if owner.since(1, 135):
        search = owner.call("POST", "/search/metadata", {"albumIds": [album]}).json["assets"]
        assert {a["id"] for a in search["items"]} == ({asset} if old else {asset, own})
        count = owner.call("POST", "/search/statistics", {"albumIds": [album]}).json["total"]
        assert count == 1, "only the caller's own"

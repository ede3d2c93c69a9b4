"""The client's detail call: what was edited on the server comes back as facts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from immich_transfer.config.options import Secret, ServerOptions, TransferOptions
from immich_transfer.errors import ItemError, KeyRefused, ServerRefused, ServerUnavailable
from immich_transfer.immich.connect import connect
from immich_transfer.immich.details import AssetDetail, Details, facts
from immich_transfer.model import AssetId
from immich_transfer.policy.facts import Facts
from tests.contract.target import Target, photo, sha1_hex
from tests.sandbox_fixture import SandboxProcess


def ask(server: Target, asset: str, key: str | None = None) -> AssetDetail | None:
    transfer = TransferOptions(state_dir="unused", wait=0, retries=2)

    async def main() -> AssetDetail | None:
        options = ServerOptions(url=server.url, api_key=Secret(key or server.key))
        async with connect(options, transfer) as connection:
            return await Details(connection).of(AssetId(asset))

    return asyncio.run(main())


def test_edits_and_tags_are_facts(server: Target) -> None:
    content = photo()
    server.need(1, 113)
    asset = server.settled_asset(content=content, name="süß & <klein>.jpg")
    word = server.new_tag()["value"]
    leaf = server.new_tag(f"{word}/leaf")
    edits = {
        "description": "Ein „Wort“\n& <noch> eins 👋",
        "rating": 4,
        "latitude": -33.5,
        "longitude": 151.25,
        "isFavorite": True,
        **server.put_away("archive"),
    }

    assert server.call("PUT", f"/assets/{asset}", edits).status == 200
    server.call("PUT", f"/tags/{leaf['id']}/assets", {"ids": [asset]})

    def told() -> Facts:
        detail = ask(server, asset)
        assert detail is not None
        assert detail.original_file_name == "süß & <klein>.jpg"
        return facts(detail, albums=["Trip"], original_name="")

    found = told()

    def as_edited() -> bool:
        nonlocal found
        found = told()
        return found.rating == 4 and found.tags == (leaf["value"],)

    # Jobs write all of it into a sidecar and read it again meanwhile.
    server.until(as_edited)
    assert (found.asset_id, found.sha1) == (asset, sha1_hex(content))
    assert found.description.split() == str(edits["description"]).split()
    assert (found.latitude, found.longitude) == pytest.approx((-33.5, 151.25), abs=1e-5)
    assert (found.favorite, found.archived) == (True, True)
    assert (found.people, found.albums) == ((), ("Trip",))


def test_a_fresh_upload_has_little_to_tell(server: Target) -> None:
    content = photo()
    detail = ask(server, server.new_asset(content))
    assert detail is not None
    found = facts(detail, albums=(), original_name="")
    assert found.sha1 == sha1_hex(content)
    assert (found.description, found.tags, found.favorite, found.archived) == ("", (), False, False)


def test_what_is_gone_or_never_was_is_none(server: Target) -> None:
    asset = server.new_asset()
    server.call("DELETE", "/assets", {"ids": [asset], "force": True})
    assert ask(server, asset) is None
    assert ask(server, "11111111-1111-4111-8111-111111111111") is None


def test_a_trashed_one_still_tells(server: Target) -> None:
    asset = server.new_asset()
    server.call("DELETE", "/assets", {"ids": [asset]})
    assert ask(server, asset) is not None


def test_what_is_no_id_is_refused(server: Target) -> None:
    with pytest.raises(ServerRefused):
        ask(server, "no-id")


def test_a_key_that_may_not_read_is_refused(server: Target) -> None:
    server.need(1, 137)
    asset, key = server.new_asset(), server.new_key("asset.upload", "user.read")
    with pytest.raises(KeyRefused, match=r"asset\.read"):
        ask(server, asset, key)


def test_one_answer_that_fails_is_the_file_s_own_trouble(tmp_path: Path) -> None:
    box = SandboxProcess(tmp_path)
    try:
        server = Target(box.url, box.key)
        asset = server.new_asset()
        box.faults("asset:1=truncated")
        assert ask(server, asset) is not None
        box.faults("asset:*=500")
        with pytest.raises(ItemError, match="500"):
            ask(server, asset)
        box.faults("asset:*=502")
        with pytest.raises(ServerUnavailable, match="502"):
            ask(server, asset)
    finally:
        box.stop()

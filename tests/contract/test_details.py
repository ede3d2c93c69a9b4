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
    asset = server.new_asset(content, name="süß & <klein>.jpg")
    server.need(1, 113)
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

    def settled() -> bool:
        # Said again until it holds: the metadata job of a fresh upload may sweep it away.
        server.call("PUT", f"/assets/{asset}", edits)
        server.call("PUT", f"/tags/{leaf['id']}/assets", {"ids": [asset]})
        shown = server.call("GET", f"/assets/{asset}").json
        exif = shown["exifInfo"]
        told = {name: exif[name] for name in ("description", "rating", "latitude", "longitude")}
        return bool(shown["tags"]) and told.items() <= edits.items()

    server.until(settled)
    detail = ask(server, asset)
    assert detail is not None
    assert detail.original_file_name == "süß & <klein>.jpg"
    found = facts(detail, albums=["Trip"], original_name="")
    assert (found.asset_id, found.sha1) == (asset, sha1_hex(content))
    assert (found.description, found.rating) == (edits["description"], 4)
    assert (found.latitude, found.longitude) == (-33.5, 151.25)
    assert (found.favorite, found.archived) == (True, True)
    assert found.tags == (leaf["value"],)
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

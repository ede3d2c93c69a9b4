"""Who may see what: assets by their owner and through albums, and what counts as in an album.

The rules are those of the recorded membership tables: an album's own count is timeline and
archive of all owners; hidden and trashed members are there, but not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .answers import Refusal
from .app import Call
from .rows import Album, Asset
from .store import Store

COUNTED = frozenset(["timeline", "archive"])


def role_in(album: Album, user: str) -> str | None:
    """`owner`, `editor`, `viewer`, or None for a stranger."""
    return "owner" if album.owner == user else album.roles.get(user)


def _shared_with(store: Store, user: str, asset_id: str) -> bool:
    return any(
        asset_id in album.assets and role_in(album, user) is not None
        for album in store.albums.values()
    )


def readable(call: Call, asset_id: str) -> Asset | None:
    """The asset, if the caller may see it: an own one that is not locked, or one shared by album.

    The motion video of a shared live photo is seen with it; trashed ones of others are not.
    """
    store, user = call.store, call.user.id
    asset = store.assets.get(asset_id)
    if asset is None or asset_id in store.dying:
        return None
    if asset.owner == user:
        return asset if asset.visibility != "locked" else None
    if asset.trashed or asset.visibility == "locked":
        return None
    if _shared_with(store, user, asset_id):
        return asset
    stills = _stills(store).get(asset_id, ())
    return asset if any(_shared_with(store, user, still) for still in stills) else None


def _stills(store: Store) -> Mapping[str, list[str]]:
    """Ids of the photos to each motion video."""

    def work() -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for asset in store.assets.values():
            if asset.live_video is not None:
                found.setdefault(asset.live_video, []).append(asset.id)
        return found

    return store.remember("stills", work)


def own(call: Call, asset_id: str) -> Asset | None:
    """An own asset in whatever state."""
    asset = call.store.assets.get(asset_id)
    if asset is None or asset.owner != call.user.id or asset_id in call.store.dying:
        return None
    return asset


def need(asset: Asset | None, access: str) -> Asset:
    """The asset, or the recorded 400: unknown and foreign ids look the same."""
    if asset is None:
        raise Refusal(400, f"Not found or no {access} access")
    return asset


def own_all(call: Call, ids: Iterable[str], access: str) -> list[Asset]:
    """All or nothing: one foreign id refuses the whole call (recorded)."""
    return [need(own(call, asset_id), access) for asset_id in ids]


def album_for(call: Call, album_id: str, access: str, *roles: str) -> Album:
    """The album, if the caller has one of these roles in it; else the recorded 400."""
    album = call.store.albums.get(album_id)
    if album is None or role_in(album, call.user.id) not in roles:
        raise Refusal(400, f"Not found or no {access} access")
    return album


def members(
    store: Store,
    album: Album,
    shown: Iterable[str] = COUNTED,
    *,
    trashed: bool = False,
) -> list[Asset]:
    """The album's assets of these visibilities, of all owners; trashed ones instead if asked."""
    wanted = frozenset(shown)
    found = []
    for asset_id in album.assets:
        asset = store.assets.get(asset_id)
        if asset is None or asset_id in store.dying:
            continue
        if asset.trashed == trashed and asset.visibility in wanted:
            found.append(asset)
    return found

"""Calls about assets: asking for checksums, sending one body, restoring from the trash."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import msgspec

from immich_transfer.config.options import UploadOptions
from immich_transfer.errors import ServerRefused, ServerUnavailable
from immich_transfer.model import AssetId, LocalFile, RemoteAsset, Sha1
from immich_transfer.policy.pacing import TokenBucket

from .asset_answers import instant
from .body import CONTENT_TYPE, FileBody, Progress, SmallBody, head_and_tail
from .compat import TRASH_TOLD
from .connect import Connection
from .listing import Listing
from .reading import decode
from .verdicts import is_gone
from .wire import CheckAnswer, UploadAnswer

ASKED_ONE_BY_ONE = 20
CHECK_LIMIT = 5000
"""Checksums per call: 0.05-0.3 s of the server's single thread (recorded); 65,532 is its end."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """The server holds this content."""

    asset_id: AssetId
    trashed: bool


class Assets:
    """The asset calls of one connection. `executor` runs the reads of bodies."""

    def __init__(
        self, connection: Connection, *, executor: Executor, bwlimit_up: int | None
    ) -> None:
        self._connection = connection
        self._http = connection.http
        self._executor = executor
        self._bucket = TokenBucket(bwlimit_up) if bwlimit_up else None

    async def check(self, checksums: Sequence[Sha1]) -> list[Found | None]:
        """Which of these the key's user has (`POST /assets/bulk-upload-check`, in order asked).

        Trashed, archived, hidden and locked assets are found, external libraries are not
        (recorded on 2.7.5 and 3.0.3). Raises ServerUnavailable when it cannot be asked.
        """
        if not checksums:
            return []  # an empty list is a 500
        asked = [{"id": str(n), "checksum": sha1.hex()} for n, sha1 in enumerate(checksums)]
        answer = await self._http.call(
            "POST",
            "assets/bulk-upload-check",
            CheckAnswer,
            json={"assets": asked},
            what="asking which files are there",
        )
        if len(answer.results) != len(checksums):
            raise ServerUnavailable("the server answered a check for other files than asked")
        found: list[Found | None] = [None] * len(checksums)
        for place, result in enumerate(answer.results):
            if result.id != asked[place]["id"]:
                raise ServerUnavailable("the server answered a check for other files than asked")
            if result.action == "reject":
                if result.asset_id is None:
                    raise ServerUnavailable("the server rejects a file without naming its asset")
                found[place] = Found(AssetId(result.asset_id), result.is_trashed)
        if self._connection.release < TRASH_TOLD:
            return await self._with_trash(found)
        return found

    async def _with_trash(self, found: Sequence[Found | None]) -> list[Found | None]:
        """What an old server does not say: which of these lie in the trash. A few are asked one
        by one, of many the whole trash is listed."""
        ids = [one.asset_id for one in found if one is not None]
        trashed: set[AssetId] = set()
        listing = Listing(self._connection)
        if len(ids) <= ASKED_ONE_BY_ONE:
            for asset_id in ids:
                asset = await listing.asset(asset_id)
                if asset is not None and asset.trashed:
                    trashed.add(asset_id)
        else:

            async def keep(assets: list[RemoteAsset]) -> None:
                trashed.update(asset.id for asset in assets if asset.trashed)

            everything = {"withDeleted": True, "withArchived": True, "trashedAfter": instant(0)}
            await listing.search(everything, keep, exif=False)
        return [
            None if one is None else Found(one.asset_id, one.asset_id in trashed) for one in found
        ]

    async def upload(
        self,
        file: LocalFile,
        sha1: Sha1,
        options: UploadOptions,
        *,
        content: bytes | int,
        sidecar: bytes | None,
        progress: Progress,
    ) -> tuple[AssetId, bool]:
        """One attempt to send one photo; the asset's id, and True when it is new.

        `content` is the photo itself or an open descriptor of it. Raises as `Attempts.once` does,
        or the local error that broke the body.
        """
        head, tail = head_and_tail(file, options, self._connection.release, sidecar)
        body: SmallBody | FileBody
        if isinstance(content, int):
            body = FileBody(head, content, file.size, tail, progress, self._bucket, self._executor)
        else:
            body = SmallBody(head, content, tail, progress, self._bucket)
        status, answered = await self._http.once(
            "POST",
            "assets",
            data=body,
            headers={"Content-Type": CONTENT_TYPE, "x-immich-checksum": sha1.hex()},
        )
        answer = decode(answered, UploadAnswer)
        return AssetId(answer.id), status == 201 and answer.status != "duplicate"

    async def restore(self, ids: Sequence[AssetId]) -> None:
        """Take assets out of the trash (`POST /trash/restore/assets`, needs `asset.delete`; 204
        without a body before 1.116). Raises ServerUnavailable when it cannot be had."""
        await self._http.tell(
            "POST", "trash/restore/assets", json={"ids": ids}, what="restoring from the trash"
        )

    async def delete_for_good(self, ids: Sequence[AssetId]) -> None:
        """Delete trashed assets beyond recall (`DELETE /assets` with force; done by a job). Those
        that are gone already count as deleted. Raises as `restore` does."""
        try:
            await self._delete_for_good(ids)
        except ServerRefused as refusal:
            if refusal.status != 400 or not is_gone(refusal):
                raise
            # One of them refuses them all; it may be an attempt of ours whose answer was lost.
            for asset_id in ids if len(ids) > 1 else ():
                await self.delete_for_good([asset_id])

    async def _delete_for_good(self, ids: Sequence[AssetId]) -> None:
        await self._http.tell(
            "DELETE",
            "assets",
            json={"ids": ids, "force": True},
            what="deleting the trashed copies",
        )

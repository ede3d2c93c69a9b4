"""What searches and the timeline of a server list, in the form its version has."""

from __future__ import annotations

from typing import Any

from tests.contract.target import Target


def found(server: Target, **query: Any) -> set[str]:
    answer = server.call("POST", "/search/metadata", query)
    assert answer.status == 200, answer
    return {asset["id"] for asset in answer.json["assets"]["items"]}


def buckets(server: Target, query: str) -> dict[str, str]:
    """Visibility by id, over all buckets; before 1.133 only `archive` can be told from the rest."""
    if not server.since(1, 133):
        query += "&size=MONTH"
    listed = server.call("GET", f"/timeline/buckets?{query}").json
    seen: dict[str, str] = {}
    for bucket in listed:
        path = f"/timeline/bucket?{query}&timeBucket={bucket['timeBucket']}"
        columns = server.call("GET", path).json
        if not server.since(1, 133):
            assert len(columns) == bucket["count"]
            seen |= {a["id"]: "archive" if a["isArchived"] else "timeline" for a in columns}
            continue
        assert len(columns["id"]) == bucket["count"] or server.live, "changed in between"
        seen |= dict(zip(columns["id"], columns["visibility"], strict=True))
    return seen

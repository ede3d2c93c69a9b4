"""People as the server knows them: listing, single ones, by name. Faces come by control routes."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .answers import Refusal, answer
from .app import Call, Routes
from .checking import flag_of, number_of
from .presenting import person_answer
from .rows import Person

PAGE_SIZE = 500


def add_routes(routes: Routes) -> None:
    add = routes.add
    add("GET", "/people", listing, name="people", permission="person.read")
    add("GET", "/people/{id}", show, name="people", permission="person.read")
    add("GET", "/people/{id}/statistics", count, name="people", permission="person.statistics")
    add("GET", "/search/person", by_name, name="people", permission="person.read")


def _mine(call: Call) -> list[Person]:
    """The caller's people: shown before hidden, favourites, then who is on most assets."""
    people = [p for p in call.store.people.values() if p.owner == call.user.id]
    return sorted(people, key=lambda p: (p.hidden, not p.favorite, not p.name, -len(p.assets)))


async def listing(call: Call) -> web.StreamResponse:
    """Hidden ones only when asked for, though they are counted; in pages from 1.109 on."""
    query, paged = call.request.query, call.release.has((1, 109))
    page, size = 1, len(call.store.people) or 1
    if paged:
        page, size = number_of(query, "page", 1, 1), number_of(query, "size", PAGE_SIZE, 1, 1000)
    people = _mine(call)
    hidden = sum(person.hidden for person in people)
    shown = people if flag_of(query, "withHidden") else [p for p in people if not p.hidden]
    told: dict[str, Any] = {
        "people": [
            person_answer(call.release, person) for person in shown[(page - 1) * size : page * size]
        ],
        "total": len(people),
        "hidden": hidden,
    }
    if paged:
        told["hasNextPage"] = page * size < len(shown)
    return answer(told)


def _own(call: Call, access: str) -> Person:
    person = call.store.people.get(call.id)
    if person is None or person.owner != call.user.id:
        raise Refusal(400, f"Not found or no {access} access")
    return person


async def show(call: Call) -> web.StreamResponse:
    return answer(person_answer(call.release, _own(call, "person.read")))


async def count(call: Call) -> web.StreamResponse:
    person, assets = _own(call, "person.read"), call.store.assets
    inside = (assets[asset_id] for asset_id in person.assets if asset_id in assets)
    shown = sum(a.visibility == "timeline" and not a.trashed for a in inside)
    return answer({"assets": shown})


async def by_name(call: Call) -> web.StreamResponse:
    """Whose name, or a word of it, begins so."""
    query = call.request.query
    text, hidden = query.get("name", "").lower(), flag_of(query, "withHidden")
    found = [
        person_answer(call.release, person)
        for person in _mine(call)
        if f" {person.name.lower()}".find(f" {text}") >= 0 and (hidden or not person.hidden)
    ]
    return answer(found)

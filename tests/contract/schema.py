"""A checker of JSON against the OpenAPI documents of Immich: types, required names, enums.

Answers of a server and requests of a client are held against the document of the version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "immich-api"
"""Where the documents lie, beside the checkout: they are not ours to ship."""
STAND_INS = {(3, 2): ("3.0.3", frozenset({"nextCursor", "clusterGroupId"}))}
"""For versions without a document: the newest one there is, and what they tell beyond it."""
CREATED_BEFORE = {("POST", "/assets", 200): 201}
"""Answers that only later documents name: the schema is that of this other status."""
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


class Document:
    """One version's OpenAPI document; `beyond` are names it does not know and a server may tell."""

    def __init__(self, path: Path, beyond: frozenset[str] = frozenset()) -> None:
        self._data: dict[str, Any] = json.loads(path.read_text())
        self._beyond = beyond
        self._paths = {_bare(path): item for path, item in self._data["paths"].items()}

    @classmethod
    def of(cls, version: tuple[int, int, int]) -> Document | None:
        """The document of this very version or its stand-in, if it lies there."""
        name, beyond = STAND_INS.get(version[:2], (".".join(map(str, version)), frozenset()))
        return _read(FOLDER / f"openapi-{name}.json", beyond)

    def has(self, method: str, path: str) -> bool:
        """True when there is such a route, whatever it calls the parts in braces."""
        return method.lower() in self._paths.get(_bare(path), {})

    def deprecated(self, method: str, path: str) -> bool:
        return bool(self._route(method, path).get("deprecated"))

    def _route(self, method: str, path: str) -> dict[str, Any]:
        route: dict[str, Any] = self._paths[_bare(path)][method.lower()]
        return route

    def answer(self, method: str, path: str, status: int) -> dict[str, Any] | None:
        """The schema of an answer; None when it has no JSON body. KeyError for an unknown one."""
        answers = self._route(method, path)["responses"]
        if str(status) not in answers:
            status = CREATED_BEFORE[method, path, status]
        content = answers[str(status)].get("content", {})
        schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
        return schema

    def request_faults(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, str]],
        body: Any,
        fields: Iterable[str] | None,
    ) -> Iterator[str]:
        """What in a request the document does not know; `fields` are those of a form."""
        if not self.has(method, path):
            yield "no such route"
            return
        route = self._route(method, path)
        parameters = {p["name"]: p for p in route.get("parameters", ()) if p["in"] == "query"}
        asked = dict(query)
        for name, value in asked.items():
            if name not in parameters:
                yield f"?{name}: not in the document"
            else:
                yield from self._parameter_faults(name, value, parameters[name]["schema"])
        for name, parameter in parameters.items():
            if parameter.get("required") and name not in asked:
                yield f"?{name}: missing"
        content = route.get("requestBody", {}).get("content", {})
        if body is not None:
            if "application/json" not in content:
                yield "takes no body"
            else:
                yield from self.faults(body, content["application/json"]["schema"])
        elif fields is None and "application/json" in content:
            yield "wants a body"
        if fields is not None:
            yield from self._form_faults(set(fields), content["multipart/form-data"]["schema"])

    def _parameter_faults(self, name: str, value: str, schema: dict[str, Any]) -> Iterator[str]:
        schema = self._resolved(schema)
        kind, typed = schema.get("type"), value
        if kind == "boolean" and value not in ("true", "false"):
            yield f"?{name}: {value!r} is no boolean"
        elif kind in ("integer", "number") and not value.isdecimal():
            yield f"?{name}: {value!r} is no number"
        elif "enum" in schema and typed not in schema["enum"]:
            yield f"?{name}: {value!r} is not in the enumeration"

    def _form_faults(self, fields: set[str], schema: dict[str, Any]) -> Iterator[str]:
        schema = self._resolved(schema)
        for name in sorted(fields - schema["properties"].keys()):
            yield f"form field {name}: not in the document"
        for name in sorted(set(schema.get("required", ())) - fields):
            yield f"form field {name}: missing"

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What a reference, or a single one of `allOf`, stands for."""
        while "$ref" in schema or len(schema.get("allOf", ())) == 1:
            if "allOf" in schema:
                schema = schema["allOf"][0]
            else:
                schema = self._data["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def faults(self, value: Any, schema: dict[str, Any], at: str = "") -> Iterator[str]:
        """What in the value is not as the schema says."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            schema = self._data["components"]["schemas"][name] | {
                key: item for key, item in schema.items() if key == "nullable"
            }
        if value is None and schema.get("nullable"):
            return
        for part in schema.get("allOf", ()):
            yield from self.faults(value, part | {"nullable": schema.get("nullable")}, at)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices and all(list(self.faults(value, choice, at)) for choice in choices):
            yield f"{at}: {value!r} is none of {len(choices)} choices"
        kinds = schema.get("type")
        if kinds is None:
            return
        names = kinds if isinstance(kinds, list) else [kinds]
        if value is None and "null" in names:
            return
        if not any(_is(value, name) for name in names if name != "null"):
            yield f"{at}: {value!r} is no {' or '.join(names)}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is not in the enumeration"
        if isinstance(value, str) and "pattern" in schema and not _fits(schema["pattern"], value):
            yield f"{at}: {value!r} does not fit {schema['pattern'][:40]}…"
        if isinstance(value, dict):
            yield from self._members(value, schema, at)
        elif isinstance(value, list) and isinstance(schema.get("items"), dict):
            for place, item in enumerate(value):
                yield from self.faults(item, schema["items"], f"{at}[{place}]")

    def _members(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at}.{name}: missing"
        known = schema.get("properties", {})
        for name, item in value.items():
            if name in known:
                yield from self.faults(item, known[name], f"{at}.{name}")
            elif name not in self._beyond and known and not schema.get("additionalProperties"):
                yield f"{at}.{name}: not in the document"


@cache
def _read(path: Path, beyond: frozenset[str]) -> Document | None:
    return Document(path, beyond) if path.exists() else None


def _bare(path: str) -> str:
    """A path whose parts in braces have no names: they differ between versions."""
    return re.sub(r"\{\w+\}", "{}", path)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _fits(pattern: str, value: str) -> bool:
    return re.search(pattern, value) is not None

"""A checker of JSON against the OpenAPI documents of Immich: types, required names, enums."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "immich-api"
"""Where the documents lie, beside the checkout: they are not ours to ship."""
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


class Document:
    """One version's OpenAPI document."""

    def __init__(self, path: Path) -> None:
        self._data: dict[str, Any] = json.loads(path.read_text())

    @classmethod
    def of(cls, version: tuple[int, int, int]) -> Document | None:
        """The document of this very version, if it lies there."""
        path = FOLDER / f"openapi-{'.'.join(map(str, version))}.json"
        return cls(path) if path.exists() else None

    def answer(self, method: str, path: str, status: int) -> dict[str, Any] | None:
        """The schema of an answer; None when it has no JSON body. KeyError for an unknown one."""
        answers = self._data["paths"][path][method.lower()]["responses"]
        content = answers[str(status)].get("content", {})
        schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
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
            elif known and not schema.get("additionalProperties", False):
                yield f"{at}.{name}: not in the document"


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _fits(pattern: str, value: str) -> bool:
    return re.search(pattern, value) is not None

"""The configuration file: TOML that is read, checked name by name, and told apart by layer."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable
from typing import Any, NamedTuple

from immich_transfer.errors import UsageError

from .fields import BY_NAME, Field


class Setting(NamedTuple):
    """A value and who said so."""

    value: Any
    origin: str


def read(path: str, asked: bool, warnings: list[str]) -> dict[str, Any]:
    """The file as TOML has it; empty when there is none and nobody `asked` for that one."""
    import tomllib

    try:
        with open(path, "rb") as file:
            document = tomllib.load(file)
            mode = os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        if asked:
            raise UsageError(
                f"the config file does not exist: {path}",
                hint="`immich-transfer config init` writes one to start from",
            ) from None
        return {}
    except OSError as error:
        raise UsageError(f"cannot read the config file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    tables = document.get("profile")
    profiles = tables.values() if isinstance(tables, dict) else ()
    holds_key = any(isinstance(t, dict) and "api_key" in t for t in (document, *profiles))
    if holds_key and os.name == "posix" and mode & stat.S_IROTH:
        warnings.append(f"everyone on this computer can read the key in {path}: chmod 600 {path}")
    return document


def layers_of(document: dict[str, Any], path: str, profile: str | None) -> list[dict[str, Setting]]:
    """The profile's layer and the top level's, checked."""
    profiles = document.pop("profile", {})
    if not isinstance(profiles, dict) or not all(isinstance(p, dict) for p in profiles.values()):
        raise UsageError(f"{path}: profiles are tables: write [profile.NAME] above their settings")
    top = _layer(document, path, path)
    layers = {
        name: _layer(table, path, f"profile {name} in {path}", f"profile.{name}.")
        for name, table in profiles.items()
    }
    if profile is None:
        return [top]
    if profile not in layers:
        known = f"it has {', '.join(sorted(layers))}" if layers else "it has none"
        raise UsageError(f"no profile {profile} in {path} ({known}){nearest(profile, layers)}")
    chosen = layers[profile]
    if "url" in chosen:
        top = {name: value for name, value in top.items() if not name.startswith("api_key")}
    return [chosen, top]


def _layer(table: dict[str, Any], path: str, origin: str, prefix: str = "") -> dict[str, Setting]:
    layer: dict[str, Setting] = {}
    for name, value in table.items():
        if name not in BY_NAME:
            names = BY_NAME if prefix else (*BY_NAME, "profile")
            raise UsageError(f"{path}: unknown setting {prefix}{name}{nearest(name, names)}")
        try:
            layer[name] = Setting(checked(BY_NAME[name], value, path), origin)
        except ValueError as error:
            shown = "" if name == "api_key" else f" {value!r}"
            raise UsageError(f"{path}: {prefix}{name}:{shown} {error}") from None
    if "api_key" in layer and "api_key_file" in layer:
        raise UsageError(f"{path}: give {prefix}api_key or {prefix}api_key_file, not both")
    return layer


def checked(field: Field, value: Any, path: str) -> Any:
    """A value of the file as the setting has it. Raises ValueError completing "VALUE ..."."""
    if field.kind == "flag":
        if not isinstance(value, bool):
            raise ValueError("is neither true nor false")
        return value
    if field.parse is not None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("is neither a number nor a text")
        return field.parse(str(value))
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is not a text in quotes")
    if field.kind == "path" and value != "-":
        return os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(value))
    return value


def nearest(name: str, names: Iterable[str]) -> str:
    """'; did you mean X?' when something is near enough, else ''."""
    found = difflib.get_close_matches(name.replace("-", "_"), list(names), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""

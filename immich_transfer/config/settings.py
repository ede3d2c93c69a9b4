"""Flags, environment, profile and defaults become one set of values that know their origin.

    load(flags) ─► Settings ─► .server()    needs a URL and a key, and says what is missing
                           └─► .transfer()  needs neither: `status` works without a server

The file is `config.toml` in the user's configuration folder, or `--config`. Its top level holds
settings for every run, `[profile.NAME]` tables replace some of them. Within the file, url and key
belong together: a profile with a url of its own does not inherit the key from above (law 7).
"""

from __future__ import annotations

import difflib
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from immich_transfer.errors import KeyRefused, UsageError

from .fields import BY_NAME, FIELDS, Field
from .options import Secret, ServerOptions, TransferOptions

CONFIG_VARIABLE = "IMMICH_TRANSFER_CONFIG"
PROFILE_VARIABLE = "IMMICH_TRANSFER_PROFILE"
KEY_FILE_LIMIT = 4096
"""Characters at most: a key has about 43, and a photo is not a key."""

NO_KEY_HINT = "set IMMICH_API_KEY, or use --api-key-file FILE, or put it into the config file"
NO_URL_HINT = "set IMMICH_URL, or use --url http://nas:2283, or put it into the config file"


class Setting(NamedTuple):
    """A value and who said so."""

    value: Any
    origin: str


class Settings:
    """Merged values. `warnings` are for people, on stderr."""

    def __init__(
        self, values: dict[str, Setting], *, file: str, profile: str | None, warnings: list[str]
    ) -> None:
        self.values = values
        self.file = file
        self.profile = profile
        self.warnings = warnings

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    @property
    def state_dir(self) -> str:
        return str(self["state_dir"])

    def server(self) -> ServerOptions:
        """Which server, as whom. Raises UsageError without a URL, KeyRefused without a key."""
        if self["url"] is None:
            raise UsageError("no server URL", hint=NO_URL_HINT)
        url = normal_url(self["url"], self.values["url"].origin)
        return ServerOptions(
            url=url, api_key=self._key(), insecure=self["insecure"], ca_file=self._ca_file()
        )

    def transfer(self, *, dry_run: bool = False) -> TransferOptions:
        """What all transfers share."""
        transfers = self["transfers"]
        up, down = self["bwlimit"]
        wait = self.values["wait"]
        return TransferOptions(
            state_dir=self.state_dir,
            transfers=None if transfers == "auto" else transfers,
            hashers=self["hashers"],
            bwlimit_up=up,
            bwlimit_down=down,
            retries=self["retries"],
            wait=wait.value,
            # Said with this very command it holds for the first word too; a profile's does not,
            # or a mistyped URL would be waited for half an hour.
            wait_start=wait.value if wait.origin.startswith("--") else None,
            timeout_idle=self["timeout_idle"],
            max_errors=self["max_errors"],
            dry_run=dry_run,
            strict=self["strict"],
        )

    def _key(self) -> Secret:
        text, source = self["api_key"], self.values["api_key"].origin
        path = self["api_key_file"]
        if text is None and path is not None:
            text, source = self._read_key(path), path
        if not text:
            raise KeyRefused("no API key", hint=NO_KEY_HINT)
        text = text.strip()
        if not text:
            raise KeyRefused(f"the API key from {source} is empty", hint=NO_KEY_HINT)
        if not text.isascii() or not text.isprintable() or " " in text:
            raise KeyRefused(
                f"the API key from {source} has spaces, line breaks or letters no key has",
                hint="copy the key again from Account Settings > API Keys",
            )
        return Secret(text)

    def _read_key(self, path: str) -> str:
        try:
            if path == "-":
                return sys.stdin.read(KEY_FILE_LIMIT)
            with open(path, encoding="utf-8") as file:
                if os.name == "posix" and os.fstat(file.fileno()).st_mode & stat.S_IROTH:
                    self.warnings.append(
                        f"everyone on this computer can read the key in {path}: chmod 600 {path}"
                    )
                return file.read(KEY_FILE_LIMIT)
        except UnicodeDecodeError:
            raise KeyRefused(f"{path} does not hold an API key: it is not text") from None
        except (OSError, ValueError) as error:
            if _looks_like_key(path):
                raise KeyRefused(
                    "--api-key-file takes the name of a file, not the key itself", hint=NO_KEY_HINT
                ) from None
            reason = getattr(error, "strerror", None) or error
            raise KeyRefused(
                f"cannot read the API key from {path}: {reason}", hint=NO_KEY_HINT
            ) from None

    def _ca_file(self) -> str | None:
        path: str | None = self["ca_file"]
        if path is not None and not os.path.isfile(path):
            raise UsageError(f"the file of --ca-file does not exist: {path}")
        return path


def _looks_like_key(text: str) -> bool:
    return len(text) >= 32 and text.isascii() and text.isalnum()


def normal_url(text: str, origin: str = "--url") -> str:
    """The site's address without a trailing slash or `/api`. Raises UsageError in one line."""
    from urllib.parse import urlsplit

    text = text.strip()
    if "://" not in text:
        raise UsageError(
            f"the server URL needs http:// or https:// in front ({origin} is {text})",
            hint=f"write http://{text} or https://{text}",
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.username or parts.password:
        raise UsageError(f"the server URL must not hold a user or password ({origin})")
    if parts.scheme not in ("http", "https") or not host or not text.isprintable() or " " in text:
        raise UsageError(
            f"{text} is not a server URL ({origin})",
            hint="it is the address of the web page, like http://nas:2283",
        )
    path = parts.path.rstrip("/").removesuffix("/api").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def default_config_file() -> str:
    """Where the configuration is looked for."""
    import platformdirs

    folder = platformdirs.user_config_dir("immich-transfer", appauthor=False)
    return os.path.join(folder, "config.toml")


def default_state_dir() -> str:
    """Where the manifest lives unless something else is said."""
    import platformdirs

    return platformdirs.user_state_dir("immich-transfer", appauthor=False)


def config_file(flags: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, bool]:
    """The path of the configuration, and whether somebody asked for that one."""
    asked = flags.get("config") or environ.get(CONFIG_VARIABLE)
    return (asked, True) if asked else (default_config_file(), False)


def load(flags: Mapping[str, Any], *, environ: Mapping[str, str] | None = None) -> Settings:
    """Merge what was said: `flags` (parsed values by name; None is not given) > environment >
    profile > top level of the file > default. Raises UsageError in one line."""
    environ = os.environ if environ is None else environ
    if flags.get("api_key") is not None and flags.get("api_key_file") is not None:
        raise UsageError("give --api-key or --api-key-file, not both")
    path, asked = config_file(flags, environ)
    warnings: list[str] = []
    document = _read(path, asked, warnings)
    profile = flags.get("profile") or environ.get(PROFILE_VARIABLE) or None
    layers = [
        {name: Setting(value, BY_NAME[name].flag) for name, value in _given(flags)},
        _from_environment(environ),
        *_from_file(document, path, profile),
    ]
    values: dict[str, Setting] = {}
    for field in FIELDS:
        found = [layer[field.name] for layer in layers if field.name in layer]
        values[field.name] = found[0] if found else Setting(field.default, "default")
    _choose_key(values, layers)
    if values["state_dir"].value is None:
        values["state_dir"] = Setting(default_state_dir(), "default")
    return Settings(values, file=path, profile=profile, warnings=warnings)


def _given(flags: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((n, v) for n, v in flags.items() if n in BY_NAME and v is not None)


def _choose_key(values: dict[str, Setting], layers: list[dict[str, Setting]]) -> None:
    """A key and a file of a key are one setting in two spellings: the higher layer's counts."""
    for layer in layers:
        if "api_key" in layer:
            values["api_key_file"] = Setting(None, "default")
            return
        if "api_key_file" in layer:
            values["api_key"] = Setting(None, "default")
            return


def _from_environment(environ: Mapping[str, str]) -> dict[str, Setting]:
    """Empty counts as unset: that is how one switches a variable off for a single command."""
    layer: dict[str, Setting] = {}
    for field in FIELDS:
        for variable in field.environment:
            if field.name not in layer and environ.get(variable, "").strip():
                layer[field.name] = Setting(environ[variable], variable)
    return layer


def _read(path: str, asked: bool, warnings: list[str]) -> dict[str, Any]:
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


def _from_file(
    document: dict[str, Any], path: str, profile: str | None
) -> list[dict[str, Setting]]:
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
            layer[name] = Setting(_value(BY_NAME[name], value, path), origin)
        except ValueError as error:
            shown = "" if name == "api_key" else f" {value!r}"
            raise UsageError(f"{path}: {prefix}{name}:{shown} {error}") from None
    if "api_key" in layer and "api_key_file" in layer:
        raise UsageError(f"{path}: give {prefix}api_key or {prefix}api_key_file, not both")
    return layer


def _value(field: Field, value: Any, path: str) -> Any:
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

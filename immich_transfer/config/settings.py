"""Flags, environment, profile and defaults become one set of values that know their origin.

    load(flags) ─► Settings ─► .server()    needs a URL and a key, and says what is missing
                           └─► .transfer()  needs neither: `status` works without a server

The file is `config.toml` in the user's configuration folder, or `--config`. Its top level holds
settings for every run, `[profile.NAME]` tables replace some of them. Within the file, url and key
belong together: a profile with a url of its own does not inherit the key from above (law 7).
Where nothing says a key, the one that `login` stored for this very server is taken.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from immich_transfer.errors import KeyRefused, UsageError

from .credentials import Credentials, Stored
from .fields import BY_NAME, FIELDS
from .file import Setting, layers_of, read
from .options import Secret, ServerOptions, TransferOptions

CONFIG_VARIABLE = "IMMICH_TRANSFER_CONFIG"
PROFILE_VARIABLE = "IMMICH_TRANSFER_PROFILE"
KEY_FILE_LIMIT = 4096
"""Characters at most: a key has about 43, and a photo is not a key."""

NO_KEY_HINT = "run `immich-transfer login`, or set IMMICH_API_KEY, or use --api-key-file FILE"
NO_URL_HINT = "run `immich-transfer login`, or set IMMICH_URL, or use --url http://nas:2283"


class Settings:
    """Merged values. `warnings` are for people, on stderr."""

    def __init__(
        self,
        values: dict[str, Setting],
        *,
        file: str,
        profile: str | None,
        warnings: list[str],
        shares_url: bool = False,
    ) -> None:
        self.values = values
        self.file = file
        self.profile = profile
        self.warnings = warnings
        self._shares_url = shares_url
        """The profile names no server, so it is the same account as without it."""

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
        stored = self.stored() if text is None else None
        if stored is not None:
            text, source = credentials().reveal(stored), "`login`"
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

    def stored(self) -> Stored | None:
        """What `login` stored for this server and profile, when nothing else says a key."""
        if self["url"] is None or self["api_key"] is not None or self["api_key_file"] is not None:
            return None
        url = normal_url(self["url"], self.values["url"].origin)
        found = credentials().find(url, self.profile)
        if found is None and self._shares_url:
            found = credentials().find(url, None)
        return found

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


def config_folder() -> str:
    """The user's own: of the configuration, and of the keys that `login` stored."""
    import platformdirs

    return platformdirs.user_config_dir("immich-transfer", appauthor=False)


def credentials() -> Credentials:
    """The keys that `login` stored."""
    return Credentials(config_folder())


def default_config_file() -> str:
    """Where the configuration is looked for."""
    return os.path.join(config_folder(), "config.toml")


def default_state_dir() -> str:
    """Where the manifest lives unless something else is said."""
    import platformdirs

    return platformdirs.user_state_dir("immich-transfer", appauthor=False)


def config_file(flags: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, bool]:
    """The path of the configuration, and whether somebody asked for that one."""
    asked = flags.get("config") or environ.get(CONFIG_VARIABLE)
    return (asked, True) if asked else (default_config_file(), False)


def load(
    flags: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    new_profile: bool = False,
) -> Settings:
    """Merge what was said: `flags` (parsed values by name; None is not given) > environment >
    profile > top level of the file > default. Raises UsageError in one line; for a profile that
    is not in the file only without `new_profile`."""
    environ = os.environ if environ is None else environ
    if flags.get("api_key") is not None and flags.get("api_key_file") is not None:
        raise UsageError("give --api-key or --api-key-file, not both")
    path, asked = config_file(flags, environ)
    warnings: list[str] = []
    document = read(path, asked and not new_profile, warnings)
    profile = flags.get("profile") or environ.get(PROFILE_VARIABLE) or None
    if new_profile and profile is not None:
        tables = document.setdefault("profile", {})
        if isinstance(tables, dict):
            tables.setdefault(profile, {})
    from_file = layers_of(document, path, profile)
    layers = [
        {name: Setting(value, BY_NAME[name].flag) for name, value in _given(flags)},
        _from_environment(environ),
        *from_file,
    ]
    values: dict[str, Setting] = {}
    for field in FIELDS:
        found = [layer[field.name] for layer in layers if field.name in layer]
        values[field.name] = found[0] if found else Setting(field.default, "default")
    _choose_key(values, layers)
    if values["state_dir"].value is None:
        values["state_dir"] = Setting(default_state_dir(), "default")
    return Settings(
        values,
        file=path,
        profile=profile,
        warnings=warnings,
        shares_url=profile is not None and "url" not in from_file[0],
    )


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

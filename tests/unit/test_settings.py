"""Settings: what wins over what, what is refused, and that the example tells all there is."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import immich_transfer
from immich_transfer.cli.secrets import scrub_arguments
from immich_transfer.config import parsing
from immich_transfer.config.example import example
from immich_transfer.config.fields import BY_NAME, FIELDS
from immich_transfer.config.options import ServerOptions, TransferOptions
from immich_transfer.config.settings import Settings, load, normal_url
from immich_transfer.errors import Exit, KeyRefused, TransferError, UsageError

ROOT = Path(__file__).parents[2]
KEY = "Q3VyaW91cz8gVGhpcyBpcyBubyByZWFsIGtleSE"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def from_file(
    file: Path, text: str, environ: dict[str, str] | None = None, **flags: Any
) -> Settings:
    file.write_text(text)
    file.chmod(0o600)
    return load({"config": str(file), **flags}, environ=environ or {})


def alone(environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    """Without a file (the user's own must not matter)."""
    return load({"config": os.devnull, **flags}, environ=environ or {})


# what wins


def test_flag_beats_environment_beats_profile_beats_top_beats_default(file: Path) -> None:
    text = 'url = "http://top"\nretries = 2\nhashers = 3\n[profile.nas]\nurl = "http://nas"\n'
    top = from_file(file, text)
    assert top.values["url"] == ("http://top", str(file))
    assert top.values["wait"] == (1800.0, "default")
    profile = from_file(file, text, profile="nas")
    assert profile.values["url"] == ("http://nas", f"profile nas in {file}")
    assert profile["retries"] == 2
    environ = {"IMMICH_URL": "http://env", "IMMICH_TRANSFER_PROFILE": "nas"}
    assert from_file(file, text, environ).values["url"] == ("http://env", "IMMICH_URL")
    flag = from_file(file, text, environ, url="http://flag", retries=7)
    assert flag.values["url"] == ("http://flag", "--url")
    assert flag.transfer().retries == 7


def test_the_second_name_of_the_url_and_empty_variables() -> None:
    environ = {"IMMICH_URL": "", "IMMICH_INSTANCE_URL": "http://nas:2283/api"}
    settings = alone({**environ, "IMMICH_API_KEY": KEY})
    assert settings.server().url == "http://nas:2283"


def test_the_options_made_of_it(file: Path, tmp_path: Path) -> None:
    text = f"""
        url = "https://nas/"
        api_key = "{KEY}"
        insecure = true
        state_dir = "state"
        transfers = 6
        bwlimit = "10M:5M"
        wait = "1h30m"
        timeout_idle = 30
        strict = true
        """
    settings = from_file(file, text)
    assert settings.server() == ServerOptions(
        url="https://nas", api_key=settings.server().api_key, insecure=True
    )
    assert settings.server().api_key.reveal() == KEY
    assert settings.transfer(dry_run=True) == TransferOptions(
        state_dir=str(tmp_path / "state"),
        transfers=6,
        bwlimit_up=10 << 20,
        bwlimit_down=5 << 20,
        wait=5400.0,
        timeout_idle=30.0,
        dry_run=True,
        strict=True,
    )


def test_a_wait_of_this_command_holds_from_the_first_word(file: Path) -> None:
    assert alone(wait=0.0).transfer().wait_start == 0.0
    assert from_file(file, 'wait = "1h"').transfer().wait_start is None


def test_the_defaults_are_those_of_the_options() -> None:
    made = alone().transfer()
    assert made == TransferOptions(state_dir=made.state_dir)
    assert made.state_dir.endswith("immich-transfer")


def test_a_missing_file_is_fine_unless_it_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load({"config": str(tmp_path / "none.toml")}, environ={})


# the key


def test_a_key_does_not_follow_a_profile_to_another_server(file: Path) -> None:
    text = f"""
        url = "http://a"
        api_key = "{KEY}"
        [profile.b]
        url = "http://b"
        [profile.slow]
        retries = 9
        """
    with pytest.raises(KeyRefused):
        from_file(file, text, profile="b").server()
    assert from_file(file, text, profile="slow").server().api_key.reveal() == KEY


def test_a_key_file_and_its_rights(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"  {KEY}\r\n")
    key.chmod(0o600)
    settings = alone(url="http://nas", api_key_file=str(key))
    assert settings.server().api_key.reveal() == KEY
    assert settings.warnings == []
    if os.name == "posix":
        key.chmod(0o644)
        open_ = alone(url="http://nas", api_key_file=str(key))
        open_.server()
        assert "chmod 600" in open_.warnings[0]


def test_a_key_file_of_the_flag_beats_the_key_of_the_environment(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    settings = alone({"IMMICH_API_KEY": "other"}, url="http://nas", api_key_file=str(key))
    assert settings.server().api_key.reveal() == KEY
    reverse = alone({"IMMICH_API_KEY": KEY}, url="http://nas")
    assert reverse.server().api_key.reveal() == KEY


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({}, "no API key"),
        ({"api_key": " "}, "empty"),
        ({"api_key": "two words"}, "spaces"),
        ({"api_key": "line\nbreak"}, "line breaks"),
        ({"api_key": "Schlüssel"}, "letters"),
        ({"api_key_file": "/no/such/file"}, "cannot read"),
        ({"api_key_file": KEY}, "not the key itself"),
    ],
)
def test_keys_that_are_refused(flags: dict[str, Any], said: str) -> None:
    with pytest.raises(KeyRefused, match=said) as caught:
        alone(url="http://nas", **flags).server()
    assert caught.value.exit_code == Exit.KEY
    told = f"{caught.value.message} {caught.value.hint}"
    assert "\n" not in told
    assert flags.get("api_key", KEY) not in told or flags.get("api_key") == " "


def test_one_way_to_give_the_key() -> None:
    with pytest.raises(UsageError, match="not both"):
        alone(api_key=KEY, api_key_file="x")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["upload", "--api-key", "X", "p"], ["upload", "p"]),
        (["upload", "--api-key=X", "p"], ["upload", "p"]),
        (["upload", "p", "--api-key"], ["upload", "p"]),
        (["upload", "--api-key-file", "k"], ["upload", "--api-key-file", "k"]),
        (["upload", "--", "--api-key", "p"], ["upload", "--", "--api-key", "p"]),
    ],
)
def test_what_a_run_remembers_has_no_key(given: list[str], kept: list[str]) -> None:
    assert scrub_arguments(given) == kept


# the URL


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://nas:2283", "http://nas:2283"),
        ("http://nas:2283/", "http://nas:2283"),
        (" https://nas/api ", "https://nas"),
        ("https://nas/api/", "https://nas"),
        ("https://nas/photos/api", "https://nas/photos"),
        ("http://[::1]:2283", "http://[::1]:2283"),
    ],
)
def test_urls(text: str, url: str) -> None:
    assert normal_url(text) == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nas:2283", "http://nas:2283"),
        ("ftp://nas", "not a server URL"),
        ("http://", "not a server URL"),
        ("http://nas:port", "not a server URL"),
        ("http://na s", "not a server URL"),
        ("http://me:secret@nas", "user or password"),
    ],
)
def test_urls_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        normal_url(text)
    told = f"{caught.value.message} {caught.value.hint}"
    assert said in told
    assert "secret" not in told


def test_no_url_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no server URL"):
        alone(api_key=KEY).server()


# the file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ulr = 'http://nas'", "unknown setting ulr; did you mean url?"),
        ("state-dir = '/x'", "did you mean state_dir?"),
        ("[profiles.nas]\nurl = 'x'", "did you mean profile?"),
        ("profile = 'nas'", r"\[profile.NAME\]"),
        ("[profile.nas]\nretry = 3", "profile.nas.retry; did you mean retries?"),
        ("insecure = 'yes'", "neither true nor false"),
        ("retries = true", "neither a number nor a text"),
        ("retries = 0", "must be 1 or more"),
        ("retries = 2.5", "not a whole number"),
        ("wait = 'long'", "not a duration"),
        ("url = 3", "not a text"),
        ("url = ", "not valid TOML"),
        ("api_key = 3", "not a text"),
        ("api_key = 'a'\napi_key_file = 'b'", "not both"),
    ],
)
def test_files_that_are_refused(file: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        from_file(file, text)
    assert str(file) in caught.value.message
    assert "\n" not in caught.value.message


def test_an_unknown_profile_names_those_there_are(file: Path) -> None:
    with pytest.raises(UsageError, match=r"it has nas, parents\); did you mean nas\?"):
        from_file(file, "[profile.nas]\n[profile.parents]\n", profile="nass")


def test_paths_of_the_file_start_at_its_folder(file: Path, tmp_path: Path) -> None:
    settings = from_file(file, 'state_dir = "state"\nlog_file = "/var/log/it"')
    assert settings.state_dir == str(tmp_path / "state")
    assert settings["log_file"] == "/var/log/it"


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_a_readable_file_with_a_key_is_warned_of(file: Path) -> None:
    file.write_text(f'api_key = "{KEY}"')
    file.chmod(0o644)
    warnings = load({"config": str(file)}, environ={}).warnings
    assert len(warnings) == 1
    assert KEY not in warnings[0]


def test_the_example_names_every_setting_and_no_other(file: Path) -> None:
    text = (ROOT / "config.example.toml").read_text("utf-8")
    assert text == example(), "immich-transfer config init --config config.example.toml"
    assert tomllib.loads(text) == {}, "as it stands it changes nothing"
    plain = re.sub(r"^# (?=\w+ = |\[)", "", text, flags=re.MULTILINE)
    document = tomllib.loads(plain)
    profiles = document.pop("profile")
    assert set(document) == set(BY_NAME)
    assert all(set(profile) <= set(BY_NAME) for profile in profiles.values())
    # It can be taken over as it is, but for the key that stands in two spellings.
    from_file(file, re.sub(r"^api_key = .*$", "", plain, flags=re.MULTILINE), profile="parents")


def test_the_example_shows_the_defaults() -> None:
    for field in FIELDS:
        if field.name in ("hashers", "progress") or field.default is None:
            continue
        shown = tomllib.loads(f"value = {field.shown}")["value"]
        parsed = field.parse(str(shown)) if field.parse is not None else shown
        assert parsed == field.default, field.name


# values


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("0", 0), ("1234", 1234), ("500k", 512_000), ("10M", 10 << 20), ("1.5G", 3 << 29),
     ("2 MiB", 2 << 20), ("1T", 1 << 40), ("7B", 7)],
)  # fmt: skip
def test_sizes(text: str, bytes_: int) -> None:
    assert parsing.size(text) == bytes_


@pytest.mark.parametrize("text", ["", "-1", "big", "10X", "1e3", "inf", "9999999999T", "M"])
def test_sizes_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parsing.size(text)


@pytest.mark.parametrize(
    ("text", "rates"),
    [("10M", (10 << 20, 10 << 20)), ("10M:5M", (10 << 20, 5 << 20)), ("off", (None, None)),
     ("off:1K", (None, 1024)), ("1K:OFF", (1024, None))],
)  # fmt: skip
def test_rates(text: str, rates: parsing.Rates) -> None:
    assert parsing.rates(text) == rates
    assert parsing.rates(parsing.written_rates(rates)) == rates


@pytest.mark.parametrize("text", ["", "0", "-3", "10M:", ":1M", "1M:2M:3M", "10M:0"])
def test_rates_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parsing.rates(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("1h30m", 5400), ("0s", 0), ("90", 90), ("1.5h", 5400), ("500ms", 0.5),
     ("2D", 172_800)],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert parsing.duration(text) == seconds
    assert parsing.duration(parsing.written_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "-1s", "long", "5x", "m", "1h 30m", "nan", "99999999d"])
def test_durations_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parsing.duration(text)


def test_instants() -> None:
    now = 1_700_000_000.25
    day = 86400 * 10**9
    assert parsing.instant("1970-01-02T00:00:00+00:00", now) == day
    assert parsing.instant("1970-01-02T00:00:00.000001Z", now) == day + 1000
    assert parsing.instant("30d", now) == 1_700_000_000_250_000_000 - 30 * day
    midnight = datetime(2024, 12, 31).astimezone()
    assert parsing.instant("2024-12-31", now) == int(midnight.timestamp()) * 10**9


@pytest.mark.parametrize("text", ["", "yesterdayish", "2024-13-01", "31.12.2024", "-3d", "30"])
def test_instants_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        parsing.instant(text, 0)


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "1.5", "257"])
def test_workers_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parsing.workers_or_auto(text)


def test_workers() -> None:
    assert parsing.workers_or_auto("AUTO") == "auto"
    assert parsing.workers_or_auto("+8") == 8


# the package


def test_public_names_are_there_and_the_version_is_the_projects() -> None:
    for name in immich_transfer.__all__:
        assert getattr(immich_transfer, name) is not None
    with pytest.raises(AttributeError):
        _ = immich_transfer.nothing_of_the_kind
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert immich_transfer.__version__ == project["version"]
    assert immich_transfer.TransferError is TransferError

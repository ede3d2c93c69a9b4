"""`config set` and `unset`: one value changes, everything else in the file stays; no key is shown.

The edit of the text is tested here too, beside the command that needs it.
"""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from immich_transfer.config.change import field_named, value_of
from immich_transfer.config.edit import with_setting, without_setting
from immich_transfer.config.example import example
from immich_transfer.config.fields import FIELDS
from immich_transfer.config.settings import load
from immich_transfer.errors import UsageError

from .test_command_line import KEY, Run, error_of, home, run

__all__ = ["home", "run"]


@pytest.fixture
def file(home: Path) -> Path:
    return home / ".config" / "immich-transfer" / "config.toml"


# the command


def test_set_show_unset(run: Run, file: Path) -> None:
    said = run("config", "set", "wait", "2h").stdout
    assert said == f"Set wait to 2h in {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    run("config", "set", "max-errors", "7", "--profile", "nas")
    told = run("config", "show", "--origin", "--profile", "nas").stdout
    assert f"2h  ({file})" in told
    assert f"7  (profile nas in {file})" in told
    told = run("config", "show", "--json", IMMICH_URL="http://env").stdout
    shown = json.loads(told)["settings"]
    assert shown["url"] == {"value": "http://env", "origin": "IMMICH_URL"}
    assert shown["wait"] == {"value": "2h", "origin": str(file)}
    assert run("config", "unset", "wait").stdout == f"Removed wait from {file}\n"
    assert "is not set in" in run("config", "unset", "wait").stdout
    assert file.read_text("utf-8").startswith(example()[:500]), "begun with the commented example"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wiat", "2h"], "unknown setting wiat; did you mean wait?"),
        (["wait", "long"], "wait: 'long' is not a duration"),
        (["strict", "maybe"], "strict: 'maybe' is neither true nor false"),
        (["retries", "0"], "retries: '0' must be 1 or more"),
        (["transfers", "many"], "(or 'auto')"),
        (["url", "nas:2283"], "needs http:// or https://"),
        (["wait"], "a value for wait is missing"),
        (["ca_file", "a\nb"], "letters that cannot be stored"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(
    run: Run, file: Path, arguments: list[str], said: str
) -> None:
    done = run("config", "set", *arguments, code=2)
    assert said in done.stderr.splitlines()[0]
    assert not file.exists()


def test_a_key_is_taken_from_standard_input_only(run: Run, file: Path) -> None:
    refused = run("config", "set", "api_key", KEY, code=2)
    assert "can be seen by everybody" in refused.stderr
    assert not file.exists()
    file.parent.mkdir(parents=True)
    file.write_text("api_key_file = 'old'\nwait = '1h'\n")
    file.chmod(0o644)
    said = run("config", "set", "api_key", "-", stdin=f"{KEY}\n").stdout
    assert "Set api_key to ***" in said
    assert "api_key_file is not set there any more" in said
    assert tomllib.loads(file.read_text("utf-8")) == {"api_key": KEY, "wait": "1h"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "private as soon as it holds a key"
    assert KEY not in run("config", "show", "--origin").stdout
    assert "has spaces" in run("config", "set", "api_key", "-", stdin="a b", code=2).stderr


def test_a_file_without_a_key_keeps_its_rights_and_a_link_stays_one(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True)
    real = file.parent.parent / "dotfiles.toml"
    real.write_text("wait = '1h'\n")
    real.chmod(0o644)
    file.symlink_to(real)
    run("config", "set", "wait", "3h")
    assert file.is_symlink()
    assert real.read_text() == 'wait = "3h"\n'
    assert stat.S_IMODE(real.stat().st_mode) == 0o644


def test_an_unknown_setting_can_be_taken_out(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("ulr = 'http://nas' # mine\nwait = '1h'\n")
    assert "did you mean url" in error_of(run("config", "show", "--json", code=2))["message"]
    run("config", "unset", "ulr")
    assert file.read_text() == "wait = '1h'\n"


def test_paths_mean_what_they_meant_where_they_were_typed(run: Run, file: Path, home: Path) -> None:
    run("config", "set", "state_dir", "here")
    run("config", "set", "log_file", "~/log")
    document = tomllib.loads(file.read_text("utf-8"))
    assert document == {"state_dir": str(home / "here"), "log_file": "~/log"}
    told = run("config", "show", IMMICH_TRANSFER_STATE_DIR="").stdout
    assert f"{home}/log" in told
    assert f"{home}/here" in told


def test_a_url_that_cannot_be_used_is_shown_all_the_same(run: Run) -> None:
    done = run("config", "show", IMMICH_URL="nas:2283")
    assert "nas:2283" in done.stdout
    assert "needs http:// or https://" in done.stderr


# the text

TEXT = """\
# mine

url = "http://a#b"   # the # server
[profile.x]   # slow
wait = "1m"
note = '''
[profile.y]
wait = 1
'''
[other]
wait = 2
"""


@pytest.mark.parametrize(
    ("profile", "name", "value", "changed"),
    [
        (None, "url", "http://c", 'url = "http://c"   # the # server'),
        ("x", "wait", 30, "wait = 30"),
        ("x", "strict", True, "strict = true"),
        (None, "retries", 3, "retries = 3"),
        ("new one", "retries", 3, '[profile."new one"]'),
        ("x", "note", 'say "hi" \\', 'note = "say \\"hi\\" \\\\"'),
    ],
)
def test_one_line_changes(profile: str | None, name: str, value: object, changed: str) -> None:
    after = with_setting(TEXT, profile, name, value)  # type: ignore[arg-type]
    assert changed in after.splitlines()
    document = tomllib.loads(after)
    table = document if profile is None else document["profile"][profile]
    assert table[name] == value
    kept = [line for line in TEXT.splitlines() if line in after.splitlines()]
    assert len(kept) >= len(TEXT.splitlines()) - 4
    back = without_setting(after, profile, name)
    before = without_setting(TEXT, profile, name)
    assert {**tomllib.loads(back), "profile": 0} == {**tomllib.loads(before), "profile": 0}


def test_a_setting_goes_below_its_sample() -> None:
    lines = with_setting(example(), None, "wait", "2h").splitlines()
    at = lines.index('wait = "2h"')
    assert lines[at - 1] == '# wait = "30m"'


def test_every_setting_can_be_written_and_taken_back(tmp_path: Path) -> None:
    for field in FIELDS:
        shown = tomllib.loads(f"value = {field.shown}")["value"]
        text = str(shown).lower() if isinstance(shown, bool) else str(shown)
        value = value_of(field_named(field.name), text, str(tmp_path / "config.toml"))
        after = with_setting(example(), None, field.name, value)
        (tmp_path / "config.toml").write_text(after)
        assert load({"config": str(tmp_path / "config.toml")}, environ={}).values[field.name]
        assert without_setting(after, None, field.name) == example()


@pytest.mark.parametrize(
    "text", ["profile.x.url = 'a'", "profile = {x = {url = 'a'}}", "[profile]\nx.url = 'a'"]
)
def test_a_form_that_cannot_be_edited_is_refused(text: str) -> None:
    assert tomllib.loads(text)["profile"]["x"] == {"url": "a"}
    with pytest.raises(UsageError, match="edited by hand"):
        with_setting(text, "x", "url", "http://b")


def test_a_file_without_a_last_line_break() -> None:
    assert with_setting("wait = 1", None, "retries", 2) == "wait = 1\nretries = 2\n"
    assert with_setting("", None, "retries", 2) == "retries = 2\n"

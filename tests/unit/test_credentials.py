"""Stored keys: for whom, where, how private, and to whom they are given."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from immich_transfer.config import settings as settings_module
from immich_transfer.config.credentials import Credentials, origin_of, write_private
from immich_transfer.config.settings import load
from immich_transfer.errors import KeyRefused, UsageError

KEY = "Q3VyaW91cz8gVGhpcyBpcyBubyByZWFsIGtleSE"
NAS = "http://nas:2283"


class FakeRing(ModuleType):
    """A keyring that works, unless it is `locked` or `forgetful`."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.held: dict[tuple[str, str], str] = {}
        self.locked = self.forgetful = False
        self.asked = 0

    def set_password(self, service: str, account: str, key: str) -> None:
        self._check()
        if not self.forgetful:
            self.held[service, account] = key

    def get_password(self, service: str, account: str) -> str | None:
        self._check()
        return self.held.get((service, account))

    def delete_password(self, service: str, account: str) -> None:
        self._check()
        del self.held[service, account]

    def _check(self) -> None:
        self.asked += 1
        if self.locked:
            raise RuntimeError("the collection\nis locked")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> FakeRing:
    fake = FakeRing()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    return fake


@pytest.fixture
def no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Credentials]:
    folder = str(tmp_path / "config")
    monkeypatch.setattr(settings_module, "config_folder", lambda: folder)
    yield Credentials(folder)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://nas:2283", "http://nas:2283"),
        ("HTTP://NAS:2283/photos", "http://nas:2283"),
        ("https://nas", "https://nas:443"),
        ("http://nas/api", "http://nas:80"),
        ("http://[::1]:2283", "http://[::1]:2283"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_without_a_keyring_the_key_is_in_a_private_file(store: Credentials, no_ring: None) -> None:
    assert store.keep(NAS, None, KEY) == "file"
    stored = store.find(NAS, None)
    assert stored is not None
    assert store.reveal(stored) == KEY
    if os.name == "posix":
        assert stat.S_IMODE(os.stat(store.path).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(os.path.dirname(store.path)).st_mode) == 0o700
    assert os.listdir(os.path.dirname(store.path)) == ["keys.json"], "nothing is left over"


def test_with_a_keyring_the_file_holds_no_key(store: Credentials, ring: FakeRing) -> None:
    assert store.keep(NAS, None, KEY) == "keyring"
    assert KEY not in Path(store.path).read_text("utf-8")
    stored = store.find(NAS, None)
    assert stored is not None
    assert store.reveal(stored) == KEY
    assert ring.held == {("immich-transfer", NAS): KEY}


@pytest.mark.parametrize("trouble", ["locked", "forgetful"])
def test_a_keyring_that_does_not_work_is_none(
    store: Credentials, ring: FakeRing, trouble: str
) -> None:
    setattr(ring, trouble, True)
    assert store.keep(NAS, None, KEY) == "file"


def test_the_keyring_is_not_asked_when_it_is_not_meant(store: Credentials, ring: FakeRing) -> None:
    assert store.keep(NAS, None, KEY, keyring=False) == "file"
    stored = store.find(NAS, None)
    assert stored is not None
    assert store.reveal(stored) == KEY
    assert store.find("http://other", None) is None
    assert ring.asked == 0


def test_a_new_key_replaces_the_old_one_wherever_it_was(store: Credentials, ring: FakeRing) -> None:
    store.keep(NAS, None, "an older key")
    store.keep(NAS, None, KEY, keyring=False)
    assert ring.held == {}, "the old one is not left behind"
    assert len(json.loads(Path(store.path).read_text("utf-8"))["keys"]) == 1


def test_every_profile_has_its_own(store: Credentials, no_ring: None) -> None:
    store.keep(NAS, None, KEY)
    store.keep(NAS, "parents", "the parents' key")
    assert store.forget(NAS, None) is not None
    assert store.forget(NAS, None) is None
    stored = store.find(NAS, "parents")
    assert stored is not None
    assert store.reveal(stored) == "the parents' key"


def test_a_locked_keyring_is_named_in_one_line(store: Credentials, ring: FakeRing) -> None:
    store.keep(NAS, None, KEY)
    ring.locked = True
    stored = store.find(NAS, None)
    assert stored is not None
    with pytest.raises(KeyRefused, match="the collection is locked") as caught:
        store.reveal(stored)
    assert "--no-keyring" in str(caught.value.hint)
    with pytest.raises(KeyRefused, match="is not used any more"):
        store.forget(NAS, None)
    assert store.find(NAS, None) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"keys": [{}]}', '{"keys": [{"origin": 1, "place": "file"}]}',
             '{"keys": [{"origin": "http://a:80", "place": "file"}]}'],
)  # fmt: skip
def test_a_damaged_file_is_one_line(store: Credentials, text: str) -> None:
    write_private(store.path, text)
    with pytest.raises(UsageError, match=r"keys\.json"):
        store.find(NAS, None)


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "dotfiles" / "real")
    write_private(str(tmp_path / "link"), "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "dotfiles" / "real").read_text() == "text"


# to whom they are given


def settings(tmp_path: Path, text: str, environ: dict[str, str] | None = None, **flags: str) -> str:
    """The key that these settings find."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    found = load({"config": str(file), **flags}, environ=environ or {})
    return found.server().api_key.reveal()


def test_a_stored_key_goes_to_its_own_server_only(
    store: Credentials, no_ring: None, tmp_path: Path
) -> None:
    store.keep(NAS, None, KEY)
    assert settings(tmp_path, "", url=f"{NAS}/api") == KEY
    assert settings(tmp_path, f"url = '{NAS}'") == KEY
    for other in ("http://nas", "https://nas:2283", "http://nas.example.org:2283"):
        with pytest.raises(KeyRefused, match="no API key"):
            settings(tmp_path, "", url=other)


def test_flag_and_environment_and_file_win_over_a_stored_key(
    store: Credentials, no_ring: None, tmp_path: Path
) -> None:
    store.keep(NAS, None, KEY)
    text = f"url = '{NAS}'\n"
    assert settings(tmp_path, text, {"IMMICH_API_KEY": "environment"}) == "environment"
    assert settings(tmp_path, text, api_key="flag") == "flag"
    assert settings(tmp_path, f"{text}api_key = 'file'") == "file"


def test_a_profile_with_a_server_of_its_own_has_a_key_of_its_own(
    store: Credentials, no_ring: None, tmp_path: Path
) -> None:
    """Two people on one server must not be taken for each other."""
    store.keep(NAS, None, KEY)
    text = f"url = '{NAS}'\n[profile.parents]\nurl = '{NAS}'\n[profile.slow]\nretries = 9\n"
    with pytest.raises(KeyRefused, match="no API key"):
        settings(tmp_path, text, profile="parents")
    assert settings(tmp_path, text, profile="slow") == KEY
    store.keep(NAS, "parents", "the-parents-key")
    assert settings(tmp_path, text, profile="parents") == "the-parents-key"
    assert settings(tmp_path, text) == KEY

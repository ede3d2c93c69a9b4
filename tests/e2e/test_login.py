"""`login` and `logout`: what is asked, tried, told and stored, and to whom the key goes then."""

from __future__ import annotations

import json
import os
import select
import stat
import subprocess
import sys
import threading
import time
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from immich_transfer.cli.abilities import ABILITIES, ADMIN_ABILITIES
from immich_transfer.cli.albums import albums
from immich_transfer.cli.assets import assets
from immich_transfer.cli.jobs import jobs
from immich_transfer.cli.libraries import libraries
from immich_transfer.cli.tags import tags
from immich_transfer.cli.users import users

from .support import TIMEOUT, Bench, Result, Server, command, free_port, photo, sha1

PLAIN = "keyring_of_the_test"
"""A backend that keeps keys in a file beside itself."""


class Home:
    """A user who has neither key nor URL in the environment. What is stored lies outside the
    folders that `Bench` searches for stray keys: here one is meant to be."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.folder = bench.home / "xdg" / "immich-transfer"
        self.environment = {
            "IMMICH_URL": "",
            "IMMICH_API_KEY": "",
            "XDG_CONFIG_HOME": str(bench.home / "xdg"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    @property
    def keys(self) -> Path:
        return self.folder / "keys.json"

    @property
    def config(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "config.toml").read_text("utf-8"))

    def run(self, *arguments: str, code: int = 0, env: dict[str, str] | None = None) -> Result:
        return self.bench.run(*arguments, code=code, env=self.environment | (env or {}))

    def key_file(self, key: str | None = None) -> str:
        path = self.bench.home / "typed-key"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{key or self.bench.key}\n")
        path.chmod(0o600)
        return str(path)

    def login(self, *arguments: str, code: int = 0, **options: Any) -> Result:
        named = () if "--url" in arguments else ("--url", self.bench.url)
        given = () if "--api-key-file" in arguments else ("--api-key-file", self.key_file())
        return self.run("login", *named, *given, *arguments, code=code, **options)


@pytest.fixture
def user(bench: Bench) -> Home:
    bench.home.mkdir(parents=True)
    return Home(bench)


def one(result: Result) -> dict[str, Any]:
    (line,) = result.lines
    return line


# without a terminal


def test_a_key_is_tried_and_stored_and_everything_works_from_then_on(
    user: Home, server: Server
) -> None:
    line = one(user.login("--url", f"{server.url}/api/"))
    assert line["type"] == "login"
    assert line["url"] == server.url
    assert line["stored"] == "file"
    assert not any(line["missing"].values())
    assert stat.S_IMODE(user.keys.stat().st_mode) == 0o600
    assert stat.S_IMODE((user.folder / "config.toml").stat().st_mode) == 0o600
    assert user.config == {"url": server.url}, "the key is not in it"
    user.bench.write("a.jpg", photo("first"))
    user.run("upload", "photos")
    assert server.held() == {sha1(photo("first")): 1}
    shown = one(user.run("config", "show"))["settings"]
    assert shown["api_key"] == {"value": "***", "origin": f"login, in {user.keys}"}
    assert shown["url"]["origin"] == str(user.folder / "config.toml")


def test_the_key_from_standard_input_and_from_the_environment(user: Home, server: Server) -> None:
    done = subprocess.run(
        [*command(), "login", "--url", server.url, "--api-key-file", "-"],
        env={"PATH": os.environ["PATH"], "HOME": str(user.bench.home), **user.environment},
        input=server.key, capture_output=True, text=True, check=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert server.key not in done.stdout + done.stderr
    assert f"{server.url} is Immich" in done.stdout
    assert json.loads(user.keys.read_text())["keys"][0]["key"] == server.key
    user.run("logout")
    named = {"IMMICH_API_KEY": server.key, "IMMICH_URL": server.url}
    told = user.run("login", env=named)
    assert "IMMICH_API_KEY is set and wins over the stored key" in told.stderr
    assert user.run("ping").code == 0


def test_what_is_missing_for_which_command_is_named(user: Home, server: Server) -> None:
    key = server.new_key(["asset.upload", "album.read", "user.read"])
    line = one(user.login("--api-key-file", user.key_file(key)))
    assert line["missing"]["upload"] == []
    assert line["missing"]["check"] == []
    assert line["missing"]["upload --album"] == ["album.create", "albumAsset.create"]
    assert line["missing"]["download, mirror"] == ["asset.read", "asset.download"]
    assert line["missing"]["assets delete"] == ["asset.delete"]
    assert line["missing"]["jobs list, wait"] == ["queue.read"]
    assert line["missing"]["users list, me"] == []
    told = user.bench.start("ping", json=False, env=user.environment).finish().stdout
    assert "lacks asset.delete" in told
    assert max(map(len, told.splitlines())) <= 80


def test_what_is_for_admins_is_told_to_others(user: Home, server: Server) -> None:
    line = one(user.login("--api-key-file", user.key_file(server.key)))
    assert line["admin"] is False
    assert not any(line["missing"].values())
    told = user.bench.start("ping", json=False, env=user.environment).finish().stdout
    assert "everything that immich-transfer does\nbut what is for admins: server stat" in told
    admin = one(user.login("--api-key-file", user.key_file(server.box.key)))
    assert admin["admin"] is True
    told = user.bench.start("ping", json=False, env=user.environment).finish().stdout
    assert "for admins" not in told


def test_every_command_that_asks_a_server_is_in_the_list() -> None:
    words = {word.strip(",") for job in (*ABILITIES, *ADMIN_ABILITIES) for word in job.split()}
    groups = [albums, assets, jobs, libraries, tags, users]
    named = {name for group in groups for name in group.commands}
    assert named - words == {"show", "empty", "clear-failed"}, "as those beside them"
    assert {"upload", "download", "mirror", "check", "search", "server"} <= words


def test_a_wrong_key_is_12_and_nothing_is_stored(user: Home) -> None:
    wrong = user.key_file("a-key-that-nobody-ever-made-0123456789")
    assert "refuses the API key" in user.login("--api-key-file", wrong, code=12).error["message"]
    assert not user.folder.exists()


def test_nobody_there_is_5_and_nothing_is_stored(user: Home) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    assert "cannot reach" in user.login("--url", gone, code=5).error["message"]
    assert not user.folder.exists()


def test_nobody_to_ask(user: Home, server: Server) -> None:
    assert "no server URL" in user.run("login", code=2).error["message"]
    error = user.run("login", "--url", server.url, code=12).error
    assert "nobody to ask" in error["message"]
    assert "--api-key-file" in error["hint"]


def test_profiles_keep_their_keys_apart(user: Home, server: Server) -> None:
    user.login()
    first = one(user.run("ping"))["user"]["id"]
    other = server.new_user(quota=10**9)
    user.login("--profile", "parents", "--api-key-file", user.key_file(other))
    assert user.config == {"url": server.url, "profile": {"parents": {"url": server.url}}}
    parents = one(user.run("ping", "--profile", "parents"))["user"]["id"]
    assert parents != first
    assert one(user.run("ping"))["user"]["id"] == first
    line = one(user.run("logout", "--profile", "parents"))
    assert line["removed"] is True
    assert "no API key" in user.run("ping", "--profile", "parents", code=12).error["message"]
    assert user.run("ping").code == 0


def test_a_stored_key_is_for_its_own_server_only(user: Home) -> None:
    user.login()
    elsewhere = user.bench.url.replace("127.0.0.1", "localhost")
    assert elsewhere != user.bench.url
    assert "no API key" in user.run("ping", "--url", elsewhere, code=12).error["message"]


def test_logout_removes_the_key_and_keeps_the_url(user: Home, server: Server) -> None:
    user.login()
    assert one(user.run("logout"))["removed"] is True
    assert server.key not in user.keys.read_text()
    assert user.config == {"url": server.url}
    assert "immich-transfer login" in user.run("ping", code=12).error["hint"]
    assert one(user.run("logout"))["removed"] is False


def test_login_replaces_a_key_in_the_file(user: Home, server: Server) -> None:
    user.folder.mkdir(parents=True)
    file = user.folder / "config.toml"
    file.write_text('# mine\nwait = "1h"\napi_key = "an-older-key"\n')
    told = user.login("--insecure")
    assert "api_key was taken out" in told.stderr
    assert user.config == {"url": server.url, "wait": "1h", "insecure": True}
    assert file.read_text().startswith("# mine\n")
    assert user.run("ping").code == 0


# keyrings


@pytest.fixture
def ring(user: Home) -> Path:
    """A keyring that works, as a module on the path; the file it keeps its keys in."""
    pytest.importorskip("keyring")
    folder = user.bench.home / "backend"
    folder.mkdir()
    kept = folder / "kept.json"
    (folder / f"{PLAIN}.py").write_text(
        "import json, os\nfrom keyring.backend import KeyringBackend\n"
        f"FILE = {str(kept)!r}\n"
        "def load():\n    return json.load(open(FILE)) if os.path.exists(FILE) else {}\n"
        "def save(held):\n    json.dump(held, open(FILE, 'w'))\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 1\n"
        "    def set_password(self, service, name, key):\n"
        "        save({**load(), service + '|' + name: key})\n"
        "    def get_password(self, service, name):\n"
        "        return load().get(service + '|' + name)\n"
        "    def delete_password(self, service, name):\n"
        "        held = load(); del held[service + '|' + name]; save(held)\n"
    )
    user.environment["PYTHONPATH"] = str(folder)
    user.environment["PYTHON_KEYRING_BACKEND"] = f"{PLAIN}.Keyring"
    return kept


def test_a_keyring_that_works_gets_the_key(user: Home, server: Server, ring: Path) -> None:
    assert one(user.login())["stored"] == "keyring"
    assert server.key in ring.read_text()
    assert server.key not in user.keys.read_text()
    assert user.run("ping").code == 0
    assert one(user.run("config", "show"))["settings"]["api_key"]["origin"] == (
        "login, in the keyring"
    )
    ring.unlink()
    error = user.run("ping", code=12).error
    assert "the keyring does not give the key" in error["message"]
    assert one(user.login("--no-keyring"))["stored"] == "file"
    assert user.run("ping").code == 0


def test_logout_empties_the_keyring(user: Home, server: Server, ring: Path) -> None:
    user.login()
    user.run("logout")
    assert ring.read_text() == "{}"


# on a terminal


class Terminal:
    """The command on a terminal of its own: what it shows, and what one types."""

    def __init__(self, user: Home, *arguments: str) -> None:
        import pty

        self.shown = ""
        environment = {"PATH": os.environ["PATH"], "HOME": str(user.bench.home), "TERM": "dumb"}
        self._child, self._master = pty.fork()
        if self._child == 0:
            os.execve(command()[0], [*command(), *arguments], environment | user.environment)

    def until(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} never came: {self.shown!r}"
            assert self._read(), f"{text!r} never came: {self.shown!r}"

    def _read(self) -> bool:
        if not select.select([self._master], [], [], TIMEOUT)[0]:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # how Linux tells that the other end is closed
            return False
        self.shown += piece.decode("utf-8", "replace")
        return bool(piece)

    def type(self, text: str) -> None:
        os.write(self._master, f"{text}\n".encode())

    def finish(self) -> int:
        while self._read():
            pass
        _, status = os.waitpid(self._child, 0)
        os.close(self._master)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_it_asks_and_does_not_show_the_key(user: Home, server: Server) -> None:
    terminal = Terminal(user, "login")
    terminal.until("Server URL")
    terminal.type("nas:2283")
    terminal.until("needs http:// or https://")
    terminal.type(server.url)
    terminal.until("API key (not shown)")
    terminal.type(server.key)
    assert terminal.finish() == 0, terminal.shown
    assert server.key not in terminal.shown
    assert f"{server.url} is Immich" in terminal.shown
    assert "Stored the key in" in terminal.shown
    assert user.run("ping").code == 0
    # Again: the known URL is offered, and a wrong key leaves what there is.
    terminal = Terminal(user, "login")
    terminal.until(f"Server URL [{server.url}]")
    terminal.type("")
    terminal.until("API key (not shown)")
    terminal.type("a-key-that-nobody-ever-made-0123456789")
    assert terminal.finish() == 12
    assert "a-key-that" not in terminal.shown
    assert user.run("ping").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_ctrl_c_at_the_prompt_stores_nothing(user: Home, server: Server) -> None:
    terminal = Terminal(user, "login", "--url", server.url)
    terminal.until("API key (not shown)")
    os.write(terminal._master, b"\x03")
    assert terminal.finish() == 130
    assert "Traceback" not in terminal.shown
    assert not user.folder.exists()


# where the API is


class ElsewhereHandler(BaseHTTPRequestHandler):
    """A site whose API is below /photos/api, as its /.well-known/immich says."""

    ANSWERS: ClassVar[dict[str, Any]] = {
        "/.well-known/immich": {"api": {"endpoint": "/photos/api"}},
        "/photos/api/server/version": {"major": 3, "minor": 0, "patch": 3},
        "/photos/api/api-keys/me": {"id": "k", "name": "key", "permissions": ["all"]},
        "/photos/api/users/me": {"id": "u", "name": "Ada", "email": "ada@example.org"},
    }
    keys_seen: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        answer = self.ANSWERS.get(self.path)
        if self.headers.get("x-api-key"):
            self.keys_seen.add(self.path)
        body = json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def test_the_site_may_say_where_its_api_is(user: Home) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), ElsewhereHandler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{site.server_port}"
        line = one(user.login("--url", url))
        site.shutdown()
    assert line["user"]["name"] == "Ada"
    assert line["url"] == url, "the site is stored: it may move its API"
    assert all(path.startswith("/photos/api/") for path in ElsewhereHandler.keys_seen)

"""What is not in the package at all, looked for in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import immich_transfer

ROOT = Path(immich_transfer.__file__).parent
SOURCES = {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}

FOREIGN = {"pickle", "marshal", "shelve", "dill", "yaml", "ctypes", "xmlrpc", "telnetlib", "code"}
"""Modules that run what they read, or reach below Python."""
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "execfile"}
RUNS_PROGRAMS = {"system", "popen", "spawnl", "spawnv", "execv", "execvp", "execve", "startfile"}
ALLOWED = {
    # The command anew, with the key off its command line.
    ("cli/hiding.py", "execve"),
    # The command itself and its sandbox, as a list of words.
    ("cli/demo.py", "subprocess"),
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for name, path in SOURCES.items():
        yield name, ast.parse(path.read_text("utf-8"), name)


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, str]]:
    """Every call, with the name that is called and what it is an attribute of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name):
                    yield node, name, ""
                case ast.Attribute(attr=name, value=ast.Name(id=of)):
                    yield node, name, of
                case ast.Attribute(attr=name):
                    yield node, name, "?"


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


def test_nothing_that_is_read_is_run() -> None:
    assert len(SOURCES) > 200
    found = set()
    for name, tree in trees():
        modules = set(imported(tree))
        assert not modules & FOREIGN, (name, modules & FOREIGN)
        found |= {(name, "subprocess")} if "subprocess" in modules else set()
        for node, called, of in calls(tree):
            assert called not in RUNS_TEXT or of not in ("", "builtins"), (name, node.lineno)
            if called in RUNS_PROGRAMS and of == "os":
                found.add((name, called))
            shell = [k for k in node.keywords if k.arg == "shell"]
            assert not shell, (name, node.lineno)
            assert called not in ("create_subprocess_shell", "mktemp"), (name, node.lineno)
    assert found == ALLOWED


def test_certificates_are_given_up_in_one_place_only() -> None:
    """What stops verifying stands behind --insecure alone."""
    ways = ("_create_unverified_context", "CERT_NONE", "check_hostname", "ssl=False", "tls = False")
    places = {
        name for name, path in SOURCES.items() for word in ways if word in path.read_text("utf-8")
    }
    assert places == {"immich/trust.py"}
    (asked,) = (
        node
        for node in ast.walk(ast.parse(SOURCES["immich/trust.py"].read_text("utf-8")))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "server.insecure"
    )
    inside = "\n".join(map(ast.unparse, asked.body))
    everywhere = SOURCES["immich/trust.py"].read_text("utf-8")
    for word in ("CERT_NONE", "check_hostname"):
        assert inside.count(word) == everywhere.count(word) == 1


def test_no_assertion_is_a_safeguard() -> None:
    """`python -O` leaves them out: they may tell a type checker what is known, and no more."""
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert):
                assert _only_narrows(node.test), f"{name}:{node.lineno} {ast.unparse(node)}"


def _only_narrows(test: ast.expr) -> bool:
    match test:
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
        case ast.BoolOp(values=values):
            return all(map(_only_narrows, values))
    return False


LOOKED_AT = {
    ("manifest/opening.py", "number"),  # of a migration
    ("manifest/opening.py", "script"),  # a migration, as it was shipped
    ("manifest/database.py", "cache_kib"),
    ("manifest/catalog.py", "which"),  # NULL or NOT NULL
    ("manifest/debts.py", "where"),  # conditions with question marks
    ("manifest/debts.py", "change"),
    ("manifest/pauses.py", "where"),
}
"""What is put into statements by name, and was seen to be of our own making."""


def test_sql_takes_values_as_parameters() -> None:
    """What is put into a statement is a constant, a row of question marks, or was looked at."""
    seen = 0
    for name, tree in trees():
        for node, called, _ in calls(tree):
            if called not in ("execute", "executemany", "executescript") or not node.args:
                continue
            seen += 1
            for part in _variable_parts(node.args[0]):
                assert _harmless(part, name), f"{name}:{node.lineno} {ast.unparse(node.args[0])}"
    assert seen > 50


def _variable_parts(statement: ast.expr) -> list[ast.expr]:
    return [n.value for n in ast.walk(statement) if isinstance(n, ast.FormattedValue)]


def _harmless(part: ast.expr, where: str) -> bool:
    match part:
        case ast.Name(id=name):
            return name.isupper() or (where, name) in LOOKED_AT
        case ast.Call(func=ast.Name(id="marks")):
            return True
        case ast.IfExp(body=ast.Constant(), orelse=ast.Constant()):
            return True
    return False


def test_the_key_is_taken_out_of_its_wrapping_in_few_places() -> None:
    """Where the header is made, and where `login` stores it."""
    places = {name for name, path in SOURCES.items() if "reveal()" in path.read_text("utf-8")}
    assert places == {"immich/attempts.py", "cli/login.py"}


def test_sqlite_is_not_asked_to_load_anything() -> None:
    for name, path in SOURCES.items():
        text = path.read_text("utf-8")
        assert "enable_load_extension" not in text, name
        assert "ATTACH" not in text or name.startswith("sandbox/"), name

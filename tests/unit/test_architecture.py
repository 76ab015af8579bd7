"""Budgets of the code base: sizes, suppressions, docstrings of tests, and nothing that belongs to one machine."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
PACKAGES = ("autofix/", "benchmarks/", "config/", "demo/", "examples/", "tests/", "tracker/")
# The demo's crashing program and files that tests feed in are data, not ours to keep tidy.
DATA = ("demo/history/", "tests/fixtures/")
GENERATED = re.compile(r"/migrations/\d{4}_")

# A code and, after it, a reason: "noqa: S101 - why", "type: ignore[code]  # why", "pragma: no cover - why".
SUPPRESSION = re.compile(
    r"#\s*(noqa|type:\s*ignore|pragma:\s*no|ruff:\s*noqa|mypy:|fmt:\s*(off|skip))", re.IGNORECASE
)
EXPLAINED = re.compile(
    r"""\#\s*(
        (ruff:\s*)?noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*\s*(-|—|\#)\s*\w.{4,}
        | type:\s*ignore\[[a-z-]+(,\s*[a-z-]+)*\]\s*(-|—|\#)\s*\w.{4,}
        | pragma:\s*no\s(cover|branch)\s*(:|-|—|\#)\s*\w.{4,}
        | fmt:\s*(off|skip)\b.*
    )""",
    re.VERBOSE,
)
# Written in pieces, so that this file passes its own test.
REGISTRY_HOST = re.compile("|".join(["pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)"]))
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])/(" + "|".join(["wo" + "rk", "ho" + "me", "ro" + "ot", "Us" + "ers"]) + r")/[\w.]"
)
BINARY = {".bundle", ".gz", ".ico", ".pack", ".png"}


@cache
def tracked() -> tuple[str, ...]:
    """Paths of the files in the repository that exist, relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    return tuple(path for path in listed.stdout.split("\0") if path and (CHECKOUT / path).is_file())


def read(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def sources() -> list[str]:
    """Our Python files: tracked, not generated, not data."""
    return [
        path
        for path in tracked()
        if path.endswith(".py")
        and (path.startswith(PACKAGES) or "/" not in path)
        and not path.startswith(DATA)
        and not GENERATED.search(path)
    ]


def functions(path: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def comments(path: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(read(path)).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_there_is_code_to_look_at() -> None:
    """The lists that the other tests walk are not empty, so that none of them passes by looking at nothing."""
    assert "autofix/conf.py" in sources()
    assert "tests/unit/test_architecture.py" in sources()


def test_files_are_short() -> None:
    """No Python file is longer than 300 lines."""
    lengths = {path: len(read(path).splitlines()) for path in sources()}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    """No function is longer than 60 lines, its decorators and docstring included."""
    too_long = [
        f"{path}:{function.lineno} {function.name}"
        for path in sources()
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno >= MAX_FUNCTION_LINES
    ]
    assert too_long == []


def test_suppressions_name_their_code_and_reason() -> None:
    """Whoever silences a linter, the type checker or coverage says which rule and why."""
    unexplained = [
        f"{path}:{line} {comment}"
        for path in sources()
        for line, comment in comments(path)
        if SUPPRESSION.search(comment) and not EXPLAINED.search(comment)
    ]
    assert unexplained == []


@pytest.mark.parametrize(
    ("comment", "explained"),
    [
        ("# noqa", False),
        ("# noqa: S101", False),
        ("# noqa: S101 - the caller checked it", True),
        ("# type: ignore", False),
        ("# type: ignore[arg-type]", False),
        ("# type: ignore[arg-type]  # the stub lacks the second form", True),
        ("# pragma: no cover", False),
        ("# pragma: no cover - only on Windows", True),
    ],
)
def test_what_counts_as_an_explanation(comment: str, explained: bool) -> None:
    """A suppression is explained when its rule's code and some words follow it."""
    assert SUPPRESSION.search(comment)
    assert bool(EXPLAINED.search(comment)) is explained


def test_every_test_says_what_it_proves() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{path}:{function.lineno} {function.name}"
        for path in sources()
        if path.startswith("tests/") and Path(path).name.startswith("test_")
        for function in functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_file_knows_one_machine_or_registry() -> None:
    """No tracked text names a package registry's host or an absolute path of the machine that it was written on."""
    found = [
        f"{path}:{number} {line.strip()[:120]}"
        for path in tracked()
        if Path(path).suffix not in BINARY
        for number, line in enumerate(read(path).splitlines(), start=1)
        if REGISTRY_HOST.search(line) or MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("path", ["requirements/base.txt", "requirements/dev.txt"])
def test_locks_are_pinned_hashed_and_name_no_host(path: str) -> None:
    """Each locked package has an exact version and at least one hash; no line says where to fetch it from."""
    text = read(path)
    packages = [entry for entry in re.split(r"\n(?=[A-Za-z0-9])", text) if not entry.startswith("#")]
    assert packages
    assert [
        entry.splitlines()[0] for entry in packages if "==" not in entry or "--hash=sha256:" not in entry
    ] == []
    assert re.findall(r"https?:|--(?:extra-)?index-url|--find-links", text) == []

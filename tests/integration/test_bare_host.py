"""The example of a host is a project of its own: its tests run as it would run them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

MOST_LINES = 50
ROOT = Path(__file__).resolve().parents[2]
SHARED = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "AUTOFIX_DATA_DIR")


def test_the_examples_own_tests_pass(tmp_path: Path) -> None:
    """A model with UUIDs, no organizations, no reference tracker: the panel shows, starts, and keeps strangers out."""
    environment = {name: value for name, value in os.environ.items() if name not in SHARED}
    command = ["-m", "django", "test", "examples.bare_host", "--settings", "examples.bare_host.settings"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, env=environment | {"BARE_HOST_DATA_DIR": str(tmp_path)}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Ran 6 tests" in done.stderr


def test_the_example_stays_small() -> None:
    """Its statements, without imports and docstrings: what somebody has to write to see the panel, the worker included."""
    files = [path for path in (ROOT / "examples" / "bare_host").glob("*.py") if path.name != "tests.py"]
    assert sum(map(lines_of_code, files)) <= MOST_LINES


def lines_of_code(path: Path) -> int:
    """Lines with statements on them."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            lines.add(node.lineno)
        elif isinstance(node, ast.stmt) and not isinstance(node, ast.Import | ast.ImportFrom):
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            lines.update(() if is_text else range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)

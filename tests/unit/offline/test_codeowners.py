"""CODEOWNERS patterns mean what GitHub's documentation says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from autofix.explorer.agents.offline.codeowners import matches, owners, owners_in
from tests.repositories import Snapshot
from tests.unit.offline.world import checkouts_of


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("*", "a/b.py", True),
        ("*.py", "a/b.py", True),
        ("*.py", "a/b.pyc", False),
        ("/shop/", "shop/a/b.py", True),
        ("/shop/", "old/shop/a.py", False),
        ("apps/", "old/apps/a.py", True),
        ("apps/", "apps", False),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/more/a.md", False),
        ("/docs", "docs/more/a.md", True),
        ("**/logs", "a/b/logs/x", True),
        ("**/logs", "logs/x", True),
        ("/a/**/z.py", "a/z.py", True),
        ("/a/**/z.py", "a/b/c/z.py", True),
        ("/a/**", "a/b/c.py", True),
        ("shop/cart.py", "shop/cart.py", True),
        ("shop/cart.py", "old/shop/cart.py", False),
        ("cart.py", "old/shop/cart.py", True),
        ("c?rt.py", "cart.py", True),
        ("c?rt.py", "c/rt.py", False),
        ("!cart.py", "cart.py", False),
        ("[ab].py", "a.py", False),
        ("a.b", "axb", False),
        ("/", "a", False),
    ],
)
def test_patterns(pattern: str, path: str, is_match: bool) -> None:
    """Anchors, folders, stars and double stars."""
    assert matches(pattern, path) is is_match


def test_the_last_match_wins_and_comments_do_not_count() -> None:
    """Also where the last match names nobody: then nobody owns it."""
    lines = ["# who", "* @all", "/shop/ @till ann@example.com # both", "/shop/free.py", "my\\ file @odd"]
    assert owners_in(lines, "a.py") == (2, ("@all",))
    assert owners_in(lines, "shop/cart.py") == (3, ("@till", "ann@example.com"))
    assert owners_in(lines, "shop/free.py") == (4, ())
    assert owners_in(lines, "my file") == (5, ("@odd",))
    assert owners_in([], "a.py") is None


def test_the_first_file_counts(tmp_path: Path) -> None:
    """.github/ before the root before docs/."""
    files = {"CODEOWNERS": "* @root\n", ".github/CODEOWNERS": "* @github\n", "docs/CODEOWNERS": "* @docs\n"}
    with checkouts_of(tmp_path, [Snapshot(files, "Begin")]) as checkouts:
        found = owners(checkouts["acme/shop"], "a.py")
    assert found is not None
    assert (found.owners, found.file, found.line) == (("@github",), ".github/CODEOWNERS", 1)

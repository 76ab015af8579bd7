"""Which paths may be named, and which are protected."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofix.conf import Settings
from autofix.exceptions import PathRefused
from autofix.scm.paths import confined, is_protected

DEFAULTS = Settings(host="x").protected_paths


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "./a", "a/.", "a/", "a\\b", "C:\\x", "a\0b", "a\nb", "\ud800",
        ".git", ".git/config", "a/.git/hooks/x", ".GIT/config", ".Git", ".git ", ".git.", ".git . .", "GIT~1/x",
        ".g\u200cit/config", ".git\u200d", ".git::$INDEX_ALLOCATION", "x" * 1025,
    ],
)  # fmt: skip
def test_paths_that_lead_out_or_into_git_are_refused(path: str) -> None:
    """Absolute, upward, unnormal, unprintable, and every spelling that some file system takes for .git."""
    with pytest.raises(PathRefused):
        confined(path)


@pytest.mark.parametrize(
    "path", ["a", "a/b.py", ".gitignore", ".github/x", "git", "a b/ü.py", "..a", "-rf", ":x"]
)
def test_ordinary_paths_pass_unchanged(path: str) -> None:
    """Hidden files, spaces, other alphabets and odd first characters are no reason to refuse."""
    assert confined(path) == path


@given(st.text("./\\git~ a\0", max_size=12) | st.text())
def test_a_confined_path_stays_below_its_folder(path: str) -> None:
    """Whatever the text: refused, or relative and without a step up."""
    with suppress(PathRefused):
        parts = PurePosixPath(confined(path)).parts
        assert not PurePosixPath(path).is_absolute()
        assert ".." not in parts
        assert ".git" not in [part.lower() for part in parts]


@pytest.mark.parametrize(
    ("path", "protected"),
    [
        (".github/workflows/ci.yml", True),
        (".github/workflows/deep/er/ci.yml", True),
        (".GitHub/Workflows/ci.yml", True),
        (".github/workflows", False),
        (".github/CODEOWNERS", False),
        ("x/.github/workflows/ci.yml", False),
        (".gitlab-ci.yml", True),
        (".env", True),
        ("a/b/.env", True),
        ("a/.env/b", False),
        ("a/.envrc", False),
    ],
)
def test_default_protected_paths(path: str, protected: bool) -> None:
    """The defaults guard pipelines and secrets, in any case of letters, and nothing beside them."""
    assert is_protected(path, DEFAULTS) is protected


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.py", "a.py", True),
        ("*.py", "a/b.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "a/b/c.py", True),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "az", False),
        ("**", "a/b", True),
        ("/a", "a", True),
        ("[ab]/?", "b/x", True),
    ],
)
def test_stars(pattern: str, path: str, matches: bool) -> None:
    """One star stays within a folder, two span any number of them."""
    assert is_protected(path, [pattern]) is matches

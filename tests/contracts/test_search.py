"""What every engine of code search must give, whatever is in the repository: the same lines in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from autofix.explorer import searching
from autofix.explorer.text import Match
from autofix.explorer.workspace import Checkout, open_workspace, pin_repositories
from tests.repositories import ANN, Snapshot, bare_repository

TRAPS = Snapshot(
    {
        ".gitignore": "ignored.py\n*.log\n",
        ".ignore": "*\n",
        ".rgignore": "*\n",
        "ignored.py": "needle = 'by .gitignore'\n",
        ".hidden/.config": "needle = 'hidden'\n",
        ".ripgreprc": "--max-count=1\n--ignore-case\n",
        ".gitattributes": "*.dat diff\n*.py binary\n*.txt text eol=crlf\n",
        "a-b.py": "needle = 1\n",
        "a.py": "needle = 2\nNeedle = 3\n  needle = 4\n",
        "a/b.py": "needle = 5\n",
        "B.py": "needle = 6",
        "binary.dat": b"needle\n\0\n",
        "late.dat": b"needle\n" + b"." * 9_000 + b"\0needle\n",
        "windows.txt": "needle\r\n",
        "latin.txt": "Grüße needle\n".encode("latin-1"),
        "utf16.txt": "needle\n".encode("utf-16"),
        "bom.txt": "\ufeffneedle\n",
        "grüße/naïve file.txt": "needle [a-z]+ (x) \\d $ ^ .*\n",
        "colon:12:x.py": "needle\n",
        "-e.py": "--pre=touch needle\n",
        "long.txt": "x" * 900 + "needle\n",
    },
    "Traps",
    ANN,
    1,
    links={"way-out": "/etc", "link.py": "a.py", "secret": "/etc/passwd"},
)


def engine_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this engine answers."""
    if name == "git":
        monkeypatch.setattr(searching, "ripgrep", lambda: None)
    elif searching.ripgrep() is None:
        pytest.skip("ripgrep is not here; code is searched with git alone")
    else:
        monkeypatch.delattr(searching, "with_git")


@pytest.fixture(params=["git", "ripgrep"])
def checkout(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Checkout]:
    """The traps at their commit, with one change and what a careless tool may have left."""
    engine_is(request.param, monkeypatch)
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", str(tmp_path / "ripgreprc"))
    (tmp_path / "ripgreprc").write_text("--max-count=1\n--files-without-match\n")
    repository = bare_repository(tmp_path / "traps", [TRAPS])
    own = {"DATA_DIR": tmp_path / "data", "SCM": {"local": {"ROOTS": [str(tmp_path)]}}}
    with override_settings(AUTOFIX={**settings.AUTOFIX, **own}):
        pins = pin_repositories([repository], "")
        with open_workspace("session", [repository], pins, []) as checkouts:
            checkout = checkouts[repository.name]
            checkout.write("new/notes.log", "needle in a new file\n")
            (checkout.root / "later").symlink_to(tmp_path)
            yield checkout


def test_every_line_of_every_text_file(checkout: Checkout) -> None:
    """Ignored and hidden files, odd names, line ends and encodings, new files; not binary ones, and nothing behind links."""
    long = "x" * searching.MAX_LINE
    assert checkout.search("needle") == [
        Match("-e.py", 1, "--pre=touch needle"),
        Match(".hidden/.config", 1, "needle = 'hidden'"),
        Match("B.py", 1, "needle = 6"),
        Match("a-b.py", 1, "needle = 1"),
        Match("a.py", 1, "needle = 2"),
        Match("a.py", 3, "  needle = 4"),
        Match("a/b.py", 1, "needle = 5"),
        Match("bom.txt", 1, "\ufeffneedle"),
        Match("colon:12:x.py", 1, "needle"),
        Match("grüße/naïve file.txt", 1, "needle [a-z]+ (x) \\d $ ^ .*"),
        Match("ignored.py", 1, "needle = 'by .gitignore'"),
        Match("late.dat", 1, "needle"),
        Match("late.dat", 2, "." * searching.MAX_LINE),
        Match("latin.txt", 1, "Gr\ufffd\ufffde needle"),
        Match("long.txt", 1, long),
        Match("new/notes.log", 1, "needle in a new file"),
        Match("windows.txt", 1, "needle\r"),
    ]


@pytest.mark.parametrize(
    ("pattern", "under", "paths"),
    [
        ("needle", "a", ["a/b.py"]),
        ("needle", "a.py", ["a.py", "a.py"]),
        ("needle", "*.py", []),
        ("needle", "nowhere", []),
        ("needle", "later", []),
        ("needle", "later/traps", []),
        ("needle", ".hidden", [".hidden/.config"]),
        ("[a-z]+ (x) \\d $ ^ .*", "", ["grüße/naïve file.txt"]),
        ("Gr\u00fc\u00dfe", "", []),
        ("--pre=touch", "", ["-e.py"]),
        ("-v", "", []),
        ("root:", "", []),
    ],
)  # fmt: skip
def test_plain_text_below_a_place(checkout: Checkout, pattern: str, under: str, paths: list[str]) -> None:
    """A pattern is no expression and no option, a place no pattern and no way out."""
    assert [match.path for match in checkout.search(pattern, under=under)] == paths


def test_the_first_ones(checkout: Checkout) -> None:
    """However many threads look, a limit keeps the first lines by path."""
    assert checkout.search("needle", limit=4) == checkout.search("needle")[:4]


def test_what_ripgrep_cannot_promise_is_asked_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old or broken ripgrep changes no answer, and neither does very much output."""
    repository = bare_repository(
        tmp_path / "traps", [TRAPS, Snapshot({"much.txt": "needle\n" * 200_000}, "Much")]
    )
    own = {"DATA_DIR": tmp_path / "data", "SCM": {"local": {"ROOTS": [str(tmp_path)]}}}
    broken = tmp_path / "rg"
    broken.write_text("#!/bin/sh\necho 'a.py'\nexit 2\n")
    broken.chmod(0o755)
    answers = []
    with override_settings(AUTOFIX={**settings.AUTOFIX, **own}):
        pins = pin_repositories([repository], "")
        with open_workspace("session", [repository], pins, []) as checkouts:
            for program in (None, searching.ripgrep(), str(broken)):
                monkeypatch.setattr(searching, "ripgrep", lambda program=program: program)
                answers.append(checkouts[repository.name].search("needle", limit=100))
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 100

"""Lines of a worktree that hold a text: asked of ripgrep where it is there, else of git; both give the same answer.

The same to the letter, or an investigation would depend on the machine that it ran on. So ripgrep is told to skip nothing that
git does not skip, and is asked for plain text only: its regular expressions are others than git's.
"""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from itertools import islice
from pathlib import Path

from autofix.exceptions import EditRefused
from autofix.explorer.text import Match
from autofix.redaction import redact
from autofix.scm.git import Git
from autofix.scm.paths import confined
from autofix.scm.processes import execute

MAX_LINE = 400
MAX_OUTPUT = 1024 * 1024
TIMEOUT_S = 20
GIT = ("grep", "-n", "-I", "-z", "--no-color", "--no-recurse-submodules")
# Nothing of this user's and nothing of the repository's decides what is searched; bytes are searched; printed as git prints.
RIPGREP = (
    "--no-config", "--no-ignore", "--hidden", "--no-follow", "--text", "--encoding", "none", "--case-sensitive",
    "--fixed-strings", "--null", "--field-match-separator", "\\x00", "--no-heading", "--with-filename", "--line-number",
    "--color", "never",
)  # fmt: skip
LOOKED_AT = 8_000
"""So many bytes git looks at for a NUL, which makes a file binary."""
_LINE = re.compile(rb"([^\0]+)\0(\d+)\0(.*)\n")


@cache
def ripgrep() -> str | None:
    """Where ripgrep is; None when it is not here."""
    return shutil.which("rg")


def search(tree: Git, pattern: str, *, regex: bool, under: str, limit: int) -> list[Match]:
    """The first lines of text files in the whole worktree, by path; EditRefused, PathRefused."""
    wanted, place = criterion(pattern, regex=regex), confined(under) if under else ""
    found = None if regex else with_ripgrep(tree, pattern, place)
    return matches(with_git(tree, wanted, place) if found is None else found, limit)


def criterion(pattern: str, *, regex: bool) -> tuple[str, ...]:
    """What ``git grep`` is to look for; EditRefused when it is not one line."""
    if not pattern or "\n" in pattern or "\0" in pattern:
        raise EditRefused("A search pattern is one line, not empty.")
    return ("-E" if regex else "-F", "-e", pattern)


def matches(printed: bytes, limit: int, *, prefix: str = "") -> list[Match]:
    """The first lines that ``git grep -n -z`` printed."""
    return [
        Match(_text(row[1]).removeprefix(prefix), int(row[2]), _shown(_text(row[3])))
        for row in islice(_LINE.finditer(printed), limit)
    ]


def _shown(line: str) -> str:
    """Its beginning when it is long, with secrets blanked: half of one could not be told."""
    return line if len(line) <= MAX_LINE else redact(line)[:MAX_LINE]


def with_git(tree: Git, wanted: tuple[str, ...], under: str) -> bytes:
    """What git prints; the end of very much is cut off."""
    return tree.run(
        *GIT, "--untracked", "--no-exclude-standard", *wanted, "--", *([under] if under else []),
        accept=(0, 1), cut=True, limit=MAX_OUTPUT, timeout_s=TIMEOUT_S, failure=EditRefused,
    ).stdout  # fmt: skip


def with_ripgrep(tree: Git, pattern: str, under: str) -> bytes | None:
    """The same from ripgrep; None when it is not here, too old, failed, or would have to be cut."""
    program, folder = ripgrep(), _folder(tree)
    if program is None:
        return None
    if not _is_inside(folder, under):
        return b""
    command = [program, *RIPGREP, "-e", pattern, "--", f"./{under}"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    output, _ = execute(command, environment, folder, timeout_s=TIMEOUT_S, limit=MAX_OUTPUT)
    if output is None or output.truncated or output.code not in (0, 1):
        return None
    # Its threads print files as they are done with them.
    found: dict[bytes, list[bytes]] = {}
    for row in _LINE.finditer(output.stdout):
        found.setdefault(row[1].removeprefix(b"./"), []).append(row[0].removeprefix(b"./"))
    return b"".join(
        line for path in sorted(found) if not _is_binary(folder / os.fsdecode(path)) for line in found[path]
    )


def _folder(tree: Git) -> Path:
    if tree.work_tree is None:
        raise ValueError("A store without a worktree cannot be searched here.")
    return tree.work_tree


def _is_inside(folder: Path, under: str) -> bool:
    """Is there such a place, without going through a link? Ripgrep would follow the ones that it is given."""
    place = folder / under
    return place.exists() and place.resolve() == folder.resolve() / under


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(LOOKED_AT)


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace")

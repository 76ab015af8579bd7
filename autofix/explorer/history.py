"""Who changed what, and when: git's history up to a pin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autofix.exceptions import EditRefused, RepositoryUnavailable
from autofix.scm.git import Git, checked_sha

MAX_SHOWN = 64 * 1024
MAX_COMMITS = 200
HISTORY_TIMEOUT_S = 30
_FORMAT = "--format=%H%x00%an%x00%ae%x00%cs%x00%B"
_FIELDS = 5


@dataclass(frozen=True)
class Commit:
    """A commit: full sha, author, date as YYYY-MM-DD, whole message."""

    sha: str
    author_name: str
    author_email: str
    committed_date: str
    message: str


@dataclass(frozen=True)
class BlameLine:
    """A line (counted from 1, at the pin) and the commit that wrote it."""

    line: int
    text: str
    commit: Commit


def blame(store: Git, sha: str, path: str, start: int, end: int) -> list[BlameLine]:
    """The lines from ``start`` to ``end``, which must exist, each with its commit; none when ``end`` is before ``start``."""
    if end < start:
        return []
    printed = store.run(
        "blame", "--porcelain", f"-L{start},{end}", checked_sha(sha), "--", path, timeout_s=HISTORY_TIMEOUT_S
    ).text
    # Header: sha, original line, final line. The line itself follows after a tab.
    pattern = re.compile(
        r"^([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?\n(?:[^\t\n][^\n]*\n)*\t([^\n]*)$", re.MULTILINE
    )
    found = [(match[1], int(match[2]), match[3]) for match in pattern.finditer(printed)]
    commits = {commit.sha: commit for commit in _commits(store, [name for name, _, _ in found])}
    return [BlameLine(line, text, commits[name]) for name, line, text in found]


def log(
    store: Git, sha: str, path: str, *, lines: tuple[int, int] | None, containing: str, limit: int
) -> list[Commit]:
    """The newest commits up to ``sha``, newest first."""
    if lines is not None and lines[1] < lines[0]:
        return []
    options = [f"--max-count={max(1, min(limit, MAX_COMMITS))}"]
    if lines is not None:
        options += [f"-L{lines[0]},{lines[1]}:{path}", "--no-patch"]
    if containing:
        options.append(f"-S{containing}")
    paths = [path] if path and lines is None else []
    return _parsed(
        store.run(
            "log", "-z", _FORMAT, *options, checked_sha(sha), "--", *paths,
            timeout_s=HISTORY_TIMEOUT_S, failure=EditRefused,
        ).text
    )  # fmt: skip


def show(store: Git, sha: str, path: str) -> str:
    """One commit as text: message and patch, cut at 64 KiB."""
    if re.fullmatch(r"[0-9a-f]{7,64}", sha) is None:
        raise RepositoryUnavailable("A commit is named by 7 or more hexadecimal digits.")
    shown = store.run(
        "show", "--no-color", "--no-ext-diff", "--no-textconv", "--format=medium", "--stat", "--patch",
        "--end-of-options", f"{sha}^{{commit}}", "--", *([path] if path else []),
        cut=True, limit=MAX_SHOWN, timeout_s=HISTORY_TIMEOUT_S,
    )  # fmt: skip
    return f"{shown.text}\n[cut here; ask for one of its paths]" if shown.truncated else shown.text


def _commits(store: Git, shas: Sequence[str]) -> list[Commit]:
    names = dict.fromkeys(shas)
    return _parsed(store.run("log", "--no-walk=unsorted", "-z", _FORMAT, *names).text) if names else []


def _parsed(printed: str) -> list[Commit]:
    fields = printed.split("\0")
    rows = zip(*(fields[place::_FIELDS] for place in range(_FIELDS)), strict=False)
    return [Commit(sha, name, email, date, message.strip()) for sha, name, email, date, message in rows]

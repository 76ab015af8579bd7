"""What the history says of lines: who wrote them, and which words a commit took away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from unidiff import PatchSet, UnidiffParseError
from unidiff.patch import Hunk as DiffHunk
from unidiff.patch import Line as DiffLine

from autofix.exceptions import WorkFailed
from autofix.explorer.agents.offline.evidence import CodeFile
from autofix.explorer.workspace import Checkout, Commit


@dataclass(frozen=True)
class Change:
    """Lines of one file that a commit replaced. ``after``: what follows them; ``beside``: all lines added close by."""

    path: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    after: tuple[str, ...]
    beside: tuple[str, ...]


def blame(file: CodeFile, start: int, end: int) -> list[Commit]:
    """The commits of these lines, the one of most lines first (of equal ones the newest)."""
    last = len(file.lines) - (1 if file.lines and not file.lines[-1] else 0)
    if not 0 < start <= min(end, last):
        return []
    try:
        lines = file.checkout.blame(file.path, start, min(end, last))
    except (WorkFailed, OSError, ValueError):
        return []
    counted: dict[str, tuple[int, Commit]] = {}
    for line in lines:
        counted[line.commit.sha] = (counted.get(line.commit.sha, (0, line.commit))[0] + 1, line.commit)
    ranked = sorted(counted.values(), key=lambda pair: (pair[0], pair[1].committed_date), reverse=True)
    return [commit for _, commit in ranked]


def log(checkout: Checkout, path: str = "", *, containing: str = "", limit: int = 20) -> list[Commit]:
    """The newest commits first; those that changed how often ``containing`` occurs, when it is given."""
    try:
        return checkout.log(path, containing=containing, limit=limit)
    except (WorkFailed, OSError, ValueError):
        return []


def changes(checkout: Checkout, sha: str, path: str = "") -> list[Change]:
    """What the commit changed, run by run; empty where the commit cannot be read or is too large to show."""
    try:
        text = checkout.show(sha, path=path)
    except (WorkFailed, OSError, ValueError):
        return []
    start = text.find("diff --git ")
    try:
        patches = PatchSet(text[start:]) if start >= 0 else ()
    except UnidiffParseError:
        return []
    return [change for patch in patches for hunk in patch for change in _runs(patch.path, hunk)]


def _runs(path: str, hunk: DiffHunk) -> Iterator[Change]:
    runs = [(stays, list(rows)) for stays, rows in groupby(hunk, key=lambda row: row.is_context)]
    beside = _texts(row for row in hunk if row.is_added)
    for index, (stays, rows) in enumerate(runs):
        if not stays:
            after = runs[index + 1][1] if index + 1 < len(runs) else []
            removed, added = (row for row in rows if row.is_removed), (row for row in rows if row.is_added)
            yield Change(path, _texts(removed), _texts(added), _texts(after), beside)


def _texts(rows: Iterable[DiffLine]) -> tuple[str, ...]:
    return tuple(row.value.rstrip("\n") for row in rows)


def is_newer(checkout: Checkout, sha: str, than: str) -> bool:
    """Does ``sha`` come after ``than`` in the history of the pin?"""
    order = [commit.sha for commit in log(checkout, limit=2_000)]
    return sha in order and than in order and order.index(sha) < order.index(than)


def taken_away(file: CodeFile, line: int, word: str) -> list[tuple[Commit, str]]:
    """Commits newer than this line that took ``word`` out of other lines, each with the path that it was taken out of."""
    written = blame(file, line, line)
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    found = []
    for commit in log(file.checkout, containing=word, limit=5) if written else []:
        if not is_newer(file.checkout, commit.sha, written[0].sha):
            break
        for change in changes(file.checkout, commit.sha):
            if any(whole.search(row) for row in change.removed) and not any(
                whole.search(row) for row in change.added
            ):
                found.append((commit, change.path))
                break
    return found

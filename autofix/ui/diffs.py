"""A file's change for reading: hunks of groups, each with what was there on its left and what is there now on its right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from unidiff import Hunk, PatchSet
from unidiff.errors import UnidiffParseError

from autofix.run_views import PatchView
from autofix.ui.highlighting import CodeLine, coloured, plain
from autofix.ui.line_changes import marked_pair
from autofix.ui.text import visible

TYPES: Final = {"A": "added", "M": "modified", "D": "deleted"}
MOST_LINES: Final = 2_000


@dataclass(frozen=True)
class DiffLine:
    """A line of a diff. ``sign``: ``-``, ``+`` or a space; ``number`` in the old file left, in the new one right."""

    number: int | None
    sign: str
    code: CodeLine


@dataclass(frozen=True)
class Group:
    """Lines that changed together, or that stayed (``changed`` False; both sides are equal)."""

    changed: bool
    left: list[DiffLine]
    right: list[DiffLine]


@dataclass(frozen=True)
class FileDiff:
    """One file's change. ``hunks`` empty: it could not be read as a diff, ``raw`` has its lines."""

    repo_name: str
    path: str
    type: str
    added: int
    removed: int
    hunks: list[tuple[str, list[Group]]]
    raw: list[CodeLine]
    is_cut: bool = False


def file_diff(repo_name: str, patch: PatchView) -> FileDiff:
    """The change as the page shows it; of a very long one the beginning."""
    lines = patch.diff.splitlines()
    facts = (visible(repo_name), visible(patch.path), TYPES[patch.type], patch.added, patch.removed)
    if len(lines) > MOST_LINES:
        return FileDiff(*facts, hunks=[], raw=plain(lines[:MOST_LINES]), is_cut=True)
    try:
        hunks = [hunk for file in PatchSet(patch.diff) for hunk in file]
    except (UnidiffParseError, ValueError):
        hunks = []
    shown = [(visible(hunk.section_header or ""), _groups(hunk, patch.path)) for hunk in hunks]
    return FileDiff(*facts, hunks=shown, raw=[] if shown else plain(lines))


def _groups(hunk: Hunk, path: str) -> list[Group]:
    rows = [line for line in hunk if line.line_type in " +-"]
    old = iter(_coloured([line.value for line in rows if not line.is_added], path))
    new = iter(_coloured([line.value for line in rows if not line.is_removed], path))
    groups = []
    for stays, run in groupby(rows, key=lambda line: line.is_context):
        lines = list(run)
        left = [
            DiffLine(line.source_line_no, line.line_type, next(old)) for line in lines if not line.is_added
        ]
        right = [
            DiffLine(line.target_line_no, line.line_type, next(new)) for line in lines if not line.is_removed
        ]
        groups.append(Group(not stays, *(left, right) if stays else _compared(left, right)))
    return groups


def _compared(left: list[DiffLine], right: list[DiffLine]) -> tuple[list[DiffLine], list[DiffLine]]:
    """Lines that were changed one for one say where."""
    if len(left) != len(right):
        return left, right
    pairs = [marked_pair(old.code, new.code) for old, new in zip(left, right, strict=True)]
    return (
        [replace(line, code=old) for line, (old, _) in zip(left, pairs, strict=True)],
        [replace(line, code=new) for line, (_, new) in zip(right, pairs, strict=True)],
    )


def _coloured(values: Sequence[str], path: str) -> list[CodeLine]:
    # One text, so that a string over several lines is one string; line ends go, they are not the code's colour.
    return coloured("\n".join(value.rstrip("\r\n") for value in values), path)

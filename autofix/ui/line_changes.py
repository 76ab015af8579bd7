"""Where two versions of a line differ, so that the eye finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from autofix.ui.highlighting import CodeLine, Piece

MARK: Final = "ch"
# Lines that share less than this are two lines, not two versions of one.
LEAST_SHARED: Final = 0.4


def marked_pair(old: CodeLine, new: CodeLine) -> tuple[CodeLine, CodeLine]:
    """Both lines, with the class ``ch`` on what only one of them has; as they were when they have too little in common."""
    before, after = _text(old), _text(new)
    ahead = _alike(before, after)
    behind = _alike(before[ahead:][::-1], after[ahead:][::-1])
    shared = before[:ahead].strip() + before[len(before) - behind :].strip()
    if before == after or len(shared) < LEAST_SHARED * max(len(before.strip()), len(after.strip())):
        return old, new
    return _marked(old, ahead, len(before) - behind), _marked(new, ahead, len(after) - behind)


def _text(code: CodeLine) -> str:
    return "".join(piece.text for piece in code)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))


def _marked(code: CodeLine, begin: int, end: int) -> CodeLine:
    return tuple(_cut_at(code, begin, end))


def _cut_at(code: CodeLine, begin: int, end: int) -> Iterator[Piece]:
    at = 0
    for piece in code:
        first, last = max(begin - at, 0), max(end - at, 0)
        for text, kind in (
            (piece.text[:first], piece.kind),
            (piece.text[first:last], f"{piece.kind} {MARK}".strip()),
            (piece.text[max(first, last) :], piece.kind),
        ):
            if text:
                yield Piece(kind, text)
        at += len(piece.text)

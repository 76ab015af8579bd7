"""Code in colour: pygments' tokens as short classes, line by line. The text itself is escaped by the templates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound

from autofix.ui.text import cut, visible

# Lexers are regular expressions over text from strangers: what is large stays plain.
MOST: Final = 60_000
LONGEST_LINE: Final = 1_000
CLASSES: Final[tuple[tuple[_TokenType, str], ...]] = (
    (Comment, "c"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (String, "s"),
    (Number, "m"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
    (Name.Builtin, "b"),
)


@dataclass(frozen=True)
class Piece:
    """A stretch of code in one colour; ``kind`` empty: none."""

    kind: str
    text: str


CodeLine = tuple[Piece, ...]


def coloured(text: str, path: str) -> list[CodeLine]:
    """The text's lines, each in coloured pieces; plain where the language is not known or the text is too large."""
    text = visible(text)
    lines = text.split("\n")
    lexer = _lexer(path.rpartition("/")[2])
    if lexer is None or len(text) > MOST or max(map(len, lines)) > LONGEST_LINE:
        return [(Piece("", cut(line)),) for line in lines]
    found: list[list[Piece]] = [[]]
    for token, value in lexer.get_tokens(text):
        kind = _kind(token)
        first, *others = value.split("\n")
        _add(found[-1], kind, first)
        for part in others:
            found.append([])
            _add(found[-1], kind, part)
    found += [[] for _ in range(len(lines) - len(found))]
    return [tuple(pieces) for pieces in found[: len(lines)]]


def _add(pieces: list[Piece], kind: str, text: str) -> None:
    if not text:
        return
    if pieces and (pieces[-1].kind == kind or text.isspace()):
        pieces[-1] = Piece(pieces[-1].kind, pieces[-1].text + text)
    else:
        pieces.append(Piece(kind, text))


def _kind(token: _TokenType) -> str:
    return next((word for kind, word in CLASSES if token in kind), "")


@lru_cache(maxsize=256)
def _lexer(name: str) -> Lexer | None:
    try:
        return get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def plain(texts: Iterable[str]) -> list[CodeLine]:
    """The lines without colour."""
    return [(Piece("", cut(text)),) for text in texts]

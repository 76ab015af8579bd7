"""The code that a citation points at, with the lines around it, from the mirror of the repository."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from pydantic import ValidationError

from autofix.artifact_schemas import Citation
from autofix.exceptions import AutofixError
from autofix.explorer.workspace import read_pinned
from autofix.hosts import RepositoryRef
from autofix.scm import mirrors
from autofix.ui.highlighting import CodeLine, coloured
from autofix.ui.text import cut, visible

logger = logging.getLogger(__name__)
# Pointers into an event in the words of people; what is matched in parentheses is the name of something.
EVENT_PLACES: Final = (
    (re.compile(r"/exception/values/\d+/type"), "The exception's type"),
    (re.compile(r"/exception/values/\d+/value"), "The exception's message"),
    (re.compile(r"/exception/values/\d+/stacktrace/frames/\d+/vars/([^/]+)"), "Local variable {}"),
    (re.compile(r"/exception/values/\d+/stacktrace/frames/\d+/(\w+)"), "A frame's {}"),
    (re.compile(r"/exception/values/\d+/mechanism/(\w+)"), "The mechanism's {}"),
    (re.compile(r"/(?:tags|contexts|extra|request)/(.+)"), "{}"),
    (re.compile(r"/breadcrumbs/.+"), "Before it happened"),
)
AROUND: Final = 4
MOST_CITED: Final = 60
PEEK: Final = 160


@dataclass(frozen=True)
class ExcerptLine:
    """A line of a file; ``cited``: it is one of those that prove the claim."""

    number: int
    code: CodeLine
    cited: bool


@dataclass(frozen=True)
class Evidence:
    """A citation for reading. ``lines`` empty: it is no code, or the code is not on this machine; the quote is always there.
    ``is_telling``: the first one with code, which the page unfolds. ``exact``: the pointer that ``place`` puts in words.
    """

    place: str
    quote: str
    lines: tuple[ExcerptLine, ...]
    exact: str = ""
    is_telling: bool = False

    @property
    def peek(self) -> str:
        """What the quote begins with, beside the folded place."""
        return " ".join(self.quote[:PEEK].split())


def evidence(
    citations: Sequence[Mapping[str, Any]], repositories: Mapping[str, RepositoryRef], pins: Mapping[str, str]
) -> list[Evidence]:
    """The citations of an artifact, each with its code where it can be shown."""
    found = []
    for given in citations:
        try:
            citation = Citation.model_validate(given)
        except ValidationError:
            continue  # an artifact of an older version, or a remote explorer's liberties
        exact = visible(citation.pointer) if citation.kind == "event" else ""
        found.append(
            Evidence(_place(citation), cut(citation.quote), _lines(citation, repositories, pins), exact)
        )
    telling = next((index for index, shown in enumerate(found) if shown.lines), 0)
    return [replace(shown, is_telling=index == telling) for index, shown in enumerate(found)]


def _place(citation: Citation) -> str:
    if citation.kind == "event":
        return visible(event_place(citation.pointer))
    last = f"-{citation.end_line}" if citation.end_line and citation.end_line != citation.start_line else ""
    return f"{visible(citation.path)}:{citation.start_line or '?'}{last}"


def event_place(pointer: str) -> str:
    """Where in the event, in words; the pointer itself where there are none."""
    for pattern, words in EVENT_PLACES:
        if found := pattern.fullmatch(pointer):
            name = found[1].replace("~1", "/").replace("~0", "~") if found.groups() else ""
            return words.format(name)
    return pointer


def _lines(
    citation: Citation, repositories: Mapping[str, RepositoryRef], pins: Mapping[str, str]
) -> tuple[ExcerptLine, ...]:
    repository, sha = repositories.get(citation.repo_name), pins.get(citation.repo_name)
    if citation.kind != "code" or repository is None or sha is None or citation.start_line is None:
        return ()
    first = citation.start_line
    last = min(max(citation.end_line or first, first), first + MOST_CITED)
    try:
        return _excerpt(repository, sha, citation.path, first, last)
    except (AutofixError, ValueError, OSError) as exc:
        logger.info("no excerpt of %r at %s: %s", citation.path, sha, exc)
        return ()


@lru_cache(maxsize=1_024)  # what is at a commit never changes
def _excerpt(
    repository: RepositoryRef, sha: str, path: str, first: int, last: int
) -> tuple[ExcerptLine, ...]:
    if not mirrors.holds(repository, sha):
        raise FileNotFoundError("no mirror here")  # a page does not wait for a network
    text = read_pinned(repository, sha, path)
    if text is None:
        raise FileNotFoundError(path)
    lines = coloured(text, path)
    begin, end = max(first - AROUND, 1), min(last + AROUND, len(lines))
    return tuple(
        ExcerptLine(number, lines[number - 1], first <= number <= last) for number in range(begin, end + 1)
    )

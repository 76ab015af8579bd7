"""Do citations hold? A quote must be found at the place that it names: pure, never raises on what an agent wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autofix.artifact_schemas import Citation
from autofix.exceptions import PathRefused
from autofix.fences import visible
from autofix.redaction import redact

ReadCode = Callable[[str, str], str | None]
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


def unresolved(
    citations: Sequence[Citation], *, read_code: ReadCode, event: Mapping[str, Any] | None
) -> list[str]:
    """One sentence per citation whose quote is not found at its place.

    ``read_code(repo_name, path)`` gives a file's text at the pin, None when there is none (it may raise PathRefused or
    ValueError for what is no readable file); ``event`` is the raw event.
    """
    problems = []
    for number, citation in enumerate(citations, start=1):
        problem = (
            _code_problem(citation, read_code) if citation.kind == "code" else _event_problem(citation, event)
        )
        if problem:
            problems.append(f"Citation {number}: {problem}")
    return problems


def _code_problem(citation: Citation, read_code: ReadCode) -> str:
    where = f"{citation.repo_name}:{citation.path}"
    if citation.start_line is None:
        return f"{where} needs start_line and end_line."
    end_line = citation.end_line or citation.start_line
    try:
        text = read_code(citation.repo_name, citation.path)
    except (PathRefused, ValueError):
        text = None
    if text is None:
        return f"{where} is no text file at the pinned commit."
    lines = _lines(text)
    if not citation.start_line <= end_line <= len(lines):
        return f"{where} has {len(lines)} lines; {citation.start_line} to {end_line} are not among them."
    if not _holds("\n".join(lines[citation.start_line - 1 : end_line]), citation.quote):
        return f"the quote is not found in lines {citation.start_line} to {end_line} of {where}."
    return ""


def _lines(text: str) -> list[str]:
    """The lines, split where git splits them; trailing white space and the kind of line end do not count."""
    return [line.rstrip() for line in text.removesuffix("\n").split("\n")]


def _holds(text: str, quote: str) -> bool:
    # An artifact's strings are trimmed, so that the quote's first line has lost its indentation.
    wanted = "\n".join(_lines(quote)).strip()
    return bool(wanted) and (wanted in text or _as_shown(wanted) in _as_shown(text))


def _as_shown(text: str) -> str:
    """As who quotes may have seen it: secrets blanked, and what nobody sees spelt out."""
    return visible(redact(text))


def _event_problem(citation: Citation, event: Mapping[str, Any] | None) -> str:
    try:
        value = value_at({} if event is None else event, citation.pointer)
    except LookupError:
        return f"the event has nothing at {citation.pointer!r}."
    if not any(_holds("\n".join(_lines(form)), citation.quote) for form in _forms(value)):
        return f"the quote is not found at {citation.pointer!r} in the event."
    return ""


def value_at(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) names in the document; LookupError where there is nothing."""
    if pointer and not pointer.startswith("/"):
        raise LookupError(pointer)
    value = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            raise LookupError(pointer)
    return value


def _forms(value: Any) -> list[str]:
    """How the value may be quoted: a string as it is, anything else as JSON, spaced or compact."""
    if isinstance(value, str):
        return [value]
    try:
        return [
            json.dumps(value, ensure_ascii=False),
            json.dumps(value, ensure_ascii=False, separators=(",", ":")),
        ]
    except (TypeError, ValueError, RecursionError):
        return []

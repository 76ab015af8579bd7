"""Citations: the very lines and values that a statement rests on. One that would not hold is not made."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autofix.artifact_schemas import MAX_TEXT, Citation
from autofix.citations import unresolved
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence
from autofix.explorer.agents.offline.wording import is_storable

MAX_QUOTED_LINES = 12


def of_code(file: CodeFile, start: int, end: int) -> list[Citation]:
    """Lines at the pin; nothing for lines that are blank, missing or too long to quote."""
    end = min(end, start + MAX_QUOTED_LINES - 1, len(file.lines))
    quote = "\n".join(line.rstrip() for line in file.lines[start - 1 : end]).strip() if start > 0 else ""
    if not quote or len(quote) > MAX_TEXT or not is_storable(quote):
        return []
    cited = Citation(
        kind="code", repo_name=file.checkout.name, path=file.path, start_line=start, end_line=end, quote=quote
    )
    return [] if unresolved([cited], read_code=lambda _repo, _path: file.source, event=None) else [cited]


def of_exception(evidence: Evidence) -> list[Citation]:
    """The raised exception's type and message in the raw event."""
    raised = evidence.exception
    if raised is None:
        return []
    return [
        *_value(evidence, f"{raised.pointer}/type", raised.type),
        *_value(evidence, f"{raised.pointer}/value", raised.value),
    ]


def of_locals(evidence: Evidence, names: Sequence[str]) -> list[Citation]:
    """Plain locals of the failing frame in the raw event."""
    frame = evidence.failing.frame if evidence.failing else None
    plain = [name for name in names if re.fullmatch(r"\w{1,100}", name)] if frame else []
    return [
        cited
        for name in plain
        if frame
        for cited in _value(evidence, f"{frame.pointer}/vars/{name}", frame.variables.get(name))
    ]


def of_message(evidence: Evidence) -> list[Citation]:
    """What an event without exception says."""
    event = evidence.event
    if event is None:
        return []
    places = ("/message", "/logentry/formatted", "/logentry/message", "/logentry")
    return next((found for place in places if (found := _value(evidence, place, event.message))), [])


def _value(evidence: Evidence, pointer: str, value: object) -> list[Citation]:
    if evidence.event is None or not isinstance(value, str) or not value.strip() or not is_storable(value):
        return []
    cited = Citation(kind="event", pointer=pointer, quote=value.strip()[:MAX_TEXT])
    return (
        [] if unresolved([cited], read_code=lambda _repo, _path: None, event=evidence.event.raw) else [cited]
    )

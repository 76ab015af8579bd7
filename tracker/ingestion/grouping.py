"""Which events belong to one issue, and what it is called."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from autofix.hosts import Event, ExceptionInfo, Frame
from autofix.hosts.coercion import items, mapping, text

DEFAULT: Final = ("{{ default }}", "{{default}}")
MAX_TITLE: Final = 255
UNTITLED: Final = "<no message>"


def grouping_hash(event: Event) -> str:
    """The same for events of one issue: the SDK's fingerprint, else exception types and in-app frames."""
    fingerprint = [text(part) for part in items(event.raw.get("fingerprint"))] or [DEFAULT[0]]
    parts: list[Any] = [_default(event) if part in DEFAULT else part for part in fingerprint]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _default(event: Event) -> list[Any]:
    if event.exceptions:
        return [[exception.type, *_places(exception)] for exception in event.exceptions]
    # The template, where the SDK sends it, is the same for every "user 17 not found".
    return [_template(event.raw) or event.message or UNTITLED]


def _places(exception: ExceptionInfo) -> list[list[str]]:
    """Each place once: how deep a recursion went makes no other issue. Without frames, what was said."""
    frames = [frame for frame in exception.frames if frame.in_app] or exception.frames
    places = list(dict.fromkeys((frame.module or frame.filename, frame.function) for frame in frames))
    return [list(place) for place in places] or [[exception.value]]


def _template(raw: dict[str, Any]) -> str:
    return text(mapping(raw.get("logentry")).get("message")) or text(
        mapping(raw.get("message")).get("message")
    )


def title(event: Event) -> str:
    """One line: the raised exception with its message, else the message."""
    raised = event.raised
    said = _first_line(raised.value if raised else event.message)
    if raised and raised.type:
        said = f"{raised.type}: {said}" if said else raised.type
    return said[:MAX_TITLE] or UNTITLED


def _first_line(value: str) -> str:
    return next(iter(value.strip().splitlines()), "")


def culprit(event: Event) -> str:
    """Where it went wrong: the transaction, else the frame that raised it; "" when neither is known."""
    frame = event.raised.raising_frame if event.raised else None
    return (event.transaction or (_place(frame) if frame else ""))[:MAX_TITLE]


def _place(frame: Frame) -> str:
    where = frame.module or frame.filename
    return f"{where} in {frame.function}" if where and frame.function else where or frame.function

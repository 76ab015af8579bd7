"""Tools that read what the host knows of the issue. All of it comes from strangers."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field

from autofix.citations import value_at
from autofix.explorer.tools.answers import lines, tool
from autofix.explorer.tools.toolbox import Toolbox
from autofix.hosts import Event, Frame
from autofix.redaction import redact

MAX_FRAMES = 60
MAX_VALUE = 300
MAX_EVENTS = 50
MAX_PART = 30_000


@tool
def event_overview(toolbox: Toolbox) -> str:
    """The exceptions with their frames (cause first, raised last), the breadcrumbs and the tags of the event."""
    event = toolbox.event()
    return lines(_overview(event), "The event is empty.") if event else "The issue has no event yet."


@tool
def event_value(toolbox: Toolbox, pointer: str, from_character: Annotated[int, Field(ge=0)] = 0) -> str:
    """What the event as sent has at a JSON pointer; this is what event citations point into. Long values come in parts."""
    event = toolbox.event()
    try:
        value = value_at(event.raw if event else {}, pointer)
    except LookupError:
        return f"The event has nothing at {pointer!r}."
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_PART:
        text = redact(text)  # before it is parted: half a secret could not be told
    end = from_character + MAX_PART
    more = f"\n[{len(text) - end} more; ask from_character {end}]" if end < len(text) else ""
    return text[from_character:end] + more or f"It has {len(text)} characters, and none from there on."


@tool
def tag_distribution(toolbox: Toolbox) -> str:
    """How often each tag has which value among the issue's events."""
    return lines(
        (
            f"{tag}: " + ", ".join(f"{value.value} ({value.count})" for value in values)
            for tag, values in toolbox.tag_distribution().items()
        ),
        "There are no tags.",
    )


@tool
def recent_events(toolbox: Toolbox, limit: Annotated[int, Field(ge=1, le=MAX_EVENTS)] = 10) -> str:
    """The newest events, one a line."""
    found = toolbox.events(limit=limit + 1)
    told = [
        f"{event.timestamp} {event.release} {event.environment} {event.message}" for event in found[:limit]
    ]
    more = "ask with a higher limit" if limit < MAX_EVENTS else "tag_distribution sums them up"
    return lines([*told, *([f"[more; {more}]"] if len(found) > limit else [])], "There are no events.")


@tool
def similar_issues(toolbox: Toolbox) -> str:
    """Issues that look alike, most alike first."""
    return lines(
        (f"{issue.short_id} {issue.title}" for issue in toolbox.similar_issues()),
        "No similar issue is known.",
    )


def _overview(event: Event) -> list[str]:
    told = [f"release {event.release or '-'}, environment {event.environment or '-'}, level {event.level}"]
    for exception in event.exceptions:
        told.append(f"{exception.type}: {_cut(exception.value)}")
        if len(exception.frames) > MAX_FRAMES:
            told.append(f"  [{len(exception.frames) - MAX_FRAMES} outer frames]")
        told += [_frame(frame) for frame in exception.frames[-MAX_FRAMES:]]
    told += [
        f"breadcrumb {crumb.category}: {_cut(crumb.message)}" for crumb in event.breadcrumbs[-MAX_FRAMES:]
    ]
    return told + [f"tag {name}: {_cut(value)}" for name, value in event.tags.items()]


def _frame(frame: Frame) -> str:
    where = f"  {'in-app ' if frame.in_app else ''}{frame.filename or frame.abs_path}:{frame.lineno} in {frame.function}"
    return f"{where}: {_cut(frame.context_line.strip())}" if frame.context_line else where


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"

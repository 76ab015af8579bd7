"""Tools that read what the host knows of the issue. All of it comes from strangers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from autofix.citations import value_at
from autofix.explorer.tools.answers import ToolRefused, lines, tool
from autofix.explorer.tools.parts import beginning, named
from autofix.explorer.tools.toolbox import Toolbox
from autofix.hosts import Event, Frame, TagValue
from autofix.redaction import redact

MAX_FRAMES = 60
MAX_VALUE = 300
MAX_EVENTS = 50
MAX_SIMILAR = 50
MAX_TAG_VALUES = 10
MAX_VALUES_OF_ONE = 500
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
        found = value_at(event.raw if event else {}, pointer)
    except LookupError:
        return f"The event has nothing at {pointer!r}."
    value = named(pointer.rpartition("/")[2], found)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_PART:
        text = redact(text)  # before it is parted: half a secret could not be told
    end = from_character + MAX_PART
    more = f"\n[{len(text) - end} more; ask from_character {end}]" if end < len(text) else ""
    return text[from_character:end] + more or f"It has {len(text)} characters, and none from there on."


@tool
def tag_distribution(toolbox: Toolbox, tag: str = "") -> str:
    """How often each tag has which value among the issue's events: its ten most frequent ones. With a tag: its first 500."""
    found = toolbox.tag_distribution()
    if tag and tag not in found:
        raise ToolRefused(f"There is no tag {tag!r}. Tags: {', '.join(found) or 'none'}.")
    shown = {tag: found[tag]} if tag else found
    limit = MAX_VALUES_OF_ONE if tag else MAX_TAG_VALUES
    return lines((_values(name, values, limit) for name, values in shown.items()), "There are no tags.")


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
def similar_issues(toolbox: Toolbox, limit: Annotated[int, Field(ge=1, le=MAX_SIMILAR)] = 10) -> str:
    """Issues that look alike, most alike first."""
    found = toolbox.similar_issues(limit=limit + 1)
    told = [f"{issue.short_id} {issue.title}" for issue in found[:limit]]
    more = ["[more; ask with a higher limit]"] if len(found) > limit else []
    return lines([*told, *more], "No similar issue is known.")


def _values(tag: str, values: Sequence[TagValue], limit: int) -> str:
    told = ", ".join(
        f"{beginning(named(tag, value.value), MAX_VALUE)} ({value.count})" for value in values[:limit]
    )
    more = f"; ask for the tag {tag!r}" if limit == MAX_TAG_VALUES else ", none of them more frequent"
    return f"{tag}: {told}" + (f" [{len(values) - limit} more{more}]" if len(values) > limit else "")


def _overview(event: Event) -> list[str]:
    told = [f"release {event.release or '-'}, environment {event.environment or '-'}, level {event.level}"]
    for exception in event.exceptions:
        told.append(f"{exception.type}: {beginning(exception.value, MAX_VALUE)}")
        if len(exception.frames) > MAX_FRAMES:
            told.append(f"  [{len(exception.frames) - MAX_FRAMES} outer frames]")
        told += [_frame(frame) for frame in exception.frames[-MAX_FRAMES:]]
    told += [
        f"breadcrumb {crumb.category}: {beginning(crumb.message, MAX_VALUE)}"
        for crumb in event.breadcrumbs[-MAX_FRAMES:]
    ]
    return told + [
        f"tag {name}: {beginning(named(name, value), MAX_VALUE)}" for name, value in event.tags.items()
    ]


def _frame(frame: Frame) -> str:
    where = f"  {'in-app ' if frame.in_app else ''}{frame.filename or frame.abs_path}:{frame.lineno} in {frame.function}"
    return f"{where}: {beginning(frame.context_line.strip(), MAX_VALUE)}" if frame.context_line else where

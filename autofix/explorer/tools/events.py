"""The issue and its event, told within a budget: locals go first, then the frames of libraries, then breadcrumbs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from autofix.explorer.tools.answers import lines, tool
from autofix.explorer.tools.parts import beginning, cut_off, named
from autofix.explorer.tools.toolbox import Toolbox
from autofix.hosts import Event, ExceptionInfo, Frame
from autofix.redaction import redact_data

CHARS_PER_TOKEN = 3  # code and JSON have shorter tokens than prose; better too few words than too many
MAX_LOCALS = 30
MAX_VALUE = 400
MAX_TEXT = 2_000
LOCALS, LIBRARIES, BREADCRUMBS = "locals", "libraries", "breadcrumbs"
DROPS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({LOCALS}),
    frozenset({LOCALS, LIBRARIES}),
    frozenset({LOCALS, LIBRARIES, BREADCRUMBS}),
)


@tool
def issue_details(toolbox: Toolbox) -> str:
    """What is known of the issue as a whole: title, culprit, level, counts, first and last time, suspected commits."""
    issue = toolbox.issue
    told = {
        "short id": issue.short_id,
        "title": issue.title,
        "culprit": issue.culprit,
        "level": issue.level,
        "events": issue.times_seen,
        "users": issue.users_seen,
        "first seen": issue.first_seen,
        "last seen": issue.last_seen,
        "repositories": ", ".join(toolbox.checkouts) or "none",
        "suspected commits": ", ".join(toolbox.suspect_commits()) or "none",
    }
    return "\n".join(f"{name}: {value}" for name, value in told.items() if value not in (None, ""))


@tool
def event_details(toolbox: Toolbox, max_tokens: Annotated[int, Field(ge=500, le=10_000)] = 6_000) -> str:
    """The event that explains the issue best: exceptions (cause first, raised last) with frames, code and locals,
    breadcrumbs, tags. What does not fit is marked; event_value shows it.
    """
    event = toolbox.event()
    return in_budget(event, max_tokens) if event else "The issue has no event yet."


def in_budget(event: Event, max_tokens: int) -> str:
    """The event in at most so many tokens, with a mark for everything that was left out."""
    limit = max_tokens * CHARS_PER_TOKEN
    text = ""
    for dropped in DROPS:
        text = lines(_told(event, dropped), "The event is empty.")
        if len(text) <= limit:
            return text
    return cut_off(text, limit, "[{more} more characters; event_value('/exception') and others show them]")


def _told(event: Event, dropped: frozenset[str]) -> Iterator[str]:
    yield f"event {event.id}, {event.timestamp}, platform {event.platform or '-'}, level {event.level}"
    yield f"release {event.release or '-'}, environment {event.environment or '-'}, transaction {event.transaction or '-'}"
    if event.message:
        yield f"message: {beginning(event.message, MAX_TEXT)}"
    for exception in event.exceptions:
        yield from _exception(exception, dropped)
    yield from _breadcrumbs(event, dropped)
    for name, value in event.tags.items():
        yield f"tag {name}: {beginning(named(name, value), MAX_VALUE)}"
    kept = [name for name in ("request", "contexts", "extra", "user") if event.raw.get(name)]
    if kept:
        yield f"[not shown: {', '.join(kept)}; event_value shows them, e.g. event_value('/{kept[0]}')]"


def _exception(exception: ExceptionInfo, dropped: frozenset[str]) -> Iterator[str]:
    handled = {True: ", handled", False: ", unhandled", None: ""}[exception.handled]
    yield f"{exception.type}: {beginning(exception.value, MAX_TEXT)} ({exception.pointer}{handled})"
    if LIBRARIES in dropped:
        hidden = sum(not frame.in_app for frame in exception.frames)
        if hidden:
            yield f"  [{hidden} frames of libraries left out; event_value('{exception.pointer}/stacktrace/frames/0') …]"
    for frame in exception.frames:
        if frame.in_app or LIBRARIES not in dropped:
            yield from _frame(frame, dropped)


def _frame(frame: Frame, dropped: frozenset[str]) -> Iterator[str]:
    mark = "in-app " if frame.in_app else ""
    yield f"  {mark}{frame.filename or frame.abs_path}:{frame.lineno} in {frame.function} ({frame.pointer})"
    if frame.context_line:
        yield f"    > {beginning(frame.context_line.strip(), MAX_VALUE)}"
    if not frame.in_app or not frame.variables:
        return
    if LOCALS in dropped:
        yield f"    [{len(frame.variables)} locals left out; event_value('{frame.pointer}/vars')]"
        return
    for name, given in list(frame.variables.items())[:MAX_LOCALS]:
        value = named(name, given)
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        yield f"    {name} = {beginning(shown, MAX_VALUE)}"
    if len(frame.variables) > MAX_LOCALS:
        yield f"    [{len(frame.variables) - MAX_LOCALS} more locals; event_value('{frame.pointer}/vars')]"


def _breadcrumbs(event: Event, dropped: frozenset[str]) -> Iterator[str]:
    if event.breadcrumbs and BREADCRUMBS in dropped:
        yield f"[{len(event.breadcrumbs)} breadcrumbs left out; event_value('/breadcrumbs')]"
        return
    for crumb in event.breadcrumbs:
        data = (
            f" {json.dumps(redact_data(crumb.data), ensure_ascii=False, default=str)}" if crumb.data else ""
        )
        yield f"breadcrumb {crumb.timestamp} {crumb.category} {crumb.level}: {beginning(crumb.message + data, MAX_VALUE)}"

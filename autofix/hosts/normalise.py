"""One normal form for the events of every SDK.

SDKs leave parts out, send null for them, send lists where others send objects, and programs put anything into tags and
locals. Nothing here raises on JSON-shaped input: what cannot be read is left empty, and ``raw`` stays whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from autofix.hosts.coercion import items, line_number, mapping, moment, plain, text
from autofix.hosts.types import Breadcrumb, Event, ExceptionInfo, Frame

FIRST_FRAMES = 50
LAST_FRAMES = 150
MAX_EXCEPTIONS = 50
MAX_BREADCRUMBS = 100
MAX_CONTEXT_LINES = 20
PAIR = 2
LEVELS = ("fatal", "error", "warning", "info", "debug")

# Where other people's code lives, for SDKs that do not say which frames are the program's own.
LIBRARY_PATHS = (
    "site-packages/",
    "dist-packages/",
    "node_modules/",
    "/lib/python",
    "node:",
    "<frozen",
    "/vendor/",
    "/gems/",
)


def normalise_event(
    payload: Mapping[Any, Any],
    *,
    id: str | None = None,  # noqa: A002 - the event's own word for it
    received: datetime | None = None,
) -> Event:
    """The event in autofix's normal form. ``id`` and ``received`` are the host's own words and win over the payload's."""
    sent = mapping(payload)
    return Event(
        id=id or text(sent.get("event_id")),
        timestamp=moment(sent.get("timestamp")) or received,
        platform=text(sent.get("platform")),
        level=_level(sent.get("level")),
        message=_message(sent),
        transaction=text(sent.get("transaction")),
        release=text(sent.get("release")),
        environment=text(sent.get("environment")),
        server_name=text(sent.get("server_name")),
        exceptions=_exceptions(sent.get("exception")),
        breadcrumbs=tuple(_breadcrumb(crumb) for crumb in items(sent.get("breadcrumbs"))[-MAX_BREADCRUMBS:]),
        tags=_tags(sent.get("tags")),
        contexts=plain(mapping(sent.get("contexts"))),
        extra=plain(mapping(sent.get("extra"))),
        user=plain(mapping(sent.get("user"))),
        raw=sent,
    )


def _level(value: Any) -> str:
    word = text(value).lower()
    return word if word in LEVELS else "error"


def _message(sent: dict[str, Any]) -> str:
    for key in ("logentry", "message"):
        found = sent.get(key)
        said = mapping(found)
        message = text(said.get("formatted")) or text(said.get("message")) or text(found)
        if message:
            return message
    return ""


def _tags(value: Any) -> dict[str, str]:
    pairs: list[tuple[Any, Any]] = list(value.items()) if isinstance(value, Mapping) else []
    for entry in value if isinstance(value, list | tuple) else ():
        if isinstance(entry, Mapping):
            pairs.append((entry.get("key"), entry.get("value")))
        elif isinstance(entry, list | tuple) and len(entry) == PAIR:
            pairs.append((entry[0], entry[1]))
    return {text(key): text(tag) for key, tag in pairs if text(key) and text(tag)}


def _breadcrumb(value: Any) -> Breadcrumb:
    crumb = mapping(value)
    when = moment(crumb.get("timestamp"))
    return Breadcrumb(
        timestamp=when.isoformat() if when else text(crumb.get("timestamp")),
        category=text(crumb.get("category")),
        level=text(crumb.get("level")),
        type=text(crumb.get("type")),
        message=text(crumb.get("message")),
        data=plain(mapping(crumb.get("data"))),
    )


def _exceptions(value: Any) -> tuple[ExceptionInfo, ...]:
    if isinstance(value, Mapping) and "values" in value:
        root, entries = "/exception/values", items(value)
    elif isinstance(value, Mapping):
        root, entries = "", [value]
    else:
        root, entries = "/exception", items(value)
    found = [(entry, f"{root}/{index}" if root else "/exception") for index, entry in enumerate(entries)]
    found = [(mapping(entry), pointer) for entry, pointer in found if isinstance(entry, Mapping)]
    says = any(_says_in_app(entry) for entry, _ in found)
    return tuple(_exception(entry, pointer, says_in_app=says) for entry, pointer in found[-MAX_EXCEPTIONS:])


def _says_in_app(exception: dict[str, Any]) -> bool:
    frames = items(mapping(exception.get("stacktrace")).get("frames"))
    return any(isinstance(mapping(frame).get("in_app"), bool) for frame in frames)


def _exception(sent: dict[str, Any], pointer: str, *, says_in_app: bool) -> ExceptionInfo:
    mechanism = mapping(sent.get("mechanism"))
    handled = mechanism.get("handled")
    frames = items(mapping(sent.get("stacktrace")).get("frames"))
    return ExceptionInfo(
        type=text(sent.get("type")),
        value=text(sent.get("value")),
        module=text(sent.get("module")),
        handled=handled if isinstance(handled, bool) else None,
        mechanism=text(mechanism.get("type")),
        frames=tuple(
            _frame(frames[i], f"{pointer}/stacktrace/frames/{i}", says_in_app=says_in_app)
            for i in _kept(len(frames))
        ),
        pointer=pointer,
    )


def _kept(count: int) -> Sequence[int]:
    """The frames that matter of an endless recursion: how it was entered and where it ended."""
    if count <= FIRST_FRAMES + LAST_FRAMES:
        return range(count)
    return [*range(FIRST_FRAMES), *range(count - LAST_FRAMES, count)]


def _frame(value: Any, pointer: str, *, says_in_app: bool) -> Frame:
    sent = mapping(value)
    path = text(sent.get("abs_path")) or text(sent.get("filename"))
    context_line = sent.get("context_line")
    return Frame(
        filename=text(sent.get("filename")) or path,
        abs_path=text(sent.get("abs_path")),
        module=text(sent.get("module")),
        function=text(sent.get("function")),
        lineno=line_number(sent.get("lineno")),
        in_app=sent.get("in_app") is True if says_in_app else _looks_in_app(path),
        context_line=text(context_line) if context_line is not None else None,
        pre_context=tuple(text(line) for line in items(sent.get("pre_context"))[-MAX_CONTEXT_LINES:]),
        post_context=tuple(text(line) for line in items(sent.get("post_context"))[:MAX_CONTEXT_LINES]),
        variables=plain(mapping(sent.get("vars"))),
        pointer=pointer,
    )


def _looks_in_app(path: str) -> bool:
    return bool(path) and not any(part in path.replace("\\", "/") for part in LIBRARY_PATHS)

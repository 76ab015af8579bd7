"""Envelopes: a header line, then items, each a header line and a payload (develop.sentry.dev/sdk/data-model/envelopes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tracker.ingestion.bodies import Body
from tracker.ingestion.payloads import event_id_of, parse_object
from tracker.ingestion.refusals import Malformed, TooLarge

MAX_EVENT: Final = 1024 * 1024
MAX_HEADER: Final = 64 * 1024
MAX_ITEMS: Final = 1_000


@dataclass(frozen=True)
class Envelope:
    """What of an envelope is kept. ``event`` is None when it held sessions, logs, attachments and the like only."""

    event_id: str | None
    event: dict[str, Any] | None


def read_header(body: Body) -> dict[str, Any]:
    """The envelope's first line."""
    line = body.line(MAX_HEADER)
    if not line.strip():
        raise Malformed("The envelope is empty.")
    return parse_object(line, "envelope's header")


def read_items(header: dict[str, Any], body: Body) -> Envelope:
    """The envelope's event; items of other kinds are read past. TooLarge for an event of more than 1 MiB."""
    event: dict[str, Any] | None = None
    for _ in range(MAX_ITEMS):
        if body.at_end():
            break
        line = body.line(MAX_HEADER)
        if not line.strip():
            continue
        item = parse_object(line, "item's header")
        if item.get("type") != "event":
            _skip(item, body)
        elif event is None:
            event = parse_object(_read(item, body), "event")
        else:
            raise Malformed("An envelope holds one event at most.")
    else:
        raise Malformed(f"An envelope holds {MAX_ITEMS} items at most.")
    if event is None:
        named = header.get("event_id")
        return Envelope(event_id=event_id_of(named) if named else None, event=None)
    return Envelope(event_id=event_id_of(header.get("event_id"), event.get("event_id")), event=event)


def _length(item: dict[str, Any]) -> int | None:
    """The announced length; None when the payload ends with its line."""
    length = item.get("length")
    if length is None:
        return None
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise Malformed("An item's length must be a number of bytes.")
    return length


def _read(item: dict[str, Any], body: Body) -> bytes:
    length = _length(item)
    if length is None:
        return body.line(MAX_EVENT)
    if length > MAX_EVENT:
        raise TooLarge
    return body.piece(length)


def _skip(item: dict[str, Any], body: Body) -> None:
    if not isinstance(item.get("type"), str):
        raise Malformed("An item's header must name its type.")
    length = _length(item)
    if length is None:
        body.skip_line()
    else:
        body.skip(length)

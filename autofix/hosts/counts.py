"""How often the tags of some events have their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from autofix.hosts.types import Event, TagValue


def tag_counts(events: Iterable[Event]) -> dict[str, list[TagValue]]:
    """For every tag, ``environment``, ``release`` and ``level`` among them, its values, most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for event in events:
        own = {"environment": event.environment, "release": event.release, "level": event.level}
        for key, value in (own | event.tags).items():
            if value:
                counts.setdefault(key, Counter())[value] += 1
    return {key: _ranked(values) for key, values in counts.items()}


def _ranked(values: Counter[str]) -> list[TagValue]:
    return [
        TagValue(value=value, count=count)
        for value, count in sorted(values.items(), key=lambda i: (-i[1], i[0]))
    ]

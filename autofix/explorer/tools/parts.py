"""Pieces of what strangers sent. Secrets are blanked before anything is cut or taken out: half of one could not be told."""

from __future__ import annotations

from typing import Any

from autofix.redaction import redact, redact_data


def beginning(text: str, limit: int) -> str:
    """The text, or so many characters of it and a mark."""
    return text if len(text) <= limit else f"{redact(text)[:limit]}…"


def cut_off(text: str, limit: int, note: str) -> str:
    """The text, or so many characters of it and a note, whose ``{more}`` is how many are left."""
    if len(text) <= limit:
        return text
    text = redact(text)
    more = len(text) - limit
    return f"{text[:limit]}\n{note.format(more=more)}" if more > 0 else text


def named(name: str, value: Any) -> Any:
    """A value without secrets; blanked whole under a name such as ``password``, which a lone value would not show."""
    return redact_data({name: value})[name]

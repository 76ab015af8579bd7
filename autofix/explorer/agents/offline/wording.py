"""Text for artifacts: trimmed, storable, without secrets."""

from __future__ import annotations

import re

MAX_VALUE = 160
HIDDEN = "[hidden]"
SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?|secret|token|api_?key|private_?key|signing_?key|authorization|auth_?header|cookie|session|credential|dsn|csrf",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"(?i)\b(bearer|basic)\s+\S+|\b[A-Za-z0-9_\-]{40,}\b|\b\d{13,19}\b|://[^/\s:@]+:[^/\s@]+@"
)
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def storable(text: str) -> str:
    """The text without characters that databases or JSON refuse."""
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def is_storable(text: str) -> bool:
    """Can the text be kept as it is?"""
    return UNSTORABLE.search(text) is None


def shortened(text: str, limit: int = MAX_VALUE) -> str:
    """On one line, at most ``limit`` characters."""
    line = " ".join(storable(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def words(text: str, limit: int = 30) -> str:
    """At most ``limit`` words, as the artifact's one-line fields ask."""
    parts = storable(text).split()
    return " ".join(parts) if len(parts) <= limit else f"{' '.join(parts[:limit])}…"


def redacted(name: str, value: object) -> str:
    """A local's value for people: short, and hidden where its name or looks are a secret's."""
    text = value if isinstance(value, str) else repr(value)
    if SECRET_NAME.search(name) or SECRET_NAME.search(text) or SECRET_VALUE.search(text):
        return HIDDEN
    return shortened(ADDRESS.sub("[address]", text))


def plural(count: int, noun: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[0].upper()}{text[1:]}." if text else ""

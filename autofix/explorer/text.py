"""Files as text, and lines that a search found."""

from __future__ import annotations

from dataclasses import dataclass

from autofix.exceptions import EditRefused

MAX_FILE = 1024 * 1024


class NotText(EditRefused, ValueError):
    """This file is not UTF-8 text of at most 1 MiB."""


@dataclass(frozen=True)
class Match:
    """A line that matches a search; lines are counted from 1."""

    path: str
    line: int
    text: str


def as_text(content: bytes, path: str) -> str:
    """The content as text; NotText."""
    if len(content) > MAX_FILE or b"\0" in content:
        raise NotText(f"{path} is not text of at most 1 MiB.")
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise NotText(f"{path} is not UTF-8 text.") from exc

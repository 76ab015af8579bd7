"""Text from outside, made safe to look at. Escaping is the templates' business; this is about what no escaping shows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

LONGEST: Final = 2_000
# What turns the reading direction around, has no width, or moves the cursor. Joiners stay: scripts and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
# Marks stacked on one letter would climb over their neighbours.
_STACKED = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4})[\u0300-\u036f\u0483-\u0489]+"
)


def visible(text: object) -> str:
    """The text with everything that hides or reorders its neighbours named instead: ``U+202E``."""
    shown = _INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", str(text).replace("\r\n", "\n"))
    return _STACKED.sub(r"\1", shown)


def cut(text: object, longest: int = LONGEST) -> str:
    """The text as :func:`visible` shows it, at most ``longest`` characters of it, and how many there would be more."""
    whole = str(text)
    if len(whole) <= longest:
        return visible(whole)
    return f"{visible(whole[:longest])} … ({len(whole) - longest:,} more characters)"


def is_link(url: str) -> bool:
    """May this be an ``href``? Only the web's own schemes run nothing when they are clicked."""
    return url.startswith(("https://", "http://"))


def span(passed: timedelta) -> str:
    """How long something took: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    seconds = max(passed.total_seconds(), 0)
    if seconds < 10:  # noqa: PLR2004 - below ten a tenth tells something
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"

"""From bytes to a payload that every database can store."""

from __future__ import annotations

import json
import math
import re
import uuid
from typing import Any, Final

from autofix.hosts.coercion import plain
from tracker.ingestion.refusals import Malformed

MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 19  # of a 64-bit integer
EVENT_ID: Final = re.compile(r"[0-9a-f]{32}")


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object; Malformed (naming ``what``) when it is none.

    What PostgreSQL or a strict JSON reader would refuse becomes text: NaN, infinities and integers beyond 64 bits their
    spelling, NUL and lone surrogates U+FFFD. What nests deeper than 64 levels is cut off there.
    """
    try:
        parsed = json.loads(
            data.decode("utf-8", "replace"), parse_constant=str, parse_float=_finite, parse_int=_bounded
        )
    except (ValueError, RecursionError) as exc:
        raise Malformed(f"The {what} is not valid JSON.") from exc
    if not isinstance(parsed, dict):
        raise Malformed(f"The {what} must be a JSON object.")
    storable: dict[str, Any] = plain(parsed, MAX_DEPTH)
    return storable


def _finite(spelling: str) -> float | str:
    number = float(spelling)
    return number if math.isfinite(number) else spelling


def _bounded(spelling: str) -> int | str:
    if len(spelling.lstrip("-")) > MAX_DIGITS:
        return spelling
    number = int(spelling)
    return number if -(2**63) <= number < 2**63 else spelling


def event_id_of(*candidates: Any) -> str:
    """The first id that is given as 32 lower-case hex digits, a new one when none is; Malformed when it is no such thing."""
    given = next((candidate for candidate in candidates if candidate not in (None, "")), None)
    if given is None:
        return uuid.uuid4().hex
    found = given.replace("-", "").lower() if isinstance(given, str) else ""
    if not EVENT_ID.fullmatch(found):
        raise Malformed("An event_id must be 32 hexadecimal digits.")
    return found

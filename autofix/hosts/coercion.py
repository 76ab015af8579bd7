"""Reading values of the wrong type: anything JSON-shaped goes in, the type that a function is named for comes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MAX_DEPTH = 32
MAX_INT_BITS = 4_096  # Python refuses to print longer numbers
MAX_LINE = 2**31 - 1


def text(value: Any) -> str:
    """Strings and numbers as text that any database and any terminal takes; "" for everything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < MAX_INT_BITS else hex(value)
    if isinstance(value, float):
        return str(value)
    return clean(value) if isinstance(value, str) else ""


def clean(value: str) -> str:
    """The string without NUL and lone surrogates, which become U+FFFD."""
    if not value.isascii():
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value.replace("\x00", "\ufffd")


def mapping(value: Any) -> dict[str, Any]:
    """A dict with string keys; empty when it is none."""
    return {_key(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _key(key: Any) -> str:
    return clean(key) if isinstance(key, str) else text(key) or type(key).__name__


def items(value: Any) -> list[Any]:
    """A list, or what an object holds in ``values``: SDKs send either; empty when it is neither."""
    if isinstance(value, Mapping):
        value = value.get("values")
    return list(value) if isinstance(value, list | tuple) else []


def line_number(value: Any) -> int | None:
    """A line counted from 1, None when it is no such thing."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MAX_LINE)):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_LINE else None


def moment(value: Any) -> datetime | None:
    """A point in time in UTC from seconds since 1970 or ISO 8601; None when it is neither or out of range."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value with string keys and storable strings, cut off below ``depth`` levels."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {key: plain(item, depth - 1) for key, item in mapping(value).items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value]
    return value

"""Data from strangers in a form that every database and every strict parser takes. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def storable(value: Any) -> Any:
    """The value without what strict parsers and databases refuse: NUL and lone surrogates become U+FFFD, NaN becomes null."""
    match value:
        case str() if value.isascii() and "\0" not in value:
            return value
        case str():
            return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict() | Mapping():  # dict comes first: asking an abstract class takes longer
            return {storable(str(key)): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value

"""Bodies from strangers: strict JSON objects, bounded in size and depth, with keys in snake_case or camelCase."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn, Protocol

from rest_framework import serializers

from autofix.exceptions import BodyTooLarge, InvalidRequest

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 64

_MARK = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


def read_bounded(stream: Readable, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole stream; BodyTooLarge as soon as more than ``limit`` bytes have come."""
    parts: list[bytes] = []
    left = limit + 1
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    if not left:
        raise BodyTooLarge(f"The body is larger than {limit} bytes.")
    return b"".join(parts)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``; InvalidRequest with a sentence for everything else."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not UTF-8.") from None
    if depth(text) > MAX_DEPTH:
        raise InvalidRequest(f"The body nests deeper than {MAX_DEPTH} levels.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except ValueError:
        raise InvalidRequest("The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if any(_UNSTORABLE.search(string) for string in strings(value)):
        raise InvalidRequest("The body holds a NUL character or a lone surrogate.")
    return value


def depth(text: str) -> int:
    """How deep the brackets of a JSON text nest, found without parsing it."""
    deepest = level = 0
    in_string = False
    for found in _MARK.finditer(text):
        mark = found.group()
        if mark == '"':
            in_string = not in_string
        elif not in_string and mark in "[{":
            level += 1
            deepest = max(deepest, level)
        elif not in_string and mark in "]}":
            level -= 1
    return deepest


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def _refuse_constant(word: str) -> NoReturn:
    raise InvalidRequest(f"{word} is not JSON.")


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise InvalidRequest("The body holds a number that is too large.")
    return number


class RequestSerializer(serializers.Serializer[Any]):
    """A request's body: each field is also taken under its camelCase name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = dict(data)
            for name in map(str, self.fields):
                camel = camel_case(name)
                if camel != name and camel in data:
                    data.setdefault(name, data.pop(camel))
        return super().to_internal_value(data)


def camel_case(name: str) -> str:
    """``stopping_point`` → ``stoppingPoint``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

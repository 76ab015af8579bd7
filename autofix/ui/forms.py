"""Forms as the JSON objects that the API takes: ``payload.text`` nests, ``steps[]`` is a list, blank fields are absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.http import QueryDict
from rest_framework.parsers import BaseParser

from autofix.parsing import parse_object, read_bounded

LIST: Final = "[]"
DEEPEST: Final = 4


class FormParser(BaseParser):
    """An urlencoded form of at most 64 KiB as a JSON object, refused for what JSON would be refused for."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        fields = as_object(QueryDict(read_bounded(stream)))
        return parse_object(json.dumps(fields).encode())


def as_object(form: QueryDict) -> dict[str, Any]:
    """The form's fields, nested as their names say; objects whose keys are all numbers become lists in that order."""
    found: dict[str, Any] = {}
    for name in form:
        values = [value for value in form.getlist(name) if value.strip()]
        if name.count(".") >= DEEPEST or (not values and not name.endswith(LIST)):
            continue
        *path, last = name.removesuffix(LIST).split(".")
        place = found
        for part in path:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            place = inner
        place[last] = values if name.endswith(LIST) else values[-1]
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(part) for name, part in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner

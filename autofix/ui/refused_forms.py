"""A form that was refused, shown again: what is wrong with it in the words of its labels, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rest_framework.exceptions import ValidationError

from autofix.exceptions import InvalidRequest
from autofix.refusals import as_refusal

REPOSITORY_LABELS: Final = {
    "name": "name",
    "provider": "provider",
    "branch": "branch",
    "url": "address",
    "stack_root": "stack root",
    "source_root": "source root",
}
LABELS: Final = {"url": "Address", "format": "Format", "events": "Events"}


@dataclass(frozen=True)
class Wrong:
    """A field that was refused. ``anchor``: the id of its input, empty when the page has none for it."""

    label: str
    anchor: str
    sentences: list[str]


def wrong_fields(exc: ValidationError) -> list[Wrong]:
    """The fields that were refused, which the API names by their paths."""
    refusal = as_refusal(exc)
    errors = refusal.errors if isinstance(refusal, InvalidRequest) else {}
    return [_wrong(path, sentences) for path, sentences in errors.items()]


def input_id(field: str, number: int | str) -> str:
    """The id of a repository's field on the page."""
    return f"{field.removesuffix('_root')}-{number}"


def _wrong(path: str, sentences: list[str]) -> Wrong:
    match path.split("."):
        case ["repositories", number, field] if number.isdecimal() and field in REPOSITORY_LABELS:
            label = f"Repository {int(number) + 1}, {REPOSITORY_LABELS[field]}"
            return Wrong(label, input_id(field, number), sentences)
        case [("url" | "format") as field]:
            return Wrong(LABELS[field], field, sentences)
        case _:
            return Wrong(LABELS.get(path.partition(".")[0], path), "", sentences)

"""A JSON schema as rows for reading: one a field, those of inner objects below their own, deeper."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

DEEPEST: Final = 3
WHOLE: Final = 2**53
LISTED: Final = "* `"  # the generator's own list of the choices, which have a place of their own
FORMATS: Final = {"date-time": "date and time", "date": "date", "uri": "URL", "uuid": "UUID"}
BOUNDS: Final = (
    ("maxLength", "at most {} characters"),
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minItems", "at least {} of them"),
    ("maxItems", "at most {} of them"),
)


@dataclass(frozen=True)
class Field:
    """A field of an object, or a parameter. ``depth``: in how many objects it is; ``choices``: the only values it has."""

    name: str
    type: str
    required: bool = False
    depth: int = 0
    choices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Schemas:
    """The named schemas of a document, which others refer to."""

    named: Mapping[str, Schema]

    def plain(self, schema: Schema) -> Schema:
        """The schema without what stands between it and its meaning: references, and wrappers around a single one."""
        while True:
            inner = schema.get("allOf", ())
            if "$ref" in schema:
                schema = self.named[schema["$ref"].rpartition("/")[2]]
            elif len(inner) == 1:
                schema = inner[0]
            else:
                return schema

    def fields(self, schema: Schema, depth: int = 0) -> Iterator[Field]:
        """The fields of the object, or of the objects, that the schema describes; none when it describes no such thing."""
        inside = self.object_in(schema)
        required = inside.get("required", ())
        for name, given in inside.get("properties", {}).items():
            yield self.field(name, given, required=name in required, depth=depth)
            if depth < DEEPEST:
                yield from self.fields(given, depth + 1)

    def field(self, name: str, schema: Schema, *, required: bool, depth: int = 0, text: str = "") -> Field:
        """One row."""
        own = self.plain(schema)
        choices = tuple(map(str, self._choices(own)))
        described = str(text or schema.get("description") or own.get("description", ""))
        return Field(
            name,
            self.type_of(schema),
            required=required,
            depth=depth,
            choices=choices,
            notes=tuple(_notes({**own, **schema})),
            text="" if described.startswith(LISTED) else _sentence(described),
        )

    def object_in(self, schema: Schema) -> Schema:
        """The object that a value is, may be, or holds: in a list, or under names."""
        own = self.plain(schema)
        if "properties" in own:
            return own
        inner: list[Schema] = [*_alternatives(own)]
        inner += [
            own[word] for word in ("items", "additionalProperties") if isinstance(own.get(word), Mapping)
        ]
        return next((found for each in inner if (found := self.object_in(each))), {})

    def type_of(self, schema: Schema) -> str:
        """The type in words: ``integer``, ``list of object``, ``text or null``."""
        own = self.plain(schema)
        if alternatives := _alternatives(own):
            return " or ".join(dict.fromkeys(self.type_of(each) for each in alternatives))
        kinds = own.get("type", "anything")
        return " or ".join(self._word(kind, own) for kind in ([kinds] if isinstance(kinds, str) else kinds))

    def _word(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return f"list of {self.type_of(schema.get('items', {}))}"
        if kind == "object" and isinstance(values := schema.get("additionalProperties"), Mapping) and values:
            return f"object of {self.type_of(values)} by name"
        if kind == "string":
            return FORMATS.get(schema.get("format", ""), "string")
        return kind

    def _choices(self, schema: Schema) -> Sequence[Any]:
        if "items" in schema:
            return self._choices(self.plain(schema["items"]))
        for each in _alternatives(schema):
            if found := self._choices(self.plain(each)):
                return found
        return [choice for choice in schema.get("enum", ()) if choice not in (None, "")]

    def example(self, schema: Schema) -> Any:
        """The smallest value that the schema allows: what it requires, and nothing else."""
        own = self.plain(schema)
        if "properties" in own:
            wanted = own.get("required", ())
            return {name: self.example(given) for name, given in own["properties"].items() if name in wanted}
        if choices := self._choices(own):
            return [choices[0]] if "items" in own else choices[0]
        examples: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
        return own.get("default", examples.get(str(own.get("type")), "…"))


def _alternatives(schema: Schema) -> Sequence[Schema]:
    return schema.get("anyOf") or schema.get("oneOf") or ()


def _notes(schema: Schema) -> Iterator[str]:
    for word, note in BOUNDS:
        bound = schema.get(word)
        if bound is not None and abs(bound) < WHOLE:
            yield note.format(f"{bound:,}")
    if (default := schema.get("default")) is not None and default != "":
        yield f"default {default if isinstance(default, str) else json.dumps(default)}"


def _sentence(text: str) -> str:
    # The first paragraph; double backticks are one kind of code only.
    return " ".join(text.partition("\n\n")[0].replace("``", "`").split())

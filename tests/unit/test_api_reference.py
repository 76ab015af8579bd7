"""What the page of the API makes of an OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.pages.api import api_reference
from tracker.reference.calls import Call, reference
from tracker.reference.fields import Field, Schema, Schemas

NAMED: dict[str, Schema] = {
    "Leaf": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    "Letter": {"type": "string", "enum": ["a", "b"], "description": "* `a` - a\n* `b` - b"},
    "Loop": {"type": "object", "properties": {"again": {"$ref": "#/components/schemas/Loop"}}},
}
SCHEMAS = Schemas(NAMED)


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["string", "null"], "format": "date-time"}, "date and time or null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": "array", "items": {"allOf": [ref("Leaf")]}}, "list of object"),
        ({"type": "object", "additionalProperties": ref("Leaf")}, "object of object by name"),
        ({"type": "object", "additionalProperties": True}, "object"),
        (ref("Letter"), "string"),
        ({}, "anything"),
    ],
)
def test_a_type_is_said_in_words(schema: Schema, words: str) -> None:
    """References, wrappers, alternatives and containers are said as a person would."""
    assert SCHEMAS.type_of(schema) == words


def test_inner_objects_are_rows_below_their_field() -> None:
    """Whatever holds the object: a list, a mapping, or an alternative; one that holds itself ends."""
    inner: dict[str, Schema] = {
        "listed": {"type": "array", "items": ref("Leaf")},
        "named": {"additionalProperties": {"type": "array", "items": ref("Leaf")}},
        "maybe": {"oneOf": [ref("Leaf"), {"type": "null"}]},
    }
    rows = list(SCHEMAS.fields({"type": "object", "properties": inner}))
    assert [(row.depth, row.name) for row in rows] == [
        (0, "listed"), (1, "word"), (0, "named"), (1, "word"), (0, "maybe"), (1, "word"),
    ]  # fmt: skip
    assert [row.depth for row in SCHEMAS.fields(ref("Loop"))] == [0, 1, 2, 3]


def test_a_field_has_its_choices_bounds_and_sentence() -> None:
    """Choices come from the enum, not from the generator's text about it; a bound that only says "64 bits" is not said."""
    assert SCHEMAS.field("letter", ref("Letter"), required=True) == Field(
        "letter", "string", required=True, choices=("a", "b")
    )
    number: Schema = {"type": "integer", "minimum": -1, "maximum": 2**63 - 1, "default": 0}
    assert SCHEMAS.field("n", number, required=False).notes == ("at least -1", "default 0")
    words: Schema = {"type": "string", "maxLength": 10_000, "description": "The ``first`` part.\n\nMore."}
    row = SCHEMAS.field("w", words, required=False)
    assert (row.notes, row.text) == (("at most 10,000 characters",), "The `first` part.")


def test_an_example_holds_what_is_required() -> None:
    """And nothing else; a choice is the first one."""
    body: dict[str, Any] = {
        "properties": {"leaf": ref("Leaf"), "letter": ref("Letter"), "n": {"type": "integer"}, "left": {}},
        "required": ["leaf", "letter", "n"],
    }
    assert SCHEMAS.example(body) == {"leaf": {"word": "…"}, "letter": "a", "n": 1}


def test_calls_of_a_document() -> None:
    """The path's parameters come first; answers and refusals are apart; a twin without organization is no call of its own."""
    parameters = [
        {"name": "run_id", "in": "query", "schema": {"type": "integer"}},
        {"name": "issue", "in": "path", "schema": {"type": "string"}, "required": True},
        {"name": "organization", "in": "path", "schema": {"type": "string"}, "required": True},
    ]
    responses = {
        "202": {"content": {"application/json": {"schema": ref("Leaf")}}},
        "404": {"content": {"application/json": {"schema": ref("ErrorView")}}},
    }
    body = {"content": {"application/json": {"schema": ref("Leaf")}}}
    call = {"operationId": "go", "parameters": parameters, "responses": responses, "requestBody": body}
    document = {
        "info": {"title": "t", "version": "0"},
        "components": {"schemas": NAMED | {"ErrorView": {"properties": {"detail": {"type": "string"}}}}},
        "paths": {
            "/o/{organization}/{issue}/autofix/": {"post": call},
            "/{issue}/autofix/": {"post": call | {"operationId": "go_by_issue"}},
        },
    }
    found = reference(document)
    [group] = found.groups
    [shown] = group.calls
    assert (shown.twin, [each.field.name for each in shown.parameters]) == (
        "/{issue}/autofix/",
        ["organization", "issue", "run_id"],
    )
    assert [(each.status, each.phrase) for each in shown.answers + shown.refusals] == [
        ("202", "Accepted"),
        ("404", "Not Found"),
    ]
    assert shown.curl == [
        "-X POST",
        '-H "Authorization: Bearer $TOKEN"',
        '-H "Content-Type: application/json"',
        """-d '{ "word": "…" }'""",
    ]
    assert [row.name for row in found.refusal] == ["detail"]


def test_every_call_of_this_project_is_told() -> None:
    """Each has a sentence and an answer, and the ids that the page links to are each one call's."""
    calls: list[Call] = [call for group in api_reference().groups for call in group.calls]
    assert [call.id for call in calls if not call.text or not call.answers] == []
    assert len({call.id for call in calls}) == len(calls)
    assert {"autofix_read", "autofix_start", "autofix_preferences_write"} <= {call.id for call in calls}

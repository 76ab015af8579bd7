"""Bad bodies: each is refused with its status and code, and nothing is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.api.conftest import Caller, Rows

pytestmark = pytest.mark.django_db
NEW_RUN = {"step": "root_cause"}


def nested(depth: int) -> str:
    return '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


BAD_BODIES: dict[str, Any] = {
    "a list": "[]",
    "a string": '"root_cause"',
    "a number": "1",
    "null": "null",
    "blank": "  ",
    "no JSON": "{step}",
    "cut off": '{"step": "root_cause"',
    "two values": "{} {}",
    "NaN": '{"user_context": NaN}',
    "Infinity": '{"run_id": Infinity}',
    "minus Infinity": '{"run_id": -Infinity}',
    "beyond a float": '{"run_id": 1e999}',
    "thousands of digits": '{"run_id": ' + "9" * 5_000 + "}",
    "escaped NUL": '{"user_context": "a\\u0000b"}',
    "NUL in a key": '{"a\\u0000b": 1}',
    "raw NUL": b'{"user_context": "a\0b"}',
    "lone surrogate": '{"user_context": "\\ud800"}',
    "no UTF-8": b'{"user_context": "\xff"}',
    "UTF-16": '{"step": "root_cause"}'.encode("utf-16"),
    "nested deeper than 64": nested(65),
    "nested a thousandfold": nested(20_000),
}

BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown step": ({"step": "fix_it"}, "step"),
    "a step that is null": ({"step": None}, "step"),
    "a step that is a list": ({"step": ["root_cause"]}, "step"),
    "an unknown stopping point": ({"stopping_point": "triage"}, "stopping_point"),
    "an unknown stopping point in camelCase": ({"stoppingPoint": "triage"}, "stopping_point"),
    "a run that is a word": ({"run_id": "first"}, "run_id"),
    "a run that is true": ({"run_id": True}, "run_id"),
    "a run beyond 64 bits": ({"run_id": 2**63}, "run_id"),
    "a long user context": ({"user_context": "x" * 10_001}, "user_context"),
    "a user context that is an object": ({"user_context": {}}, "user_context"),
    "a negative index": ({"run_id": 1, "insert_index": -1}, "insert_index"),
    "an index that is a fraction": ({"run_id": 1, "insert_index": 0.5}, "insert_index"),
    "an index without a run": ({"insert_index": 0}, "insert_index"),
    "open_pr without a run": ({"step": "open_pr"}, "run_id"),
    "a hand-off without a run": ({"step": "coding_agent_handoff", "provider": "claude"}, "run_id"),
    "a hand-off to nobody": ({"step": "coding_agent_handoff", "run_id": 1}, "provider"),
    "a hand-off to two": (
        {"step": "coding_agent_handoff", "run_id": 1, "provider": "claude", "integration_id": 1},
        "provider",
    ),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=list(BAD_BODIES))
def test_a_body_that_is_no_plain_object(api: Caller, rows: Rows, body: Any) -> None:
    """What is not a plain JSON object is refused with 400 and stores nothing."""
    before = rows()
    answer = api.ask("POST", "", body=body)
    assert (answer.status, answer.code) == (400, "invalid"), answer.content
    assert rows() == before


def test_nesting_of_64_is_read(api: Caller) -> None:
    """The deepest body that is allowed is read (its unknown field is ignored), so the limit is exactly 64."""
    answer = api.ask("POST", "", body=nested(64))
    assert answer.status == 202, answer.content


@pytest.mark.parametrize(("body", "named"), BAD_FIELDS.values(), ids=list(BAD_FIELDS))
def test_bad_fields(api: Caller, rows: Rows, body: dict[str, Any], named: str) -> None:
    """A bad field is refused with 400, is named by its snake_case name, and stores nothing."""
    before = rows()
    answer = api.post("", body)
    assert (answer.status, answer.code) == (400, "invalid"), answer.content
    assert set(answer.body["errors"]) == {named}
    assert all(isinstance(sentence, str) for sentence in answer.body["errors"][named])
    assert rows() == before


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tbed"])
def test_bad_idempotency_key(api: Caller, rows: Rows, key: str) -> None:
    """A key that cannot be kept is refused with 400."""
    before = rows()
    answer = api.post("", NEW_RUN, **{"Idempotency-Key": key})
    assert (answer.status, answer.code) == (400, "invalid")
    assert rows() == before


def test_too_large(api: Caller, rows: Rows) -> None:
    """One byte more than 64 KiB is 413, with and without a Content-Length."""
    before = rows()
    exactly = json.dumps({"user_context": ""}).encode()
    body = exactly + b" " * (64 * 1024 - len(exactly))
    answer = api.ask("POST", "", body=body + b" ")
    assert (answer.status, answer.code) == (413, "too_large")
    assert rows() == before
    assert api.ask("POST", "", body=body).status == 202


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_other_content_types(api: Caller, rows: Rows, content_type: str) -> None:
    """Only JSON is read: 415."""
    before = rows()
    answer = api.ask("POST", "", body="step=root_cause", content_type=content_type)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert rows() == before

"""Bodies from strangers are read or refused, never more."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autofix.exceptions import BodyTooLarge, InvalidRequest
from autofix.parsing import MAX_BODY_BYTES, MAX_DEPTH, camel_case, depth, parse_object, read_bounded

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FRAGMENTS = st.lists(
    st.sampled_from(
        [*'{}[]",:\\0', "NaN", "-Infinity", "1e999", "\\u0000", "\\ud800", '"a":', "true", "\0", "\n"]
    )
).map("".join)


@settings(deadline=None)
@given(st.binary() | FRAGMENTS.map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode()))
@example(b'{"a":' * 50_000)
@example(b"[" * 100_000)
@example(b'{"a": ' + b"9" * 10_000 + b"}")
@example(b'{"' + b'\\"' * 30_000)
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    """Whatever comes, the outcome is an object that any database can store, or a sentence."""
    try:
        value = parse_object(body)
    except InvalidRequest:
        return
    assert isinstance(value, dict)
    assert "\\u0000" not in json.dumps(value, allow_nan=False).replace("\\\\", "")
    assert json.dumps(value, ensure_ascii=False).encode()


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=3))
def test_honest_objects_are_read_as_they_are(value: dict[str, Any]) -> None:
    """What an honest client sends arrives unchanged."""
    text = json.dumps(value)
    if "\\u0000" in text or "\\ud" in text or depth(text) > MAX_DEPTH:
        return
    assert parse_object(text.encode()) == value


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [1, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 10_000])
def test_depth_is_what_nests(opening: str, levels: int) -> None:
    """Depth counts open brackets, not those in strings."""
    closing = "]" if opening == "[" else "}"
    assert depth(opening * levels + '"[[{\\"{"' + closing * levels) == levels


class Dripping:
    """A stream that gives a byte at a time, for ever, and counts them."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += 1
        return b"x"


def test_an_endless_body_is_cut_off() -> None:
    """Not more than one byte beyond the limit is read of a body without a length."""
    stream = Dripping()
    with pytest.raises(BodyTooLarge):
        read_bounded(stream, 1_000)
    assert stream.given == 1_001


@given(st.integers(0, 3), st.integers(1, 7))
def test_the_limit_is_exact(beyond: int, limit: int) -> None:
    """A body of exactly the limit is whole."""
    body = b"x" * (limit + beyond)
    if beyond:
        with pytest.raises(BodyTooLarge):
            read_bounded(io.BytesIO(body), limit)
    else:
        assert read_bounded(io.BytesIO(body), limit) == body
    assert MAX_BODY_BYTES == 65_536


def test_camel_case() -> None:
    """Field names as JavaScript writes them."""
    assert [camel_case(name) for name in ("step", "run_id", "user_context")] == [
        "step",
        "runId",
        "userContext",
    ]

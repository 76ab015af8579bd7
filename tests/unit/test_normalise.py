"""Events of every SDK, and of none, in one normal form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autofix.hosts import Event
from autofix.hosts.coercion import clean, line_number, moment, plain, text
from autofix.hosts.normalise import FIRST_FRAMES, LAST_FRAMES, normalise_event

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FRAME_KEYS = [
    "filename", "abs_path", "module", "function", "lineno", "in_app",
    "context_line", "pre_context", "post_context", "vars",
]  # fmt: skip


def shaped(keys: list[str], **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these keys, each holding anything or what it ought to."""
    return st.fixed_dictionaries(
        {}, optional={key: parts.get(key, json_values) | json_values for key in keys}
    )


frames = shaped(FRAME_KEYS)
stacktraces = shaped(["frames"], frames=st.lists(frames, max_size=3))
exceptions = shaped(["type", "value", "module", "mechanism", "stacktrace"], stacktrace=stacktraces)
events = shaped(
    [
        "event_id", "timestamp", "platform", "level", "message", "logentry", "transaction", "release", "environment",
        "server_name", "exception", "breadcrumbs", "tags", "contexts", "extra", "user",
    ],
    exception=st.lists(exceptions, max_size=3) | shaped(["values"], values=st.lists(exceptions, max_size=3)) | exceptions,
    tags=st.lists(st.lists(json_values, min_size=2, max_size=2), max_size=3),
)  # fmt: skip


@given(events)
@example({"timestamp": 1e300})
@example({"timestamp": "0001-01-01T00:00:00+23:59"})
@example({"exception": {"values": [{"stacktrace": {"frames": [{"lineno": float("nan")}]}}]}})
@example({"extra": {"n": 10**5000}, "message": 10**5000})
def test_nothing_json_shaped_raises(payload: dict[str, Any]) -> None:
    """Anything in any place gives an event, whose fields (all but raw) are text that UTF-8 and a database can take."""
    event = normalise_event(payload)
    assert event.raw.keys() == payload.keys() or any(clean(key) != key for key in payload)
    for word in strings(event.model_dump(exclude={"raw"})):
        assert word.encode().find(b"\x00") == -1


def strings(value: Any) -> list[str]:
    """Every string in a nested value, keys included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [word for pair in value.items() for part in pair for word in strings(part)]
    if isinstance(value, list | tuple):
        return [word for part in value for word in strings(part)]
    return []


@given(events)
def test_pointers_lead_to_their_frames(payload: dict[str, Any]) -> None:
    """A frame's pointer finds, in the raw event, the very frame that it was made of."""
    event = normalise_event(payload)
    for exception in event.exceptions:
        assert isinstance(pointed(event, exception.pointer), dict)
        for frame in exception.frames:
            sent = pointed(event, frame.pointer)
            assert frame.function == text(sent.get("function") if isinstance(sent, dict) else None)


def pointed(event: Event, pointer: str) -> Any:
    """What a JSON pointer names."""
    value: Any = event.raw
    for part in pointer.split("/")[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def test_deep_nesting_is_cut_off() -> None:
    """A thousand levels neither overflow the stack nor reach the prompt."""
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    event = normalise_event({"extra": {"deep": deep}, "contexts": {"deep": {"deep": deep}}, "message": deep})
    assert "bottom" not in json.dumps(event.extra)


def test_null_parts_are_empty_parts() -> None:
    """What SDKs send as null is as if it were not there."""
    keys = [
        "exception",
        "breadcrumbs",
        "tags",
        "contexts",
        "extra",
        "user",
        "message",
        "logentry",
        "timestamp",
        "level",
    ]
    received = datetime(2026, 1, 1, tzinfo=UTC)
    event = normalise_event(dict.fromkeys(keys), id="1", received=received)
    assert event.model_dump(exclude={"raw"}) == normalise_event({}, id="1", received=received).model_dump(
        exclude={"raw"}
    )
    assert (event.level, event.timestamp, event.raised) == ("error", received, None)


ERROR = {
    "type": "KeyError",
    "value": "'plan'",
    "stacktrace": {"frames": [{"function": "total", "lineno": "7"}]},
}


@pytest.mark.parametrize(
    "sent", [{"values": [ERROR]}, [ERROR], ERROR, {"values": [None, ERROR]}, {"values": [ERROR, "what"]}]
)
def test_an_exception_is_read_in_every_form(sent: Any) -> None:
    """As an object with values, a list, one object, with rubbish beside it."""
    event = normalise_event({"exception": sent})
    assert [(e.type, e.value) for e in event.exceptions] == [("KeyError", "'plan'")]
    assert event.raised is not None
    assert event.raised.frames[0].lineno == 7
    assert pointed(event, event.raised.frames[0].pointer)["function"] == "total"


@pytest.mark.parametrize(
    "sent", [[["till", "7"], ["till"], None, [None, "x"]], {"till": 7}, [{"key": "till", "value": 7}]]
)
def test_tags_are_read_in_every_form(sent: Any) -> None:
    """As pairs, as an object, as objects with key and value."""
    assert normalise_event({"tags": sent}).tags == {"till": "7"}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"message": "said"}, "said"),
        ({"message": {"formatted": "said 1", "message": "said %s"}}, "said 1"),
        ({"logentry": {"message": "said %s", "params": [1]}}, "said %s"),
        ({"logentry": {"formatted": "said 1"}, "message": "other"}, "said 1"),
        ({"logentry": {"formatted": None}, "message": "other"}, "other"),
    ],
)
def test_a_message_is_read_in_every_form(sent: dict[str, Any], message: str) -> None:
    """The formatted text wins, in ``logentry`` and in ``message``."""
    assert normalise_event(sent).message == message


def test_an_endless_recursion_keeps_its_entry_and_its_end() -> None:
    """Of 1,000 frames the first and last are kept with pointers to where they were; raw keeps all."""
    sent = [{"function": f"f{i}", "in_app": True} for i in range(1_000)]
    event = normalise_event({"exception": [{"type": "RecursionError", "stacktrace": {"frames": sent}}]})
    assert event.raised is not None
    kept = event.raised.frames
    assert len(kept) == FIRST_FRAMES + LAST_FRAMES
    assert (kept[0].function, kept[-1].function) == ("f0", "f999")
    assert kept[FIRST_FRAMES].pointer == f"/exception/0/stacktrace/frames/{1_000 - LAST_FRAMES}"
    assert len(event.raw["exception"][0]["stacktrace"]["frames"]) == 1_000


def test_an_sdk_that_marks_nothing() -> None:
    """Without any in-app mark the paths tell; with one, an unmarked frame is not the program's."""
    paths = [
        "/usr/lib/python3.11/json/decoder.py",
        "/srv/app/cart.py",
        "/venv/lib/python3.11/site-packages/late.py",
    ]
    unmarked = [{"filename": path} for path in paths]
    event = normalise_event({"exception": [{"type": "E", "stacktrace": {"frames": unmarked}}]})
    assert [frame.in_app for frame in event.exceptions[0].frames] == [False, True, False]
    marked = [*unmarked, {"filename": "x.py", "in_app": True}]
    event = normalise_event({"exception": [{"type": "E", "stacktrace": {"frames": marked}}]})
    assert [frame.in_app for frame in event.exceptions[0].frames] == [False, False, False, True]


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (3, 3),
        ("3", 3),
        (3.0, 3),
        (0, None),
        (-1, None),
        (True, None),
        (2**40, None),
        ("9" * 99, None),
        ("x", None),
        (1.5, None),
    ],
)
def test_line_numbers(sent: Any, line: int | None) -> None:
    """Only what can be a line is one."""
    assert line_number(sent) == line


@pytest.mark.parametrize(
    "sent",
    [
        "2026-11-22T10:00:00Z",
        "2026-11-22T12:00:00+02:00",
        "2026-11-22T10:00:00",
        " 2026-11-22T10:00:00.000Z",
        1795341600,
    ],
)
def test_moments(sent: Any) -> None:
    """ISO 8601 with and without a zone, and seconds, are the same moment in UTC."""
    assert moment(sent) == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_text_that_no_database_takes() -> None:
    """NUL and lone surrogates are replaced; a pair of them is the character that it spells."""
    assert clean("a\x00b\ud800c\ud83d\ude00") == "a\ufffdb\ufffdc\U0001f600"
    assert plain({"\x00": ["\x00"]}) == {"\ufffd": ["\ufffd"]}

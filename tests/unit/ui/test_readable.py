"""What machines wrote, as people read it: tools' calls, places in an event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from autofix.explorer.state import BlockState, Message, ToolCall
from autofix.ui.excerpts import event_place
from autofix.ui.timeline import Use, timeline

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def block(index: int, role: Any, content: str = "", *calls: ToolCall) -> BlockState:
    message = Message(role=role, content=content, tool_calls=list(calls))
    return BlockState(id=str(index), index=index, timestamp=WHEN, message=message)


@pytest.mark.parametrize(
    ("args", "use"),
    [
        ('{"path": "a.py", "line": 3}', Use('read(path="a.py", line=3)')),
        ("", Use("read()")),
        ("{}", Use("read()")),
        ("no JSON", Use("read(no JSON)")),
        ('["a"]', Use('read(["a"])')),
        ('{"text": "\u202e"}', Use('read(text="⟨U+202E⟩")')),
    ],
)
def test_a_tools_use_reads_like_a_call(args: str, use: Use) -> None:
    """Names and values, whatever the agent sent as arguments; what hides is named."""
    [entry] = timeline([block(0, "assistant", "", ToolCall(function="read", args=args))]).entries
    assert entry.uses == [use]


def test_long_arguments_are_cut_and_kept_below() -> None:
    """The call stays one line; all of the arguments can be unfolded."""
    args = f'{{"text": "{"x" * 500}"}}'
    [entry] = timeline([block(0, "assistant", "", ToolCall(function="write", args=args))]).entries
    assert entry.uses[0].call.endswith("x …)")
    assert entry.uses[0].args == args


def test_an_answer_names_its_tools_and_repeats_no_call() -> None:
    """Who reads the answer has read the call just above it."""
    read, grep = ToolCall(function="read"), ToolCall(function="grep")
    shown = timeline([block(0, "tool_use", "text", read, grep, read), block(1, "tool_use", "text")]).entries
    assert [(entry.speaker, entry.uses) for entry in shown] == [
        ("Answer of read, grep", []),
        ("Answer of a tool", []),
    ]


def test_what_happens_now_is_what_the_agent_did_last() -> None:
    """Its tool's use, else its words; nobody else's."""
    words, use = block(0, "assistant", "I look."), block(1, "assistant", "", ToolCall(function="read"))
    answer = block(2, "tool_use", "text", ToolCall(function="read"))
    assert timeline([words, use, answer]).now == "read()"
    assert timeline([words, answer]).now == "I look."
    assert timeline([answer]).now == ""
    assert timeline([words, use, answer]).last_words == "I look."


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        ("/exception/values/0/type", "The exception's type"),
        ("/exception/values/1/value", "The exception's message"),
        ("/exception/values/0/stacktrace/frames/6/vars/a~1b", "Local variable a/b"),
        ("/exception/values/0/stacktrace/frames/6/lineno", "A frame's lineno"),
        ("/tags/environment", "environment"),
        ("/something/else", "/something/else"),
        ("", ""),
    ],
)
def test_a_place_in_the_event_is_said_in_words(pointer: str, words: str) -> None:
    """A pointer that nobody foresaw stays a pointer."""
    assert event_place(pointer) == words

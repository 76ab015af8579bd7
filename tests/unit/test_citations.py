"""A citation holds when its quote is at its place, to the letter but for line ends and trailing white space."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofix.artifact_schemas import Citation
from autofix.citations import unresolved
from autofix.exceptions import PathRefused

CODE = "def total(cart):\n    price = cart.price\n    return price * 2\n"
EVENT: dict[str, Any] = {
    "exception": {"values": [{"type": "KeyError", "value": "'tea'\nline two"}]},
    "a/b": {"m~n": 1, "": "empty key"},
    "tags": [["release", "1.0"]],
    "none": None,
    "yes": True,
}


def read_code(repo_name: str, path: str) -> str | None:
    if path.startswith("/"):
        raise PathRefused
    if path.endswith(".bin"):
        raise ValueError(path)
    return CODE if (repo_name, path) == ("acme/shop", "cart.py") else None


def code(quote: str, start: int | None, end: int | None = None, path: str = "cart.py") -> Citation:
    return Citation(
        kind="code", repo_name="acme/shop", path=path, start_line=start, end_line=end, quote=quote
    )


def event(quote: str, pointer: str) -> Citation:
    return Citation(kind="event", pointer=pointer, quote=quote)


def problems(citation: Citation) -> list[str]:
    return unresolved([citation], read_code=read_code, event=EVENT)


@pytest.mark.parametrize(
    "citation",
    [
        code("def total(cart):", 1),
        code("    price = cart.price", 2, 2),
        code("cart.price", 2),
        code("price = cart.price\n    return price * 2", 2, 3),
        code("price = cart.price   \r\n    return price * 2", 1, 3),
        event("KeyError", "/exception/values/0/type"),
        event("'tea'\r\nline two", "/exception/values/0/value"),
        event("1", "/a~1b/m~0n"),
        event("empty key", "/a~1b/"),
        event('"1.0"', "/tags/0"),
        event('["release","1.0"]', "/tags/0"),
        event("null", "/none"),
        event("true", "/yes"),
        event("KeyError", ""),
    ],
)
def test_a_quote_at_its_place_holds(citation: Citation) -> None:
    """Whole lines, parts of a line, several lines, and values of an event in their string form are found."""
    assert problems(citation) == []


@pytest.mark.parametrize(
    "citation",
    [
        code("price = cart.price", 1),
        code("price = basket.price", 2),
        code("return price * 2\n    price = cart.price", 1, 3),
        code("return price * 2", 3, 2),
        code("return price * 2", 3, 4),
        code("def total(cart):", None, 1),
        code("def total(cart):", 1, path="other.py"),
        code("def total(cart):", 1, path="/etc/passwd"),
        code("def total(cart):", 1, path="data.bin"),
        event("KeyError", "/exception/values/1/type"),
        event("KeyError", "/exception/values/-1/type"),
        event("KeyError", "/exception/values/00/type"),
        event("KeyError", "exception"),
        event("TypeError", "/exception/values/0/type"),
    ],
)
def test_a_quote_that_is_elsewhere_or_nowhere_does_not(citation: Citation) -> None:
    """Wrong lines, lines past the end, a wrong order, unreadable files, wrong pointers: one sentence each."""
    assert len(problems(citation)) == 1


def test_the_sentence_names_the_citation() -> None:
    """The agent is told which of its citations to mend."""
    found = unresolved([code("def", 1), code("no", 1), event("no", "/x")], read_code=read_code, event=None)
    assert [sentence.split(":")[0] for sentence in found] == ["Citation 2", "Citation 3"]


@pytest.mark.parametrize(
    ("line", "quote", "holds"),
    [
        ("token = 'abcdefgh12345'", "token = '[redacted]'", True),
        ("name = 'a\u200bb'", "name = 'a\\u200bb'", True),
        ("name = 'a\u200bb'", "name = 'a\u200bb'", True),
        ("name = 'a\u200bb'", "name = 'ab'", False),
        ("token = 'abcdefgh\U000e0149'; b = '\ufeff'", "token = '[redacted]'; b = '\\ufeff'", True),
    ],
)
def test_a_quote_of_what_was_shown_holds(line: str, quote: str, holds: bool) -> None:
    """Agents see secrets blanked and invisible characters spelt out, and can quote nothing else."""
    found = unresolved([code(quote, 1)], read_code=lambda *_: f"{line}\n", event=None)
    assert (found == []) is holds


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
citations = st.builds(
    Citation,
    kind=st.sampled_from(["code", "event"]),
    repo_name=st.sampled_from(["acme/shop", ""]),
    path=st.sampled_from(["cart.py", "/x", "x.bin", ""]),
    start_line=st.none() | st.integers(1, 10**12),
    end_line=st.none() | st.integers(1, 10**12),
    pointer=st.text("/~01ab-") | st.text(),
    quote=st.text(min_size=1).filter(str.strip),
)


@given(st.lists(citations, max_size=3), st.none() | st.dictionaries(st.text("ab/~01"), json_values))
def test_nothing_that_an_agent_writes_raises(made: list[Citation], raw: dict[str, Any] | None) -> None:
    """Any citations against any event give at most one sentence each."""
    assert len(unresolved(made, read_code=read_code, event=raw)) <= len(made)


@given(st.lists(st.text("ab \t", max_size=5), min_size=1, max_size=6), st.data())
def test_any_lines_quoted_from_a_file_hold(lines: list[str], data: st.DataObject) -> None:
    """What is copied from a range of lines is found in that range, although artifacts trim their strings."""
    start = data.draw(st.integers(1, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    quote = "\n".join(lines[start - 1 : end])
    if quote.strip():
        cited = code(quote, start, end)
        assert unresolved([cited], read_code=lambda *_: "\n".join(lines) + "\n", event=None) == []

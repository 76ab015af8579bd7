"""A pull request's words: complete, honest, and harmless whatever the agent wrote."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofix.hosts import Issue
from autofix.scm.descriptions import MAX_BODY, MAX_TITLE, Description, Story, describe

PIN = "0123456789abcdef" * 2 + "01234567"
ISSUE = Issue(
    id="1", short_id="SHOP-1", title="KeyError: 'tea'", organization_id="1", project_id="1", url="https://x.example/1"
)  # fmt: skip


def told(text: str, *, verification: str = "", explorer: str = "offline") -> Description:
    """A story in which every sentence is this text."""
    artifacts: dict[str, dict[str, Any]] = {
        "root_cause": {
            "one_line_description": text,
            "five_whys": [text, text],
            "evidence": [
                {
                    "kind": "code",
                    "repo_name": text,
                    "path": text,
                    "start_line": 1,
                    "end_line": 3,
                    "quote": text,
                },
                {"kind": "event", "pointer": text, "quote": text},
            ],
        },
        "solution": {"one_line_summary": text, "steps": [{"title": text, "description": text}]},
    }
    return describe(Story(ISSUE, artifacts, explorer, PIN, verification))


def test_all_that_is_promised_is_there() -> None:
    """Issue, cause, whys, plan, evidence, verification and who investigated."""
    description = told("The price is missing")
    assert description.title == "The price is missing"
    assert description.body.startswith(
        "Fixes SHOP-1 (https://x.example/1)\n\n## Root cause\nThe price is missing"
    )
    for section in (
        "## Why\n1. ",
        "## Solution",
        "## Evidence\n- ",
        "## Verification\nNot verified: no tests were run",
    ):
        assert section in description.body
    assert "the offline agent, no LLM" in description.body
    assert PIN[:12] in description.body
    assert description.commit_message == "The price is missing\n\nFixes SHOP-1"


def test_verification_and_agent_are_named() -> None:
    """What the agent says of its check replaces the admission that there was none."""
    description = told("x", verification="The program compiles", explorer="llm")
    assert "## Verification\nThe program compiles" in description.body
    assert "Not verified" not in description.body
    assert "the llm agent" in description.body


def test_without_artifacts_the_issue_is_the_title() -> None:
    """A change that was made without a stored root cause still has words; empty sections are left out."""
    description = describe(Story(ISSUE, {}, "offline", PIN))
    assert description.title == "KeyError: 'tea'"
    assert "## Root cause" not in description.body


@pytest.mark.parametrize(
    "text",
    [
        "ping @team and @acme/core", "fixes #12", "closes GH-12", "resolve acme/shop#3", "see !4 and %5 and ~bug and $6 and &7",
        "closes https://github.com/acme/shop/issues/1", "www.example.com",
    ],
)  # fmt: skip
def test_nothing_is_mentioned_or_closed(text: str) -> None:
    """References are broken, in title, body and commit message."""
    description = told(text)
    for words in (description.title, description.commit_message, description.body.partition(")")[2]):
        ours = words.replace("Fixes SHOP-1", "")
        assert not re.search(r"(?<![#\w])[@#!~%$]\w|GH-\d|https?://|www\.\w", ours)


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>", "<!-- hidden -->", "![x](y)", "[x](javascript:y)", "```\n## Root cause\nfaked", "a\n\n/close\n",
        "| a | b |", "`code` @x ``` y", "\u202etxt",
    ],
)  # fmt: skip
def test_nothing_is_embedded(text: str) -> None:
    """Markup shows as text: no html, images, links, fences, headings, tables or quick actions of the agent's."""
    description = told(text)
    outside = re.sub(r"(`+) .*? \1(?!`)", "", description.body)  # code spans show what they hold as it is
    assert not re.search(
        r"(?<!\\)[<>|]|(?<!\\)!?\[.*(?<!\\)\]|(?<!\\)`(?!0123)", outside.replace(f"`{PIN[:12]}`", "")
    )
    headings = [line for line in description.body.splitlines() if line.startswith("#")]
    assert headings == ["## Root cause", "## Why", "## Solution", "## Evidence", "## Verification"]
    assert not re.search(r"^\s*/", description.body, re.MULTILINE)
    assert "\u202e" not in description.body


@given(st.text(max_size=300))
def test_any_words_stay_in_their_place(text: str) -> None:
    """Whatever is told, the title is one short line and the body has our sections only."""
    description = told(text)
    assert len(description.title.splitlines()) <= 1
    assert len(description.title) <= MAX_TITLE * 2
    assert len(description.body) <= MAX_BODY
    headings = [line for line in description.body.split("\n") if line.startswith("##")]
    assert set(headings) <= {"## Root cause", "## Why", "## Solution", "## Evidence", "## Verification"}


def test_long_words_are_cut() -> None:
    """A body is never longer than code hosts take."""
    assert len(told("word " * 3_000).body) <= MAX_BODY
    assert told("word " * 100).title.endswith("…")

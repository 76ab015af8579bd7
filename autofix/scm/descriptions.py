"""The words of a pull request. What an agent wrote is quoted as plain text: it can mention, close and embed nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autofix.hosts import Issue

MAX_TITLE = 120
MAX_LINE = 2_000
MAX_QUOTE = 300
MAX_BODY = 60_000
_BREAK = "\u200b"
# Mentions (@someone), references (#1, !1, GH-1) and addresses, which close or link things on the code host.
_REFERENCE = re.compile(r"([@#!~%$&](?=\w)|\bGH-(?=\d)|\b[a-z]+:(?=//)|\bwww\.)", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+|\s+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|])")


@dataclass(frozen=True)
class Description:
    """Title and body of a pull request, and the message of its commit."""

    title: str
    body: str
    commit_message: str


@dataclass(frozen=True)
class Story:
    """What is told: the issue, the artifacts by key, who investigated, where the change stands and how it was verified."""

    issue: Issue
    artifacts: Mapping[str, Mapping[str, Any]]
    explorer: str
    pin: str
    verification: str = ""


def describe(story: Story) -> Description:
    """The words for this story."""
    root_cause, solution = story.artifacts.get("root_cause", {}), story.artifacts.get("solution", {})
    summary = solution.get("one_line_summary") or root_cause.get("one_line_description") or story.issue.title
    title = _inert(str(summary), MAX_TITLE)
    closing = f"Fixes {_word(story.issue.short_id)}"
    cause = _inert(str(root_cause.get("one_line_description", "")), MAX_LINE)
    message = "\n\n".join(filter(None, (title, cause if cause != title else "", closing)))
    sections = [
        closing + (f" ({story.issue.url})" if _is_link(story.issue.url) else ""),
        _section("Root cause", [_text(root_cause.get("one_line_description"))]),
        _section("Why", _numbered(root_cause.get("five_whys", ()))),
        _section("Solution", [_text(solution.get("one_line_summary")), *_steps(solution.get("steps", ()))]),
        _section("Evidence", [_citation(citation) for citation in root_cause.get("evidence", ())]),
        _section("Verification", [_text(story.verification) or _not_verified(story.pin)]),
        f"---\nInvestigated by autofix with {explorer_words(story.explorer)}, at commit `{story.pin[:12]}`.",
    ]
    return Description(title, "\n\n".join(filter(None, sections))[:MAX_BODY], message)


def explorer_words(name: str) -> str:
    """Who investigated, honestly."""
    return "the offline agent, no LLM" if name == "offline" else f"the {_word(name)} agent"


def _not_verified(pin: str) -> str:
    return (
        f"Not verified: no tests were run. The change was checked to apply to commit `{pin[:12]}` and to touch no "
        "protected file."
    )


def _section(title: str, lines: Sequence[str]) -> str:
    told = [line for line in lines if line]
    return f"## {title}\n" + "\n".join(told) if told else ""


def _numbered(lines: Sequence[object]) -> list[str]:
    return [f"{number}. {_text(line)}" for number, line in enumerate(lines, start=1)]


def _steps(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [f"**{_text(step.get('title'))}**: {_text(step.get('description'))}" for step in steps]
    return ["", *(f"{number}. {line}" for number, line in enumerate(told, start=1))] if told else []


def _citation(citation: Mapping[str, Any]) -> str:
    if citation.get("kind") == "event":
        place = f"event {citation.get('pointer') or '/'}"
    else:
        place = f"{citation.get('repo_name')}: {citation.get('path')}:{citation.get('start_line')}"
        if citation.get("end_line") not in (None, citation.get("start_line")):
            place += f"-{citation.get('end_line')}"
    return f"- {_code(place)}: {_code(citation.get('quote'))}"


def _text(value: object) -> str:
    """One line of Markdown that shows the value as it is."""
    return _MARKDOWN.sub(r"\\\1", _inert(str(value or ""), MAX_LINE))


def _code(value: object) -> str:
    """A code span around the value, fenced by more backticks than it holds."""
    line = _inert(str(value or ""), MAX_QUOTE)
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if line else ""


def _inert(text: str, limit: int) -> str:
    """The text in one line, cut at ``limit``, with references broken by an invisible space."""
    line = _INVISIBLE.sub(" ", text.replace(_BREAK, "")).strip()
    if len(line) > limit:
        line = f"{line[: limit - 1].rstrip()}…"
    return _REFERENCE.sub(lambda match: f"{match[0]}{_BREAK}", line)


def _word(text: str) -> str:
    return re.sub(r"[^\w.-]", "-", text, flags=re.ASCII)[:64]


def _is_link(url: str) -> bool:
    return re.fullmatch(r"https?://[^\s<>()\[\]\"'`\\]+", url) is not None

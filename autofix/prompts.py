"""One prompt per step. The field lists come from the schemas, so that prompt and schema cannot drift apart."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from autofix.artifact_schemas import Artifact
from autofix.fences import DATA_RULE, fenced
from autofix.hosts import Issue
from autofix.steps import STEPS, Step

UNKNOWN = "unknown"

GUIDANCE: dict[Step, tuple[str, ...]] = {
    Step.ROOT_CAUSE: (
        "Find the root cause of this issue.",
        "Gather evidence before you conclude: read the event, its stack trace and the code at the pinned commit.",
        "Ask why again and again, from the symptom to the cause, until the answer is something that a change could remove.",
        "Cite the lines and event values that prove each claim, to the letter.",
        "Do not propose fixes and do not change any code.",
    ),
    Step.SOLUTION: (
        "Plan the fix of this issue's root cause.",
        "Choose the single most pragmatic approach; do not list alternatives.",
        "Name the places to change and what changes there. Do not implement anything yet.",
    ),
    Step.CODE_CHANGES: (
        "Make the planned code changes.",
        "Keep them minimal and focused on the root cause; follow the style of the code around them.",
        "Do not touch what the plan does not need.",
    ),
    Step.IMPACT_ASSESSMENT: (
        "Assess the impact of this issue.",
        "Rate severity by evidence only: counts of events and users, environments, level, handled or not.",
        "Give the number or fact behind each rating. Do not propose fixes.",
    ),
    Step.TRIAGE: (
        "Triage this issue.",
        "Look at the recent commits on the failing lines and at who owns the code.",
        "Name a suspect commit and an assignee only where the evidence convinces; otherwise leave them null.",
    ),
}


def root_cause_prompt(
    *, short_id: str, title: str, culprit: str | None, artifact_key: str = "root_cause"
) -> str:
    """Why did it happen?"""
    return _prompt(Step.ROOT_CAUSE, short_id, title, culprit, artifact_key)


def solution_prompt(*, short_id: str, title: str, culprit: str | None, artifact_key: str = "solution") -> str:
    """What is to be done?"""
    return _prompt(Step.SOLUTION, short_id, title, culprit, artifact_key)


def code_changes_prompt(
    *, short_id: str, title: str, culprit: str | None, artifact_key: str | None = None
) -> str:
    """Do it."""
    return _prompt(Step.CODE_CHANGES, short_id, title, culprit, artifact_key)


def impact_assessment_prompt(
    *, short_id: str, title: str, culprit: str | None, artifact_key: str = "impact_assessment"
) -> str:
    """Who is hurt, and how much?"""
    return _prompt(Step.IMPACT_ASSESSMENT, short_id, title, culprit, artifact_key)


def triage_prompt(*, short_id: str, title: str, culprit: str | None, artifact_key: str = "triage") -> str:
    """Which commit, and who should look?"""
    return _prompt(Step.TRIAGE, short_id, title, culprit, artifact_key)


PROMPTS = {
    Step.ROOT_CAUSE: root_cause_prompt,
    Step.SOLUTION: solution_prompt,
    Step.CODE_CHANGES: code_changes_prompt,
    Step.IMPACT_ASSESSMENT: impact_assessment_prompt,
    Step.TRIAGE: triage_prompt,
}


def build_step_prompt(step: Step, issue: Issue, user_context: str = "") -> str:
    """The whole prompt of a step for an issue, with what the person who started it wants to add."""
    prompt = PROMPTS[step](short_id=issue.short_id, title=issue.title, culprit=issue.culprit)
    if user_context.strip():
        prompt += f"\n\nThe person who started this adds:\n{user_context.strip()}"
    return prompt


def repair_prompt(artifact_key: str, problems: list[str]) -> str:
    """Ask the agent to mend an artifact; ``problems``: one sentence each."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    return (
        f"The artifact `{artifact_key}` cannot be accepted:\n{fenced(listed)}\n"
        f"Write the whole artifact `{artifact_key}` again with these points put right."
    )


def _prompt(step: Step, short_id: str, title: str, culprit: str | None, artifact_key: str | None) -> str:
    task, *rules = GUIDANCE[step]
    about = (
        f"Issue: {short_id}\nTitle: {title.strip() or UNKNOWN}\nCulprit: {(culprit or '').strip() or UNKNOWN}"
    )
    parts = [
        task,
        DATA_RULE,
        fenced(about),
        "\n".join(f"- {rule}" for rule in rules),
    ]
    schema = STEPS[step].artifact
    if schema is not None and artifact_key:
        parts.append(
            f"Write your result as the artifact `{artifact_key}` with these fields:\n{field_list(schema)}"
        )
    return "\n\n".join(parts)


def field_list(schema: type[Artifact | BaseModel], prefix: str = "") -> str:
    """The schema's fields, one line each: dotted name, type, optional or not, description."""
    lines: list[str] = []
    for name, field in schema.model_fields.items():
        optional = "" if field.is_required() else ", optional"
        kind, nested = _kind(field.annotation)
        lines.append(f"- {prefix}{name} ({kind}{optional}): {field.description}")
        if nested is not None:
            dots = "[]." if kind.startswith("list") else "."
            lines.append(field_list(nested, f"{prefix}{name}{dots}"))
    return "\n".join(lines)


def _kind(annotation: Any) -> tuple[str, type[BaseModel] | None]:
    """A type in words, and the model inside of it."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(args[0])
    if origin is list:
        kind, nested = _kind(args[0])
        return f"list of {kind}", nested
    if origin is Literal:
        return " | ".join(f'"{word}"' for word in args), None
    if origin in (Union, UnionType):
        kind, nested = _kind(next(arg for arg in args if arg is not NoneType))
        return f"{kind} or null", nested
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "object", annotation
    return {str: "text", int: "whole number"}.get(annotation, str(annotation)), None

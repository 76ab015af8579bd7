"""Which commit made it fail: by the lines that the bad value passed, and by names that a commit took away."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autofix.explorer.agents.offline import history
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence, Place
from autofix.explorer.agents.offline.left_behind import (
    Suspect,
    blamed,
    changed_producer,
    changed_signature,
    opened,
    removed_words,
)
from autofix.explorer.agents.offline.rules import Plan
from autofix.explorer.agents.offline.trace import Step
from autofix.explorer.agents.offline.wording import shortened
from autofix.explorer.workspace import Checkout

HISTORY_LIMIT = 2_000  # commits; in a longer history the first one is not recognised
MIN_TEXT, MAX_TEXT = 16, 300  # characters of an expression that is looked for in the history


def suspect(evidence: Evidence, steps: list[Step], plan: Plan | None) -> Suspect | None:
    """The first convincing one; the repository's first commit convinces nobody: everything came with it."""
    failing = evidence.failing
    if failing is None or not failing.matches:
        return None
    first = _first_commit(failing.file.checkout)
    return next((found for found in _candidates(evidence, steps, plan) if found.commit.sha != first), None)


def _candidates(evidence: Evidence, steps: list[Step], plan: Plan | None) -> Iterator[Suspect]:
    failing, raised = evidence.failing, evidence.exception
    if failing is None or raised is None:
        return
    if plan is not None and plan.suspect:
        yield from _named(plan.file, plan.suspect, plan.start_line, plan.cause)
    yield from changed_signature(evidence)
    yield from removed_words(evidence)
    yield from changed_producer(evidence)
    if plan is not None and (plan.file.path, plan.where) != (failing.file.path, failing.function_name):
        yield from blamed(plan.file, plan.start_line, plan.end_line, "it wrote what the edit changes")
    yield from opened(evidence)
    for step in _origins(steps):
        yield from blamed(
            step.file,
            step.start_line,
            step.end_line,
            f"it wrote the line where the value comes from: {step.text}",
        )
    yield from _introduced(failing)
    yield from blamed(failing.file, failing.line, failing.line, "it wrote the line that failed")
    for place in reversed(evidence.places[:-1]):
        if place.matches:
            yield from blamed(place.file, place.line, place.line, "it wrote the call that led to the failure")


def _origins(steps: list[Step]) -> list[Step]:
    """The deepest steps that made the value. A plain lookup's result is made by nobody: its reader forgot the case."""
    for kind in ("collected", "field"):
        made = [step for step in steps if step.kind == kind]
        if made:
            return made
    if not steps or steps[-1].kind == "returned":
        return []
    return [steps[-1]] if steps[-1].kind == "assigned" and any(s.kind == "argument" for s in steps) else []


def _introduced(failing: Place) -> Iterator[Suspect]:
    """The commit that first wrote the failing expression, where the line was only moved or rewrapped since."""
    file, line = failing.file, failing.line
    written = history.blame(file, line, line)
    removed = (
        [row for change in history.changes(file.checkout, written[0].sha) for row in change.removed]
        if written
        else []
    )
    for text in _failing_texts(failing):
        if any(text in row for row in removed):
            commits = history.log(file.checkout, containing=text, limit=HISTORY_LIMIT)
            if commits:
                yield Suspect(
                    commits[-1], file, line, line, f"it brought in `{shortened(text, 100)}`, which fails"
                )
            return


def _failing_texts(failing: Place) -> list[str]:
    """The failing line, then the expression that the failing statement works out; none so short that it says nothing."""
    texts = [failing.file.line(failing.line).strip()]
    module = failing.file.module
    statement = module.statement_at(failing.line) if module else None
    value = (
        getattr(statement, "value", None)
        or getattr(statement, "test", None)
        or getattr(statement, "iter", None)
    )
    if module and isinstance(value, ast.expr) and value.lineno == value.end_lineno == failing.line:
        texts.append(module.text(value))
    return [text for text in texts if MIN_TEXT <= len(text) <= MAX_TEXT]


def _named(file: CodeFile, sha: str, line: int, why: str) -> Iterator[Suspect]:
    for commit in history.log(file.checkout, limit=HISTORY_LIMIT):
        if commit.sha == sha:
            yield Suspect(commit, file, line, line, why)


def _first_commit(checkout: Checkout) -> str:
    """The repository's first commit; empty when its history is too long to tell, or is that one commit alone."""
    commits = history.log(checkout, limit=HISTORY_LIMIT)
    return commits[-1].sha if 1 < len(commits) < HISTORY_LIMIT else ""

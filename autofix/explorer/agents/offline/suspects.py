"""Which commit made it fail: by the lines that the bad value passed, and by names that a commit took away."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from autofix.explorer.agents.offline import history, lookup
from autofix.explorer.agents.offline.crash_site import quoted
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence, Place
from autofix.explorer.agents.offline.rules import Plan
from autofix.explorer.agents.offline.trace import Step
from autofix.explorer.agents.offline.wording import shortened
from autofix.explorer.workspace import Checkout, Commit

HISTORY_LIMIT = 2_000  # commits; in a longer history the first one is not recognised
MIN_TEXT, MAX_TEXT = 16, 300  # characters of an expression that is looked for in the history


@dataclass(frozen=True)
class Suspect:
    """The commit, its repository, and the lines that it is suspected for."""

    commit: Commit
    file: CodeFile
    start_line: int
    end_line: int
    why: str


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
    yield from _changed_signature(evidence)
    yield from _removed_key(evidence)
    for step in _origins(steps):
        yield from _blamed(
            step.file,
            step.start_line,
            step.end_line,
            f"it wrote the line where the value comes from: {step.text}",
        )
    yield from _introduced(failing)
    yield from _blamed(failing.file, failing.line, failing.line, "it wrote the line that failed")
    for place in reversed(evidence.places[:-1]):
        if place.matches:
            yield from _blamed(
                place.file, place.line, place.line, "it wrote the call that led to the failure"
            )


def _origins(steps: list[Step]) -> list[Step]:
    """The deepest steps that made the value. A plain lookup's result is made by nobody: its reader forgot the case."""
    for kind in ("collected", "field"):
        made = [step for step in steps if step.kind == kind]
        if made:
            return made
    if not steps or steps[-1].kind == "returned":
        return []
    return [steps[-1]] if steps[-1].kind == "assigned" and any(s.kind == "argument" for s in steps) else []


def _changed_signature(evidence: Evidence) -> Iterator[Suspect]:
    """A call that no longer fits: the commit that wrote the signature, when it is newer than the call."""
    failing, raised = evidence.failing, evidence.exception
    if failing is None or raised is None or raised.type != "TypeError":
        return
    name = quoted(r"^(?:[\w.<>]+\.)?(\w+)\(\) (?:missing|takes|got)", raised.value)
    definition = lookup.only_definition(failing.file.checkout, name) if name else None
    if definition is None:
        return
    line = definition.function.node.lineno
    signature = history.blame(definition.file, line, line)
    call = history.blame(failing.file, failing.line, failing.line)
    if signature and call and history.is_newer(failing.file.checkout, signature[0].sha, call[0].sha):
        yield Suspect(signature[0], definition.file, line, line, f"it changed what `{name}` takes")


def _removed_key(evidence: Evidence) -> Iterator[Suspect]:
    """A key that is gone: the commit that took the quoted name out of other lines, when it is newer than the reader."""
    failing, raised = evidence.failing, evidence.exception
    if failing is None or raised is None or raised.type not in ("KeyError", "AttributeError"):
        return
    name = quoted(r"^['\"](\w+)['\"]$", raised.value) or quoted(r"has no attribute '(\w+)'$", raised.value)
    if not name or (raised.type == "AttributeError" and raised.value.startswith("'NoneType'")):
        return
    word = f'"{name}"' if raised.type == "KeyError" else name
    for commit, path in history.taken_away(failing.file, failing.line, word):
        yield Suspect(commit, failing.file, failing.line, failing.line, f"it took {word} out of {path}")


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


def _blamed(file: CodeFile, start: int, end: int, why: str) -> Iterator[Suspect]:
    for commit in history.blame(file, start, end)[:1]:
        yield Suspect(commit, file, start, end, why)


def _named(file: CodeFile, sha: str, line: int, why: str) -> Iterator[Suspect]:
    for commit in history.log(file.checkout, limit=HISTORY_LIMIT):
        if commit.sha == sha:
            yield Suspect(commit, file, line, line, why)


def _first_commit(checkout: Checkout) -> str:
    """The repository's first commit; empty when its history is too long to tell, or is that one commit alone."""
    commits = history.log(checkout, limit=HISTORY_LIMIT)
    return commits[-1].sha if 1 < len(commits) < HISTORY_LIMIT else ""

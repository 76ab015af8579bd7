"""Where a fix belongs: places, best first, each with its reason. The last frame in the stack is a candidate, not the answer."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from autofix.explorer.agents.offline import lookup
from autofix.explorer.agents.offline.evidence import CodeFile, Evidence, Place
from autofix.explorer.agents.offline.rules import Plan
from autofix.explorer.agents.offline.trace import Step

MAX_PLACES = 10


@dataclass(frozen=True)
class RankedPlace:
    """Lines of a function where the fix may belong, and why."""

    file: CodeFile
    function: str
    start_line: int
    end_line: int
    why: str


def rank(evidence: Evidence, steps: list[Step], plan: Plan | None) -> tuple[RankedPlace, ...]:
    """The candidates: what a rule would edit, then who makes the bad value, then who fails on it, then who called."""
    producers = [step for step in steps if step.kind in ("collected", "field")]
    passed_by = [step for step in steps if step.kind not in ("collected", "field")]
    fails_on_own_value = (
        bool(steps) and steps[0].kind in ("assigned", "field") and _in_failing(evidence, steps[0])
    )
    candidates: list[RankedPlace] = []
    if plan is not None:
        candidates.append(RankedPlace(plan.file, plan.where, plan.start_line, plan.end_line, plan.cause))
    failing = _frames(evidence)[:1]
    made = [_of_step(step) for step in producers]
    own_field = bool(producers) and _read_in_failing(steps)
    first, second = (failing, made) if fails_on_own_value or own_field else (made, failing)
    candidates += [*first, *second, *map(_of_step, passed_by), *_frames(evidence)[1:]]
    unique: dict[tuple[str, str, str], RankedPlace] = {}
    for place in candidates:
        unique.setdefault((place.file.checkout.name, place.file.path, place.function), place)
    program = sorted(unique.values(), key=lambda place: not lookup.is_program(place.file.path))
    return tuple(program[:MAX_PLACES])


def _of_step(step: Step) -> RankedPlace:
    return RankedPlace(step.file, step.function, step.start_line, step.end_line, step.text)


def _frames(evidence: Evidence) -> list[RankedPlace]:
    """The frames, the failing one first; each function once."""
    places = []
    for position, place in enumerate(reversed(evidence.places)):
        why = _why_failing(place) if position == 0 else "on the way to the failing line"
        places.append(RankedPlace(place.file, place.function_name, place.line, place.line, why))
    return places


def _why_failing(place: Place) -> str:
    """The line that failed, or the check that refused."""
    statement = place.file.module.statement_at(place.line) if place.file.module and place.matches else None
    if isinstance(statement, ast.Raise | ast.Assert):
        return "it refuses this on purpose; who called it with this, and why?"
    return "the line that failed"


def _in_failing(evidence: Evidence, step: Step) -> bool:
    failing = evidence.failing
    return (
        failing is not None and step.file.path == failing.file.path and step.function == failing.function_name
    )


def _read_in_failing(steps: list[Step]) -> bool:
    """The failing function itself read the field that holds nothing: it, not the one who stored it, forgot the case."""
    return bool(steps) and steps[0].kind == "field"

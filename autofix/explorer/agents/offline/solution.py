"""The plan of the fix as an artifact: the rule's edit, or where a person should look and why no edit is planned."""

from __future__ import annotations

from autofix.artifact_schemas import SolutionArtifact, SolutionStep
from autofix.explorer.agents.offline.investigation import Investigation
from autofix.explorer.agents.offline.root_cause import symptom
from autofix.explorer.agents.offline.rules import Plan
from autofix.explorer.agents.offline.wording import sentence, storable, words


def solution(found: Investigation) -> SolutionArtifact:
    """What to do about it."""
    summary, steps = _planned(found, found.plan) if isinstance(found.plan, Plan) else _advised(found)
    return SolutionArtifact(one_line_summary=words(summary), steps=steps)


def _planned(found: Investigation, plan: Plan) -> tuple[str, list[SolutionStep]]:
    where = f"{plan.file.path}:{plan.start_line}"
    shown = "; ".join(
        f"{finding.text} ({finding.file.path}:{finding.start_line})" for finding in plan.findings
    )
    return plan.title, [
        _step(f"Edit `{plan.where}`", f"{where}. {plan.change}. It rests on this: {shown}."),
        _step(
            "Cover it with a test",
            f"Call `{plan.where}` as in the event: {symptom(found.evidence)} must not be raised.",
        ),
    ]


def _advised(found: Investigation) -> tuple[str, list[SolutionStep]]:
    if found.verdict.assessment == "not_actionable":
        return f"No change of code: {found.verdict.remedy}", [
            _step("Mend the surroundings", f"{found.verdict.reason} {sentence(found.verdict.remedy)}")
        ]
    if not found.places:
        return "More context is needed first", [_step("Give the missing context", found.verdict.reason)]
    steps = [
        _step(f"Look at `{place.function}`", f"{place.file.path}:{place.start_line}: {place.why}.")
        for place in found.places[:3]
    ]
    place = found.places[0]
    reason = "" if isinstance(found.plan, Plan) else found.plan.reason
    steps.append(
        _step("No edit is planned by rule", f"{reason} A person decides what should happen in this case.")
    )
    return (
        f"Decide in `{place.function}` ({place.file.path}:{place.start_line}) what should happen on {symptom(found.evidence)}",
        steps,
    )


def _step(title: str, description: str) -> SolutionStep:
    return SolutionStep(title=storable(title), description=storable(description)[:10_000])

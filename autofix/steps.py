"""The one registry of steps, and what comes after each: plain Python, no Django, no queue, no HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autofix.artifact_schemas import (
    Artifact,
    ImpactAssessmentArtifact,
    RootCauseArtifact,
    SolutionArtifact,
    TriageArtifact,
)


class Step(StrEnum):
    """What an agent can be asked to do."""

    ROOT_CAUSE = "root_cause"
    SOLUTION = "solution"
    CODE_CHANGES = "code_changes"
    IMPACT_ASSESSMENT = "impact_assessment"
    TRIAGE = "triage"


class Action(StrEnum):
    """What can be asked of a run without an agent's turn."""

    OPEN_PR = "open_pr"
    HANDOFF = "coding_agent_handoff"


class Lane(StrEnum):
    """The pipeline runs one step at a time; side steps run beside it."""

    PIPELINE = "pipeline"
    SIDE = "side"


class StoppingPoint(StrEnum):
    """How far a run goes by itself, in rank order."""

    ROOT_CAUSE = "root_cause"
    SOLUTION = "solution"
    CODE_CHANGES = "code_changes"
    OPEN_PR = "open_pr"

    @property
    def rank(self) -> int:
        return list(StoppingPoint).index(self)


@dataclass(frozen=True)
class StepSpec:
    """Everything that the rest of the system derives for a step.

    ``event_name`` is the step's word in webhook types; ``artifact`` is None where file patches are the result.
    """

    step: Step
    title: str
    lane: Lane
    event_name: str
    artifact: type[Artifact] | None
    edits_code: bool = False

    @property
    def lane_slot(self) -> str:
        """The pipeline holds one active step, each side step has a slot of its own."""
        return self.lane.value if self.lane is Lane.PIPELINE else self.step.value

    @property
    def artifact_key(self) -> str | None:
        return self.step.value if self.artifact is not None else None


STEPS: dict[Step, StepSpec] = {
    spec.step: spec
    for spec in (
        StepSpec(Step.ROOT_CAUSE, "Root cause", Lane.PIPELINE, "root_cause", RootCauseArtifact),
        StepSpec(Step.SOLUTION, "Solution", Lane.PIPELINE, "solution", SolutionArtifact),
        StepSpec(Step.CODE_CHANGES, "Code changes", Lane.PIPELINE, "coding", None, edits_code=True),
        StepSpec(
            Step.IMPACT_ASSESSMENT,
            "Impact assessment",
            Lane.SIDE,
            "impact_assessment",
            ImpactAssessmentArtifact,
        ),
        StepSpec(Step.TRIAGE, "Triage", Lane.SIDE, "triage", TriageArtifact),
    )
}
PIPELINE: tuple[Step, ...] = tuple(s for s, spec in STEPS.items() if spec.lane is Lane.PIPELINE)
SIDE_STEPS: tuple[Step, ...] = tuple(s for s, spec in STEPS.items() if spec.lane is Lane.SIDE)


@dataclass(frozen=True)
class Stop:
    """The run ends here; ``reason`` is a word for machines, or empty when the stopping point was reached."""

    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Trigger:
    """The pipeline goes on with this step."""

    step: Step


@dataclass(frozen=True)
class OpenPullRequest:
    """The changes become a pull request."""


@dataclass(frozen=True)
class HandOff:
    """The work goes over to another coding agent, named by its provider."""

    provider: str


NextAction = Stop | Trigger | OpenPullRequest | HandOff


def parse_step(word: str) -> Step | Action:
    """The step or action with this name; ValueError when there is none."""
    return Action(word) if word in set(Action) else Step(word)


def next_action(
    step: Step,
    artifact: Artifact | None,
    stopping_point: StoppingPoint,
    *,
    coding_enabled: bool,
    handoff_provider: str | None = None,
) -> NextAction:
    """What follows on a completed pipeline step.

    The stopping point is a rank: a step at or beyond it does not advance. A root cause that no change of this code can fix
    stops the run whatever the stopping point, and so does coding being switched off, before ``code_changes``.
    """
    if STEPS[step].lane is Lane.SIDE:
        return Stop()
    if isinstance(artifact, RootCauseArtifact) and artifact.fixability.assessment == "not_actionable":
        return Stop("not_actionable", artifact.fixability.reason)
    if StoppingPoint(step.value).rank >= stopping_point.rank:
        return Stop()
    if step is PIPELINE[-1]:
        return OpenPullRequest()
    following = PIPELINE[PIPELINE.index(step) + 1]
    if STEPS[following].edits_code:
        if handoff_provider:
            return HandOff(handoff_provider)
        if not coding_enabled:
            return Stop("coding_disabled", "Code changes are switched off for this organization.")
    return Trigger(following)

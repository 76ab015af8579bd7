"""The registry and "what comes next", without a database."""

from __future__ import annotations

import pytest

from autofix.artifact_schemas import RootCauseArtifact
from autofix.steps import (
    PIPELINE,
    SIDE_STEPS,
    STEPS,
    Action,
    HandOff,
    NextAction,
    OpenPullRequest,
    Step,
    Stop,
    StoppingPoint,
    Trigger,
    next_action,
    parse_step,
)


def root_cause(assessment: str) -> RootCauseArtifact:
    return RootCauseArtifact.model_validate(
        {
            "one_line_description": "a",
            "five_whys": ["b"],
            "fixability": {"assessment": assessment, "reason": "because"},
        }
    )


@pytest.mark.parametrize(
    ("step", "stopping_point", "expected"),
    [
        (Step.ROOT_CAUSE, StoppingPoint.ROOT_CAUSE, Stop()),
        (Step.ROOT_CAUSE, StoppingPoint.SOLUTION, Trigger(Step.SOLUTION)),
        (Step.ROOT_CAUSE, StoppingPoint.OPEN_PR, Trigger(Step.SOLUTION)),
        (Step.SOLUTION, StoppingPoint.ROOT_CAUSE, Stop()),
        (Step.SOLUTION, StoppingPoint.SOLUTION, Stop()),
        (Step.SOLUTION, StoppingPoint.CODE_CHANGES, Trigger(Step.CODE_CHANGES)),
        (Step.CODE_CHANGES, StoppingPoint.SOLUTION, Stop()),
        (Step.CODE_CHANGES, StoppingPoint.CODE_CHANGES, Stop()),
        (Step.CODE_CHANGES, StoppingPoint.OPEN_PR, OpenPullRequest()),
        (Step.TRIAGE, StoppingPoint.OPEN_PR, Stop()),
        (Step.IMPACT_ASSESSMENT, StoppingPoint.OPEN_PR, Stop()),
    ],
)
def test_stopping_point_is_a_rank(step: Step, stopping_point: StoppingPoint, expected: NextAction) -> None:
    """A step at or beyond the stopping point does not advance, and side steps never do."""
    artifact = root_cause("fixable") if step is Step.ROOT_CAUSE else None
    assert next_action(step, artifact, stopping_point, coding_enabled=True) == expected


@pytest.mark.parametrize("stopping_point", list(StoppingPoint))
def test_not_actionable_stops_whatever_the_stopping_point(stopping_point: StoppingPoint) -> None:
    """A root cause that no change of this code can fix ends the run with that reason."""
    action = next_action(Step.ROOT_CAUSE, root_cause("not_actionable"), stopping_point, coding_enabled=True)
    assert action == Stop("not_actionable", "because")


def test_needs_more_context_goes_on() -> None:
    """Only "not actionable" stops: a thin root cause may still lead to a plan."""
    action = next_action(
        Step.ROOT_CAUSE, root_cause("needs_more_context"), StoppingPoint.OPEN_PR, coding_enabled=True
    )
    assert action == Trigger(Step.SOLUTION)


def test_coding_disabled_stops_before_code_changes_only() -> None:
    """With coding switched off the plan is still made; the code is left alone, and the run says why."""
    first = next_action(Step.ROOT_CAUSE, root_cause("fixable"), StoppingPoint.OPEN_PR, coding_enabled=False)
    second = next_action(Step.SOLUTION, None, StoppingPoint.OPEN_PR, coding_enabled=False)
    assert first == Trigger(Step.SOLUTION)
    assert isinstance(second, Stop)
    assert second.reason == "coding_disabled"


def test_handoff_takes_the_place_of_our_own_coding() -> None:
    """Where another coding agent is preferred, the solution goes to it."""
    action = next_action(
        Step.SOLUTION, None, StoppingPoint.OPEN_PR, coding_enabled=True, handoff_provider="other"
    )
    assert action == HandOff("other")


def test_registry_covers_every_step_once() -> None:
    """Pipeline and side steps together are all steps, and only code changes have no artifact."""
    assert set(STEPS) == set(Step) == {*PIPELINE, *SIDE_STEPS}
    assert [s for s, spec in STEPS.items() if spec.artifact is None] == [Step.CODE_CHANGES]
    assert [p.value for p in StoppingPoint] == [*(s.value for s in PIPELINE), Action.OPEN_PR.value]


def test_lane_slots_allow_side_steps_beside_each_other() -> None:
    """The pipeline shares one slot; every side step has one of its own."""
    slots = [STEPS[s].lane_slot for s in PIPELINE]
    assert set(slots) == {"pipeline"}
    assert len({STEPS[s].lane_slot for s in SIDE_STEPS}) == len(SIDE_STEPS)


def test_parse_step_knows_steps_and_actions() -> None:
    """Words of the API become members; other words are a ValueError."""
    assert parse_step("triage") is Step.TRIAGE
    assert parse_step("open_pr") is Action.OPEN_PR
    with pytest.raises(ValueError, match="dance"):
        parse_step("dance")

"""A run's life in this process: the real explorer and database, the scripted agent, wake-ups in this thread."""

from __future__ import annotations

from typing import Any

import pytest

from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer.client import get_client
from autofix.explorer.models import Session, Turn
from autofix.hosts import Issue
from autofix.models import (
    OrganizationSettings,
    ProjectPreference,
    Run,
    StepExecution,
    WebhookEvent,
)
from autofix.steps import Step, StoppingPoint
from autofix.testing import WakeupQueue
from autofix.wakeups import CALL_HOOK, RUN_TURN
from tests.pipeline import PATCH, ROOT_CAUSE, Play, events_of, says, steps_of
from tracker import models as tracker

pytestmark = pytest.mark.django_db(transaction=True)
CODE = StoppingPoint.CODE_CHANGES


def test_whole_pipeline_with_side_steps(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """From one trigger, all five steps complete, each announced once, and the run is idle at its stopping point."""
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    queue.drain()
    run.refresh_from_db()
    assert run.status == "completed"
    assert set(steps_of(run).values()) == {"completed"}
    assert set(steps_of(run)) == {step.value for step in Step}
    happenings = events_of(run)
    assert happenings[:2] == ["root_cause_started", "root_cause_completed"]
    assert happenings[-1] == "run_completed"
    assert len(happenings) == len(set(happenings)) == 11


def test_every_message_three_times_changes_nothing(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """Duplicated wake-ups and completion callbacks advance once, announce once, and repeat no block."""
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    queue.drain(times=3)
    for turn in Turn.objects.all():
        for _ in range(3):
            queue.publish(CALL_HOOK, (turn.pk,), 0)
    queue.drain(times=3)
    assert len(events_of(run)) == 11
    assert StepExecution.objects.count() == 5
    session = Session.objects.get(pk=int(Run.objects.get().session_id))
    length = (1 + 2) + (1 + 2) + (1 + 1)
    assert list(session.blocks.values_list("index", flat=True)) == list(range(length))


def test_side_steps_fork_at_the_root_cause(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A side step sees the root cause's blocks and none of the solution's; the main session sees none of the side step's."""
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    queue.drain()
    triage = run.steps.get(step="triage")
    texts = [block.message.content for block in get_client().state(triage.session_id).blocks]
    assert "looking into root_cause" in texts
    assert "looking into triage" in texts
    assert "looking into solution" not in texts
    run.refresh_from_db()
    main = [block.message.content for block in get_client().state(run.session_id).blocks]
    assert "looking into triage" not in main


def test_no_side_steps_when_the_project_wants_none(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """The preference decides which side steps run."""
    ProjectPreference.objects.create(
        organization_id=issue.organization_id, project_id=issue.project_id, side_steps=["triage"]
    )
    run = trigger_autofix_agent(issue, stopping_point=StoppingPoint.SOLUTION).run
    queue.drain()
    assert set(steps_of(run)) == {"root_cause", "solution", "triage"}


def test_invalid_artifact_is_sent_back_and_mended(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """The agent hears why its artifact was refused, and its next one is taken; nothing is announced in between."""
    play(root_cause=[says("root_cause", {"five_whys": []}), says("root_cause", ROOT_CAUSE)])
    run = trigger_autofix_agent(issue).run
    queue.drain()
    assert steps_of(run) == {"root_cause": "completed"}
    assert run.steps.get().repairs == 1
    assert "five_whys" in Turn.objects.order_by("-pk")[0].prompt
    assert events_of(run) == ["root_cause_started", "root_cause_completed", "run_completed"]


@pytest.mark.parametrize(
    ("turn", "code"),
    [
        (says("root_cause", {"five_whys": []}), "invalid_artifact"),
        ({"blocks": [{"message": {"content": "nothing"}}]}, "no_artifact"),
        ({"blocks": [], "end": "error", "error": "out of ideas"}, "agent_error"),
        (
            says(
                "root_cause",
                {**ROOT_CAUSE, "evidence": [{"kind": "event", "pointer": "/platform", "quote": "cobol"}]},
            ),
            "invalid_artifact",
        ),
    ],
)
def test_step_fails_with_a_typed_reason(
    issue: Issue, queue: WakeupQueue, play: Play, turn: dict[str, Any], code: str
) -> None:
    """A turn without a usable result fails its step and the run with a code, after the repairs are used up."""
    play(root_cause=[turn])
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    queue.drain()
    run.refresh_from_db()
    assert (run.status, run.failure_code) == ("error", code)
    assert steps_of(run) == {"root_cause": "failed"}
    assert events_of(run) == ["root_cause_started", "root_cause_failed", "run_failed"]


def test_evidence_that_resolves_is_accepted(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A citation whose quote is found at its pointer in the event stands."""
    evidence = [{"kind": "event", "pointer": "/exception/values/0/type", "quote": "KeyError"}]
    play(root_cause=[says("root_cause", {**ROOT_CAUSE, "evidence": evidence})])
    run = trigger_autofix_agent(issue).run
    queue.drain()
    assert steps_of(run) == {"root_cause": "completed"}


def test_no_patch_fails_code_changes(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """Code changes without a change are a failure with a reason, never an empty success."""
    play(code_changes=[{"blocks": [{"message": {"content": "looks fine to me"}}]}])
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    queue.drain()
    run.refresh_from_db()
    assert run.failure_code == "no_code_changes"
    assert "coding_failed" in events_of(run)


def test_not_actionable_stops_with_its_reason(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A root cause outside of the code ends the run whatever its stopping point, and says why."""
    verdict = {"fixability": {"assessment": "not_actionable", "reason": "The disk was full"}}
    play(root_cause=[says("root_cause", {**ROOT_CAUSE, **verdict})])
    run = trigger_autofix_agent(issue, stopping_point=StoppingPoint.OPEN_PR).run
    queue.drain()
    run.refresh_from_db()
    assert (run.status, run.stop_reason) == ("completed", "not_actionable")
    assert steps_of(run) == {"root_cause": "completed"}


def test_coding_disabled_stops_before_code_changes(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """With coding off the plan is made and the code left alone."""
    OrganizationSettings.objects.create(organization_id=issue.organization_id, coding_enabled=False)
    run = trigger_autofix_agent(issue, stopping_point=StoppingPoint.OPEN_PR).run
    queue.drain()
    run.refresh_from_db()
    assert (run.status, run.stop_reason) == ("completed", "coding_disabled")
    assert "code_changes" not in steps_of(run)


def test_issue_deleted_in_mid_run(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A run whose issue is deleted ends with that reason."""
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    tracker.Issue.objects.all().delete()
    queue.drain()
    run.refresh_from_db()
    assert (run.status, run.failure_code) == ("error", "issue_gone")


def test_agent_whose_script_has_no_such_step(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A failing side step fails alone: the pipeline and the run complete."""
    play(triage=[])
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    queue.drain()
    run.refresh_from_db()
    assert run.status == "completed"
    assert steps_of(run)["triage"] == "failed"
    assert "triage_failed" in events_of(run)


def test_lost_wakeup_changes_nothing_but_time(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A turn whose message is lost stays pending, and the same message later runs it."""
    run = trigger_autofix_agent(issue).run
    assert queue.lose(RUN_TURN) == 1
    queue.drain()
    run.refresh_from_db()
    assert run.status == "processing"
    queue.publish(RUN_TURN, (Turn.objects.get().pk,), 0)
    queue.drain()
    run.refresh_from_db()
    assert run.status == "completed"


def test_patches_are_announced_by_repository(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """The event of the code changes carries path, kind, counts and diff per repository."""
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    queue.drain()
    body = WebhookEvent.objects.get(run=run, type="autofix.coding_completed").body
    assert body["data"] == {"code_changes": {"acme/shop": [{**PATCH["patch"], "diff": PATCH["diff"]}]}}

"""What a person does to a run: continue it, go back, ask, answer, cancel."""

from __future__ import annotations

import pytest

from autofix.autofix_agent import cancel_run, trigger_autofix_agent
from autofix.conversations import answer_run
from autofix.exceptions import InvalidRequest, NotRunning, QuotaSpent, RunInFlight
from autofix.explorer.client import get_client
from autofix.explorer.models import Block, Turn
from autofix.hosts import Issue
from autofix.models import OrganizationSettings, QuotaUsage, Run, StepExecution
from autofix.steps import Step, StoppingPoint
from autofix.testing import WakeupQueue
from tests.pipeline import ROOT_CAUSE, Play, events_of, says, steps_of

pytestmark = pytest.mark.django_db(transaction=True)
CODE = StoppingPoint.CODE_CHANGES


def test_continue_to_the_next_step(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A person takes an idle run one step further, in the same session."""
    run = trigger_autofix_agent(issue).run
    queue.drain()
    trigger_autofix_agent(issue, Step.SOLUTION, run_id=run.pk, user_context="keep it small")
    queue.drain()
    run.refresh_from_db()
    assert run.status == "completed"
    assert list(run.steps.values_list("step", flat=True)) == ["root_cause", "solution"]
    assert "keep it small" in Turn.objects.order_by("-pk")[0].prompt


def test_insert_index_drops_what_stood_on_the_blocks(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """Running a step again from an index supersedes the results from there on; indices stay without gaps."""
    run = trigger_autofix_agent(issue, stopping_point=StoppingPoint.SOLUTION).run
    queue.drain()
    trigger_autofix_agent(issue, Step.SOLUTION, run_id=run.pk, insert_index=3)
    queue.drain()
    run.refresh_from_db()
    assert [(s.step, s.superseded) for s in run.steps.filter(lane="pipeline")] == [
        ("root_cause", False),
        ("solution", True),
        ("solution", False),
    ]
    indices = [block.index for block in get_client().state(run.session_id).blocks]
    assert indices == list(range(6))


def test_insert_index_past_the_end_is_refused(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """An index beyond the session changes nothing."""
    run = trigger_autofix_agent(issue).run
    queue.drain()
    before = Run.objects.values().get()
    with pytest.raises(InvalidRequest):
        trigger_autofix_agent(issue, run_id=run.pk, insert_index=99)
    assert Run.objects.values().get() == before
    assert StepExecution.objects.count() == 1


def test_second_run_while_one_is_active(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A new run beside an active one is refused with the active one's id, and costs no quota."""
    run = trigger_autofix_agent(issue).run
    with pytest.raises(RunInFlight) as refused:
        trigger_autofix_agent(issue)
    assert refused.value.run_id == run.pk
    assert QuotaUsage.objects.get().used == 1
    with pytest.raises(RunInFlight):
        trigger_autofix_agent(issue, Step.SOLUTION, run_id=run.pk)


def test_quota_counts_new_runs_only(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """The quota refuses a new run; continuing one never needs it."""
    OrganizationSettings.objects.create(organization_id=issue.organization_id, quota_runs_per_month=1)
    run = trigger_autofix_agent(issue).run
    queue.drain()
    trigger_autofix_agent(issue, Step.SOLUTION, run_id=run.pk)
    queue.drain()
    with pytest.raises(QuotaSpent):
        trigger_autofix_agent(issue)
    assert QuotaUsage.objects.get().used == 1


def test_cancel_ends_the_run_and_later_callbacks_are_ignored(
    issue: Issue, queue: WakeupQueue, play: Play
) -> None:
    """A cancelled run stays cancelled, whatever its turn still says; cancelling again is no error."""
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    assert cancel_run(issue, run.pk).status == "cancelled"
    queue.drain()
    assert cancel_run(issue, run.pk).status == "cancelled"
    assert steps_of(run) == {"root_cause": "cancelled"}
    assert events_of(run) == ["root_cause_started", "run_cancelled"]
    assert Block.objects.count() == 1


def test_question_is_answered(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """The agent asks, the run waits, another answer is refused, the right one lets the step go on."""
    asks = {
        "blocks": [{"message": {"content": "Which branch?"}}],
        "end": "awaiting_user_input",
        "pending_user_input": {"id": "q1", "data": {"question": "Which branch?"}},
    }
    play(root_cause=[asks, says("root_cause", ROOT_CAUSE)])
    run = trigger_autofix_agent(issue).run
    queue.drain()
    run.refresh_from_db()
    assert run.status == "awaiting_user_input"
    with pytest.raises(InvalidRequest):
        answer_run(issue, run.pk, "main", answer_id="q2")
    answer_run(issue, run.pk, "main", answer_id="q1")
    queue.drain()
    run.refresh_from_db()
    assert run.status == "completed"
    assert events_of(run).count("root_cause_started") == 1


def test_answer_without_a_question(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """Nobody asked: an answer is refused, a message sets the last step going again."""
    run = trigger_autofix_agent(issue).run
    queue.drain()
    with pytest.raises(NotRunning):
        answer_run(issue, run.pk, "x", answer_id="q1")
    answer_run(issue, run.pk, "Did you look at the cache?")
    queue.drain()
    assert [s.attempt for s in run.steps.all()] == [1, 2]


def test_continue_right_after_cancel(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A cancelled run can be set going again while its old turn's message is still under way."""
    run = trigger_autofix_agent(issue).run
    cancel_run(issue, run.pk)
    trigger_autofix_agent(issue, run_id=run.pk)
    queue.drain()
    run.refresh_from_db()
    assert run.status == "completed"
    assert [s.status for s in run.steps.all()] == ["cancelled", "completed"]


def test_rewind_while_the_pipeline_is_busy(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """insert_index is refused while a pipeline step runs, also for a side step and at index 0."""
    run = trigger_autofix_agent(issue).run
    for step in (Step.ROOT_CAUSE, Step.TRIAGE):
        with pytest.raises(RunInFlight):
            trigger_autofix_agent(issue, step, run_id=run.pk, insert_index=0)

"""A person talks to the agent: the answer to its question, or a message that sets the last step going again."""

from __future__ import annotations

from django.db import transaction

from autofix import runs, step_executions
from autofix.autofix_agent import Triggered, begin_step, check_switches
from autofix.exceptions import InvalidRequest, NotRunning
from autofix.explorer.client import get_client
from autofix.hosts import Issue
from autofix.models import ACTIVE_STEP, Run, RunStatus, StepExecution
from autofix.steps import Lane, Step


def answer_run(issue: Issue, run_id: int, text: str, *, answer_id: str | None = None) -> Triggered:
    """Give the agent a person's words; ``answer_id`` names the question that they answer.

    Raises NotRunning when there is nothing that the words could go to, InvalidRequest when the question is another one,
    RunInFlight while the agent works.
    """
    with transaction.atomic():
        run = runs.lock_run_of(issue, run_id)
        waiting = run.steps.filter(status__in=ACTIVE_STEP, lane=Lane.PIPELINE).first()
        if run.status == RunStatus.AWAITING and waiting is not None:
            _answer(run, waiting, issue, text, answer_id)
        elif answer_id is not None:
            raise NotRunning("The agent is not waiting for an answer.")
        else:
            _repeat_last_step(run, issue, text)
        runs.touch(run)
    return Triggered(run, runs.latest_step(run), run.status)


def _answer(run: Run, execution: StepExecution, issue: Issue, text: str, answer_id: str | None) -> None:
    client = get_client()
    asked = client.turn(execution.session_id, execution.turn_id).pending_user_input
    if answer_id is not None and (asked is None or asked.id != answer_id):
        wrong = "The agent asked another question."
        raise InvalidRequest(wrong, errors={"id": [wrong]})
    runs.reopen(run)
    execution.answers += 1
    step_executions.start_turn(client, run, execution, issue, text)


def _repeat_last_step(run: Run, issue: Issue, text: str) -> None:
    runs.refuse_busy_pipeline(run)
    last = run.steps.filter(lane=Lane.PIPELINE).order_by("-sequence").first()
    if last is None:
        raise NotRunning("This run has no step that a message could go to.")
    check_switches(issue, Step(last.step))
    runs.reopen(run)
    begin_step(run, Step(last.step), issue, run.referrer, text)

"""A turn has ended: validate what came of it, record, announce, decide, advance.

All that changes state is one transaction under the run's lock. A second call for the same turn finds its step closed, or on
a newer turn, and changes nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from autofix import conf, pull_requests, rows, runs, step_executions
from autofix.autofix_agent import HOOK_REFERRER, coding_enabled, fork_for
from autofix.exceptions import IssueGone, NothingToPush, WorkFailed
from autofix.explorer.client import get_client
from autofix.failpoints import failpoint
from autofix.hosts import HostIssueNotFound, Issue, issue_of
from autofix.models import ACTIVE_STEP, Run, RunStatus, StepExecution
from autofix.preferences import preference_of, wanted_side_steps
from autofix.prompts import repair_prompt
from autofix.results import Outcome, changes_by_repository, judge
from autofix.steps import STEPS, HandOff, Lane, OpenPullRequest, Step, StoppingPoint, Trigger, next_action

logger = logging.getLogger(__name__)
UNRECORDED = "The result could not be recorded; the worker's log has the traceback."


def on_completion_hook(organization_id: str, session_id: str, turn_id: str) -> None:
    """Called by the explorer, by its registered name, when a turn of this session has ended. Safe to call again."""
    execution = _active_step(organization_id, session_id, turn_id)
    if execution is None:
        logger.info("turn %s ended for no active step: a duplicate, or cancelled", turn_id)
        return
    turn = get_client().turn(session_id, turn_id)
    if turn.status in ("pending", "running"):
        return
    try:
        issue = issue_of(execution.run.issue_id, organization_id)
        outcome = judge(execution, turn, issue)
    except HostIssueNotFound:
        issue, outcome = None, Outcome(turn, failure=IssueGone())
    try:
        _conclude(execution, issue, outcome)
    except Exception as exc:
        if isinstance(exc, (OperationalError, InterfaceError)):
            raise  # an outage of the database: the sweeper has the hook called again
        logger.exception("the result of turn %s could not be recorded", turn_id)
        reason = exc if isinstance(exc, WorkFailed) else WorkFailed(UNRECORDED)
        _conclude(execution, issue, Outcome(turn, failure=reason))


def _active_step(organization_id: str, session_id: str, turn_id: str) -> StepExecution | None:
    """The step, with its run, that waits for this turn of this organization."""
    execution = rows.find(StepExecution, session_id=session_id, turn_id=turn_id, status=ACTIVE_STEP)
    run = rows.find(Run, pk=execution.run_id, organization_id=organization_id) if execution else None
    if execution is None or run is None:
        return None
    execution.run = run
    return execution


def _conclude(execution: StepExecution, issue: Issue | None, outcome: Outcome) -> None:
    """Record the outcome in one transaction, unless somebody did; nothing when the run was deleted."""
    with transaction.atomic():
        run = rows.find(Run, lock=True, pk=execution.run_id)
        if run is None:
            return
        held = rows.find(StepExecution, pk=execution.pk, turn_id=execution.turn_id, status=ACTIVE_STEP)
        if held is not None:
            held.run = run
            _record(run, held, issue, outcome)
            failpoint("hook.before_commit")


def _record(run: Run, execution: StepExecution, issue: Issue | None, outcome: Outcome) -> None:
    if outcome.failure is None and outcome.is_question:
        run.status = RunStatus.AWAITING
    elif issue is not None and outcome.problems and execution.repairs < conf.settings().max_artifact_repairs:
        _send_back(run, execution, issue, outcome.problems)
    elif issue is None or outcome.failure is not None:
        step_executions.fail(run, execution, outcome.failure or IssueGone(), outcome.turn.end_index)
    else:
        for step, revision in outcome.revised.items():
            step_executions.revise(run, execution, step, revision.model_dump(mode="json"))
        artifact = outcome.artifact.model_dump(mode="json") if outcome.artifact else None
        step_executions.complete(
            run, execution, outcome.turn, artifact, _event_data(execution, artifact, outcome)
        )
        _advance(run, execution, issue, outcome)
    runs.settle(run)


def _send_back(run: Run, execution: StepExecution, issue: Issue, problems: list[str]) -> None:
    """Ask the agent to mend its artifact, in a further turn of the same step."""
    execution.repairs += 1
    key = STEPS[Step(execution.step)].artifact_key or ""
    step_executions.start_turn(get_client(), run, execution, issue, repair_prompt(key, problems))


def _event_data(
    execution: StepExecution, artifact: dict[str, Any] | None, outcome: Outcome
) -> dict[str, Any]:
    return {execution.step: changes_by_repository(outcome.patches) if artifact is None else artifact}


def _advance(run: Run, execution: StepExecution, issue: Issue, outcome: Outcome) -> None:
    """Do what comes next: a step, a pull request, or nothing, with the reason stored where the run stops early."""
    preference = preference_of(run.organization_id, run.project_id)
    if execution.lane == Lane.PIPELINE:
        step = Step(execution.step)
        action = next_action(
            step,
            outcome.artifact,
            StoppingPoint(run.stopping_point),
            coding_enabled=coding_enabled(run.organization_id),
            handoff_provider=(preference.handoff or {}).get("provider"),
        )
        if isinstance(action, Trigger):
            step_executions.begin(run, action.step, issue, referrer=HOOK_REFERRER)
        elif isinstance(action, OpenPullRequest):
            _open_pull_request(run, outcome)
        else:
            run.stop_reason = "handoff_unavailable" if isinstance(action, HandOff) else action.reason
    _begin_side_steps(run, issue, wanted_side_steps(preference))


def _open_pull_request(run: Run, outcome: Outcome) -> None:
    try:
        pull_requests.request(run, outcome.patches)
    except NothingToPush as exc:
        run.stop_reason = exc.code


def _begin_side_steps(run: Run, issue: Issue, wanted: list[Step]) -> None:
    """Begin the wanted side steps, once, when the pipeline has gone on from the root cause by itself.

    All at once on forks, beside the solution; where the explorer cannot fork, one after the other behind the pipeline.
    """
    if not wanted:
        return
    begun = set(run.steps.filter(superseded=False).values_list("step", "referrer"))
    if (Step.SOLUTION, HOOK_REFERRER) not in begun:
        return
    names = {step for step, _ in begun}
    missing = [step for step in wanted if step not in names]
    if not get_client().can_fork:
        missing = [] if runs.is_busy(run) else missing[:1]
    for step in missing:
        step_executions.begin(run, step, issue, referrer=HOOK_REFERRER, session_id=fork_for(run))

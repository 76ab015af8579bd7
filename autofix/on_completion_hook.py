"""A turn has ended: validate what came of it, record, announce, decide, advance.

All that changes state is one transaction under the run's lock. A second call for the same turn finds its step closed, or on
a newer turn, and changes nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError

from autofix import conf, preferences, pull_requests, rows, runs, step_executions
from autofix.autofix_agent import HOOK_REFERRER, fork_for
from autofix.delivery import outbox
from autofix.exceptions import IssueGone, NothingToPush, WorkFailed
from autofix.explorer.client import get_client
from autofix.explorer.hooks import TurnEnd
from autofix.explorer.leases import LeaseLost
from autofix.failpoints import failpoint
from autofix.hosts import HostIssueNotFound, Issue, issue_of
from autofix.models import ACTIVE_STEP, Run, RunStatus, StepExecution
from autofix.preferences import preference_of, settings_of, wanted_side_steps
from autofix.prompts import repair_prompt
from autofix.results import Outcome, changes_by_repository, judge
from autofix.steps import STEPS, HandOff, Lane, OpenPullRequest, Step, StoppingPoint, Trigger, next_action

logger = logging.getLogger(__name__)
UNRECORDED = "The result could not be recorded; the worker's log has the traceback."


def on_completion_hook(end: TurnEnd) -> None:
    """Called by the explorer, by its registered name, when a turn of this session ends. Safe to call again."""
    execution = _step_of(end)
    if execution is None:
        logger.info("turn %s ended for no active step: a duplicate, or cancelled", end.turn.id)
        return
    if end.turn.status in ("pending", "running"):
        return
    try:
        issue = issue_of(end.issue_id, end.organization_id)
        outcome = judge(execution, end.turn, issue)
    except HostIssueNotFound:
        issue, outcome = None, Outcome(end.turn, failure=IssueGone())
    failpoint("hook.judged")
    try:
        _conclude(end, execution, issue, outcome)
    except (OperationalError, InterfaceError, LeaseLost):
        raise  # an outage of the database, or somebody else's turn by now: whoever goes on calls the hook again
    except Exception as exc:
        logger.exception("the result of turn %s could not be recorded", end.turn.id)
        reason = exc if isinstance(exc, WorkFailed) else WorkFailed(UNRECORDED)
        _conclude(end, execution, issue, Outcome(end.turn, failure=reason))


def _step_of(end: TurnEnd) -> StepExecution | None:
    """The active step that the turn worked for. A worker that goes on reads what it will ask later in the same trip."""
    mine = (end.session_id, end.turn.id)
    asked = step_executions.questions(*mine)
    if not asked:
        return step_executions.of_turn(*mine)
    asked += outbox.questions(end.organization_id)
    asked += preferences.questions(end.organization_id, end.project_id)
    with rows.ahead(*asked):
        # Asked here, so that they are remembered.
        outbox.listeners(end.organization_id)
        settings_of(end.organization_id)
        preference_of(end.organization_id, end.project_id)
        return step_executions.of_turn(*mine)


def _conclude(end: TurnEnd, execution: StepExecution, issue: Issue | None, outcome: Outcome) -> None:
    """Record the end and the outcome in one transaction, unless somebody did; nothing when the run was deleted."""
    try:
        _conclude_as_known(end, execution, issue, outcome, runs.recall(execution.run_id))
    except runs.Changed:
        _conclude_as_known(end, execution, issue, outcome, None)


def _conclude_as_known(
    end: TurnEnd, execution: StepExecution, issue: Issue | None, outcome: Outcome, known: Run | None
) -> None:
    with rows.together() as unit:
        if known is not None:
            runs.lock_again(known)
        else:
            unit.foresee(*runs.questions(execution.run_id))
        unit.foresee(*outbox.questions(end.organization_id))
        if issue is not None:
            unit.foresee(*preferences.questions(end.organization_id, issue.project_id))
        end.record()
        run = known or runs.lock_whole(execution.run_id)
        if run is None or run.organization_id != end.organization_id:
            return
        for held in list(runs.steps_of(run)):
            if held.pk == execution.pk and held.turn_id == end.turn.id and held.status in ACTIVE_STEP:
                held.run = run
                _record(run, held, issue, outcome)
                runs.remember(run)
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
        if _advance(run, execution, issue, outcome):
            runs.touch(run)
            return
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


def _advance(run: Run, execution: StepExecution, issue: Issue, outcome: Outcome) -> bool:
    """Do what comes next: a step, a pull request, or nothing, with the reason stored where the run stops early.

    True when something is under way now.
    """
    preference = preference_of(run.organization_id, run.project_id)
    goes_on = False
    if execution.lane == Lane.PIPELINE:
        step = Step(execution.step)
        action = next_action(
            step,
            outcome.artifact,
            StoppingPoint(run.stopping_point),
            coding_enabled=settings_of(run.organization_id).coding_enabled,
            handoff_provider=(preference.handoff or {}).get("provider"),
        )
        if isinstance(action, Trigger):
            step_executions.begin(run, action.step, issue, referrer=HOOK_REFERRER)
            goes_on = True
        elif isinstance(action, OpenPullRequest):
            _open_pull_request(run, outcome)
        else:
            run.stop_reason = "handoff_unavailable" if isinstance(action, HandOff) else action.reason
    return _begin_side_steps(run, issue, wanted_side_steps(preference)) or goes_on


def _open_pull_request(run: Run, outcome: Outcome) -> None:
    try:
        pull_requests.request(run, outcome.patches)
    except NothingToPush as exc:
        run.stop_reason = exc.code


def _begin_side_steps(run: Run, issue: Issue, wanted: list[Step]) -> bool:
    """Begin the wanted side steps, once, when the pipeline has gone on from the root cause by itself; was there one?

    All at once on forks, beside the solution; where the explorer cannot fork, one after the other behind the pipeline.
    """
    if not wanted:
        return False
    begun = {(step.step, step.referrer) for step in runs.steps_of(run) if not step.superseded}
    if (Step.SOLUTION, HOOK_REFERRER) not in begun:
        return False
    names = {step for step, _ in begun}
    missing = [step for step in wanted if step not in names]
    if not get_client().can_fork:
        missing = [] if runs.is_busy(run) else missing[:1]
    for step in missing:
        step_executions.begin(run, step, issue, referrer=HOOK_REFERRER, session_id=fork_for(run))
    return bool(missing)

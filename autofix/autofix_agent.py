"""Use cases: trigger a step, continue, cancel, open pull requests, hand off. Each is one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from autofix import pull_requests, quota, rows, runs, step_executions
from autofix.exceptions import (
    AIDisabled,
    CodingDisabled,
    InvalidRequest,
    NothingToPush,
    PullRequestExists,
    RunInFlight,
)
from autofix.explorer.client import get_client
from autofix.explorer.state import latest_patches
from autofix.failpoints import failpoint
from autofix.hosts import Issue
from autofix.models import ACTIVE_STEP, PullRequestState, Run, RunStatus, StepExecution, StepStatus
from autofix.preferences import settings_of
from autofix.steps import STEPS, Action, Lane, Step, StoppingPoint

REFERRERS = (
    "api.group_ai_autofix",
    "api.web",
    "api.cli",
    "api.mcp",
    "issue_summary.post_process_fixability",
    "autofix.on_completion_hook",
    "github.pr_comment",
    "slack",
    "unknown",
)
DEFAULT_REFERRER, AUTOMATION_REFERRER, HOOK_REFERRER, UNKNOWN_REFERRER = (
    REFERRERS[0], REFERRERS[4], REFERRERS[5], REFERRERS[-1]
)  # fmt: skip


@dataclass(frozen=True)
class Triggered:
    """What was set going: the run, the step's or action's word, and the run's status now."""

    run: Run
    step: str
    status: str


def known_referrer(word: str) -> str:
    """The word itself, or ``unknown``: a referrer is never a reason to refuse."""
    return word if word in REFERRERS else UNKNOWN_REFERRER


def check_switches(issue: Issue, step: Step | Action) -> None:
    """AIDisabled or CodingDisabled when the organization does not want this."""
    switches = settings_of(issue.organization_id)
    if not switches.ai_enabled:
        raise AIDisabled
    codes = not isinstance(step, Step) or STEPS[step].edits_code
    if codes and not switches.coding_enabled:
        raise CodingDisabled


def trigger_autofix_agent(
    issue: Issue,
    step: Step = Step.ROOT_CAUSE,
    *,
    referrer: str = DEFAULT_REFERRER,
    actor: str = "",
    run_id: int | None = None,
    stopping_point: StoppingPoint | None = None,
    user_context: str = "",
    insert_index: int | None = None,
) -> Triggered:
    """Start a run with this step, or continue the run ``run_id`` with it.

    A stopping point without a run forces ``root_cause``; without one a run stops after its step. ``insert_index`` drops
    the session's blocks from there on first.

    Raises QuotaSpent (new runs only), RunInFlight, NotFound, PullRequestExists, InvalidRequest (index past the end).
    """
    with rows.together():
        if run_id is None:
            if insert_index is not None:
                raise InvalidRequest(
                    "insert_index needs a run_id.", errors={"insert_index": ["Needs a run_id."]}
                )
            if stopping_point is not None:
                step = Step.ROOT_CAUSE
            run = _start_run(issue, step, referrer, actor, stopping_point)
        else:
            run = _reopen_run(issue, run_id, step, rewinds=insert_index is not None)
            if insert_index is not None:
                _rewind(run, insert_index)
            if stopping_point is not None:
                run.stopping_point = stopping_point
        execution = begin_step(run, step, issue, referrer, user_context)
        runs.touch(run)
        failpoint("trigger.before_commit")
    return Triggered(run, execution.step, run.status)


def open_pull_requests(issue: Issue, run_id: int, *, repo_name: str = "") -> Triggered:
    """Push the run's changes and open a pull request per repository (or only in ``repo_name``).

    Raises NotFound, RunInFlight while the pipeline is busy, NothingToPush.
    """
    with transaction.atomic():
        run = runs.lock_run_of(issue, run_id)
        runs.refuse_busy_pipeline(run)
        if not run.session_id:
            raise NothingToPush
        patches = latest_patches(get_client().patched_blocks(run.session_id))
        runs.reopen(run)
        run.stopping_point = StoppingPoint.OPEN_PR
        pull_requests.request(run, patches, only_repo=repo_name)
        runs.touch(run)
    return Triggered(run, Action.OPEN_PR, run.status)


def hand_off(issue: Issue, run_id: int, *, provider: str | None, integration_id: int | None) -> Triggered:
    """Give the work to another coding agent. None can be configured yet: InvalidRequest says so."""
    runs.find_run(issue, run_id)
    named, field = (provider, "provider") if provider else (integration_id, "integration_id")
    raise InvalidRequest(
        f"No coding agent {named!r} is configured here.",
        errors={field: ["No such coding agent is configured here."]},
    )


def cancel_run(issue: Issue, run_id: int) -> Triggered:
    """End the run: the running turn ends at its next block, later callbacks for it are ignored.

    A run that has ended is left as it is: cancelling twice is no error.
    """
    with transaction.atomic():
        run = runs.lock_run_of(issue, run_id)
        if run.is_active:
            step_executions.cancel_active(run)
            pull_requests.cancel(run)
            run.status = RunStatus.CANCELLED
            runs.announce(run, "run_cancelled", {})
            runs.touch(run)
    return Triggered(run, runs.latest_step(run), run.status)


def _start_run(
    issue: Issue, step: Step, referrer: str, actor: str, stopping_point: StoppingPoint | None
) -> Run:
    quota.count_run(issue.organization_id)
    own_end = StoppingPoint(step.value) if STEPS[step].lane is Lane.PIPELINE else StoppingPoint.ROOT_CAUSE
    run = Run(
        organization_id=issue.organization_id,
        project_id=issue.project_id,
        issue_id=issue.id,
        stopping_point=stopping_point or own_end,
        referrer=known_referrer(referrer),
        actor=actor,
        explorer=get_client().name,
    )
    if not rows.insert(run, unless_known_by=runs.ONE_ACTIVE):
        raise runs.in_flight(issue.organization_id, issue.id)
    return run


def _reopen_run(issue: Issue, run_id: int, step: Step, *, rewinds: bool) -> Run:
    run = runs.lock_run_of(issue, run_id)
    slot = STEPS[step].lane_slot
    if STEPS[step].lane is Lane.PIPELINE or rewinds:
        runs.refuse_busy_pipeline(run)
    if run.steps.filter(status__in=ACTIVE_STEP, lane_slot=slot).exists():
        raise RunInFlight(run.pk, f"The step {step.value} of this run is under way.")
    runs.reopen(run)
    return run


def begin_step(run: Run, step: Step, issue: Issue, referrer: str, user_context: str) -> StepExecution:
    """Begin the step in the (locked) run's session, a side step in a fork of it."""
    return step_executions.begin(
        run,
        step,
        issue,
        referrer=known_referrer(referrer),
        user_context=user_context,
        session_id=fork_for(run) if STEPS[step].lane is Lane.SIDE else "",
    )


def start_step(execution_id: int) -> None:
    """Start the turn of a pending step, for explorers outside of our database; nothing happens when it was started."""
    execution = StepExecution.objects.filter(pk=execution_id, status=StepStatus.PENDING).first()
    if execution is None:
        return
    with transaction.atomic():
        run = runs.lock_run(execution.run_id)
        pending = run.steps.filter(pk=execution_id, status=StepStatus.PENDING).first()
        if pending is not None:
            step_executions.start(run, pending)
            runs.touch(run)


def fork_for(run: Run) -> str:
    """A fork of the (locked) run's session at its root cause, for a side step; empty where the explorer cannot fork."""
    client = get_client()
    if not (client.can_fork and run.session_id):
        return ""
    root_cause = (
        run.steps.filter(step=Step.ROOT_CAUSE, status=StepStatus.COMPLETED, superseded=False)
        .order_by("-sequence")
        .first()
    )
    return client.fork(run.session_id, root_cause.end_index if root_cause else 0)


def _rewind(run: Run, index: int) -> None:
    opened = (PullRequestState.CREATING, PullRequestState.COMPLETED)
    if run.pull_requests.filter(state__in=opened).exists():
        raise PullRequestExists
    try:
        get_client().rewind(run.session_id, index)
    except ValueError as exc:
        raise InvalidRequest(str(exc), errors={"insert_index": [str(exc)]}) from exc
    step_executions.supersede(run, index)

"""Use cases: trigger a step, continue, answer, cancel, open pull requests, hand off. Each is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from autofix import pull_requests, quota, runs, step_executions
from autofix.exceptions import (
    AIDisabled,
    CodingDisabled,
    InvalidRequest,
    NotFound,
    NothingToPush,
    NotRunning,
    PullRequestExists,
    RunInFlight,
)
from autofix.explorer.client import get_client
from autofix.explorer.state import latest_patches
from autofix.hosts import Issue
from autofix.models import (
    ACTIVE_RUN,
    ACTIVE_STEP,
    OrganizationSettings,
    PullRequestState,
    Run,
    RunStatus,
    StepExecution,
    StepStatus,
)
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


def coding_enabled(organization_id: str) -> bool:
    """May code be changed in this organization?"""
    row = OrganizationSettings.objects.filter(organization_id=organization_id).first()
    return row is None or row.coding_enabled


def check_switches(issue: Issue, step: Step | Action) -> None:
    """AIDisabled or CodingDisabled when the organization does not want this."""
    row = OrganizationSettings.objects.filter(organization_id=issue.organization_id).first()
    if row is not None and not row.ai_enabled:
        raise AIDisabled
    codes = not isinstance(step, Step) or STEPS[step].edits_code
    if codes and row is not None and not row.coding_enabled:
        raise CodingDisabled


def find_run(issue: Issue, run_id: int | None) -> Run | None:
    """The issue's run with this id, or its newest one (None when it has none); NotFound when the id is not its run's."""
    mine = Run.objects.filter(organization_id=issue.organization_id, issue_id=issue.id)
    if run_id is None:
        return mine.order_by("-pk").first()
    run = mine.filter(pk=run_id).first()
    if run is None:
        raise NotFound("This issue has no run with this id.")
    return run


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
    with transaction.atomic():
        if run_id is None:
            if insert_index is not None:
                raise InvalidRequest(
                    "insert_index needs a run_id.", errors={"insert_index": ["Needs a run_id."]}
                )
            if stopping_point is not None:
                step = Step.ROOT_CAUSE
            run = _start_run(issue, step, referrer, actor, stopping_point)
        else:
            run = _reopen_run(issue, run_id, step)
            if insert_index is not None:
                _rewind(run, insert_index)
            if stopping_point is not None:
                run.stopping_point = stopping_point
        execution = _begin(run, step, issue, referrer, user_context)
        runs.touch(run)
    return Triggered(run, execution.step, run.status)


def open_pull_requests(issue: Issue, run_id: int, *, repo_name: str = "") -> Triggered:
    """Push the run's changes and open a pull request per repository (or only in ``repo_name``).

    Raises NotFound, RunInFlight while the pipeline is busy, NothingToPush.
    """
    with transaction.atomic():
        run = _locked(issue, run_id)
        _refuse_busy_pipeline(run)
        if not run.session_id:
            raise NothingToPush
        patches = latest_patches(get_client().state(run.session_id).blocks)
        _reopen(run)
        run.stopping_point = StoppingPoint.OPEN_PR
        pull_requests.request(run, patches, only_repo=repo_name)
        runs.touch(run)
    return Triggered(run, Action.OPEN_PR, run.status)


def hand_off(issue: Issue, run_id: int, *, provider: str | None, integration_id: int | None) -> Triggered:
    """Give the work to another coding agent. None can be configured yet: InvalidRequest says so."""
    find_run(issue, run_id)
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
        run = _locked(issue, run_id)
        if run.is_active:
            step_executions.cancel_active(run)
            pull_requests.cancel(run)
            run.status = RunStatus.CANCELLED
            runs.announce(run, "run_cancelled", {})
            runs.touch(run)
    return Triggered(run, _current_step(run), run.status)


def answer_run(
    issue: Issue, run_id: int, text: str, *, answer_id: str | None = None, data: Any = None
) -> Triggered:
    """Give the agent a person's words: the answer to its question, or a message that sets the last step going again.

    Raises NotRunning when there is nothing that the words could go to, InvalidRequest when the question is another one,
    RunInFlight while the agent works.
    """
    with transaction.atomic():
        run = _locked(issue, run_id)
        waiting = run.steps.filter(status__in=ACTIVE_STEP, lane=Lane.PIPELINE).first()
        if run.status == RunStatus.AWAITING and waiting is not None:
            _answer(run, waiting, issue, text, answer_id, data)
        elif answer_id is not None:
            raise NotRunning("The agent is not waiting for an answer.")
        else:
            _continue_conversation(run, issue, text)
        runs.touch(run)
    return Triggered(run, _current_step(run), run.status)


def _start_run(
    issue: Issue, step: Step, referrer: str, actor: str, stopping_point: StoppingPoint | None
) -> Run:
    quota.count_run(issue.organization_id)
    own_end = StoppingPoint(step.value) if STEPS[step].lane is Lane.PIPELINE else StoppingPoint.ROOT_CAUSE
    try:
        with transaction.atomic():
            return Run.objects.create(
                organization_id=issue.organization_id,
                project_id=issue.project_id,
                issue_id=issue.id,
                stopping_point=stopping_point or own_end,
                referrer=known_referrer(referrer),
                actor=actor,
                explorer=get_client().name,
            )
    except IntegrityError as exc:
        raise _in_flight(issue.id, issue.organization_id) from exc


def _reopen_run(issue: Issue, run_id: int, step: Step) -> Run:
    run = _locked(issue, run_id)
    slot = STEPS[step].lane_slot
    if STEPS[step].lane is Lane.PIPELINE:
        _refuse_busy_pipeline(run)
    elif run.steps.filter(status__in=ACTIVE_STEP, lane_slot=slot).exists():
        raise RunInFlight(run.pk, f"The step {step.value} of this run is under way.")
    _reopen(run)
    return run


def _reopen(run: Run) -> None:
    try:
        with transaction.atomic():
            runs.reopen(run)
    except IntegrityError as exc:
        raise _in_flight(run.issue_id, run.organization_id) from exc


def _begin(run: Run, step: Step, issue: Issue, referrer: str, user_context: str) -> StepExecution:
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


def _answer(
    run: Run, execution: StepExecution, issue: Issue, text: str, answer_id: str | None, data: Any
) -> None:
    client = get_client()
    asked = client.turn(execution.session_id, execution.turn_id).pending_user_input
    if answer_id is not None and (asked is None or asked.id != answer_id):
        raise InvalidRequest(
            "The agent asked another question.", errors={"id": ["The agent asked another question."]}
        )
    runs.reopen(run)
    execution.answers += 1
    answer = text if data is None else f"{text}\n{data}".strip()
    step_executions.start_turn(client, run, execution, issue, answer)


def _continue_conversation(run: Run, issue: Issue, text: str) -> None:
    """A message to an idle run: its last pipeline step runs once more with the person's words."""
    _refuse_busy_pipeline(run)
    last = run.steps.filter(lane=Lane.PIPELINE).order_by("-sequence").first()
    if last is None:
        raise NotRunning("This run has no step that a message could go to.")
    check_switches(issue, Step(last.step))
    _reopen(run)
    _begin(run, Step(last.step), issue, run.referrer, text)


def _locked(issue: Issue, run_id: int) -> Run:
    find_run(issue, run_id)
    return runs.lock_run(run_id)


def _refuse_busy_pipeline(run: Run) -> None:
    if runs.pipeline_is_busy(run):
        raise RunInFlight(run.pk, "A step of this run is under way.")


def _in_flight(issue_id: str, organization_id: str) -> RunInFlight:
    """Who is in the way. It may have ended since: then the newest run is named, and the caller may simply try again."""
    mine = Run.objects.filter(organization_id=organization_id, issue_id=issue_id).order_by("-pk")
    blocking = mine.filter(status__in=ACTIVE_RUN).first() or mine.first()
    return RunInFlight(blocking.pk if blocking else 0)


def _current_step(run: Run) -> str:
    last = run.steps.order_by("-sequence").values_list("step", flat=True).first()
    return last or ""

"""The state of a run as a whole: its lock, its status and the events that announce its end."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from autofix import rows, webhooks
from autofix.asking import take, tell
from autofix.exceptions import NotFound, RunInFlight
from autofix.hosts import Issue
from autofix.models import (
    ACTIVE_RUN,
    ACTIVE_STEP,
    PullRequest,
    PullRequestState,
    Run,
    RunStatus,
    StepExecution,
    StepStatus,
)
from autofix.steps import Lane

ONE_ACTIVE = ("organization_id", "issue_id")
"""What the database keeps unique among active runs."""
CHANGING = (
    "status", "stop_reason", "failure_code", "failure_detail", "stopping_point", "session_id",
    "step_sequence", "event_sequence", "version", "updated_at",
)  # fmt: skip
"""What may change of a run once it is there."""


@dataclass(frozen=True)
class Failure:
    """Why a run ended in an error: a code of ``exceptions.FAILURE_CODES`` and a sentence."""

    code: str
    detail: str


def find_run(issue: Issue, run_id: int | None) -> Run | None:
    """The issue's run with this id, or its newest one (None when it has none); NotFound when the id is not its run's."""
    mine = Run.objects.filter(organization_id=issue.organization_id, issue_id=issue.id)
    if run_id is None:
        return mine.order_by("-pk").first()
    run = mine.filter(pk=run_id).first()
    if run is None:
        raise NotFound("This issue has no run with this id.")
    return run


def lock_run_of(issue: Issue, run_id: int) -> Run:
    """The issue's run, locked until the caller's transaction ends; NotFound when it is not the issue's."""
    find_run(issue, run_id)
    return lock_run(run_id)


def lock_run(run_id: int) -> Run:
    """The run, locked until the caller's transaction ends; Run.DoesNotExist when it is gone."""
    run = rows.find(Run, lock=True, pk=run_id)
    if run is None:
        raise Run.DoesNotExist
    return run


def touch(run: Run) -> None:
    """Store the (locked) run with a new version: whoever has read it sees that it changed."""
    seen, run.version = run.version, run.version + 1
    rows.save_held(run, *CHANGING, lock=run.lock, version=seen)
    run.lock = None


class Changed(Exception):  # a reason to read, not an error
    """Somebody has changed the run since it was remembered."""


def remember(run: Run) -> None:
    """Let the worker go on with the (locked) run as it is when the transaction is committed."""
    transaction.on_commit(partial(tell, _known(run.pk), run))


def recall(run_id: int) -> Run | None:
    """The run that this worker remembers, once: what a transaction changes in it is nothing to remember if that fails."""
    known: Run | None = take(_known(run_id))
    return known


def _known(run_id: int) -> Hashable:
    return "run", run_id


def lock_again(known: Run) -> None:
    """Lock a run that is remembered; Changed, now or with the next trip to the database, when it is no longer so."""
    known.lock = rows.must_hold(Run, otherwise=Changed(), pk=known.pk, version=known.version)


def questions(run_id: int | rows.Of, *, lock: bool = True) -> list[rows.Statement[Any]]:
    """What the next functions ask, to be asked ahead."""
    return [
        rows.finding(Run, lock=lock, pk=run_id),
        rows.selecting(StepExecution, order="sequence", run_id=run_id),
        rows.selecting(PullRequest, order="repo_name", run_id=run_id),
    ]


def remember_unlocked(run_id: rows.Of) -> None:
    """Let the worker go on with the run as it is now; :func:`lock_again` sees whether it still is so."""
    run = rows.find(Run, pk=run_id)
    if run is not None:  # read first: whoever changed something of it since has raised its version
        run.known_steps = rows.select(StepExecution, order="sequence", run_id=run_id)
        run.known_pull_requests = rows.select(PullRequest, order="repo_name", run_id=run_id)
        tell(_known(run.pk), run)


def lock_whole(run_id: int) -> Run | None:
    """The run, locked until the caller's transaction ends, with its steps and pull requests at hand; None when it is gone."""
    run = rows.find(Run, lock=True, pk=run_id)
    if run is not None:  # what was read before may be older than the run
        run.known_steps, run.known_pull_requests = steps_of(run), pull_requests_of(run)
    return run


def steps_of(run: Run) -> list[StepExecution]:
    """All of the run's steps, in their order."""
    if run.known_steps is not None:
        return run.known_steps
    return rows.select(StepExecution, order="sequence", run_id=run.pk)


def pull_requests_of(run: Run) -> list[PullRequest]:
    """The run's pull requests, in the order of the repositories' names."""
    if run.known_pull_requests is not None:
        return run.known_pull_requests
    return rows.select(PullRequest, order="repo_name", run_id=run.pk)


def is_busy(run: Run) -> bool:
    """Is a step of any lane active, or a pull request being opened?"""
    return any(step.status in ACTIVE_STEP for step in steps_of(run)) or _opens_pull_requests(run)


def pipeline_is_busy(run: Run) -> bool:
    """Is the pipeline lane taken: by an active step, or by a pull request being opened?"""
    active = (step.status in ACTIVE_STEP and step.lane == Lane.PIPELINE for step in steps_of(run))
    return any(active) or _opens_pull_requests(run)


def _opens_pull_requests(run: Run) -> bool:
    return any(row.state == PullRequestState.CREATING for row in pull_requests_of(run))


def refuse_busy_pipeline(run: Run) -> None:
    """RunInFlight while the pipeline lane is taken."""
    if pipeline_is_busy(run):
        raise RunInFlight(run.pk, "A step of this run is under way.")


def reopen(run: Run) -> None:
    """The (locked) run is under way again; RunInFlight when another run of the issue is active."""
    run.status = RunStatus.PROCESSING
    run.stop_reason = run.failure_code = run.failure_detail = ""
    try:
        with transaction.atomic():
            touch(run)
    except IntegrityError as exc:
        raise in_flight(run.organization_id, run.issue_id) from exc


def in_flight(organization_id: str, issue_id: str) -> RunInFlight:
    """Who is in the way. It may have ended since: then the newest run is named, and the caller may simply try again."""
    mine = Run.objects.filter(organization_id=organization_id, issue_id=issue_id).order_by("-pk")
    blocking = mine.filter(status__in=ACTIVE_RUN).first() or mine.first()
    return RunInFlight(blocking.pk if blocking else 0)


def latest_step(run: Run) -> str:
    """The step that was begun last; empty before the first."""
    return run.steps.order_by("-sequence").values_list("step", flat=True).first() or ""


def settle(run: Run) -> None:
    """Derive the (locked) run's status from its steps and pull requests, store it and announce an end.

    Nothing active: ``error`` when the newest pipeline step or a pull request failed, else ``completed``.
    A cancelled run stays cancelled. A run that waits for an answer waits on while other lanes end.
    """
    if run.status in (RunStatus.PROCESSING, RunStatus.AWAITING) and not is_busy(run):
        failure = _failure(run)
        if failure is None:
            run.status = RunStatus.COMPLETED
            announce(run, "run_completed", {"stop_reason": run.stop_reason or None})
        else:
            run.status = RunStatus.ERROR
            run.failure_code, run.failure_detail = failure.code, failure.detail
            announce(run, "run_failed", {"error": {"code": failure.code, "detail": failure.detail}})
    touch(run)


def announce(run: Run, happening: str, data: dict[str, object]) -> None:
    """Record an event about the (locked) run as a whole; a run may end several times, each end is an event."""
    webhooks.record_new(
        f"autofix.{happening}",
        key=f"{run.uuid}:{run.event_sequence + 1}:{happening}",
        organization_id=run.organization_id,
        data=data,
        run=run,
    )


def _failure(run: Run) -> Failure | None:
    steps = steps_of(run)
    decisive = [step for step in steps if step.lane == Lane.PIPELINE and not step.superseded] or steps
    last = decisive[-1] if decisive else None
    if last is not None and last.status == StepStatus.FAILED:
        return Failure(last.error_code, last.error_detail)
    for row in pull_requests_of(run):
        # A pull request that failed before the newest step ended is past.
        past = last is not None and last.completed_at is not None and row.updated_at < last.completed_at
        if row.state == PullRequestState.ERROR and not past:
            return Failure(row.error_code, row.error_detail)
    return None

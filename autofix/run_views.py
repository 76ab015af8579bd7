"""What is answered: runs, states, preferences and set-up, in the shapes of the API's reference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from autofix import __version__
from autofix.autofix_agent import Triggered
from autofix.explorer.client import get_client
from autofix.explorer.state import BlockState, FilePatch, PendingUserInput, Usage, latest_patches
from autofix.models import (
    ACTIVE_STEP,
    PullRequest,
    PullRequestState,
    Run,
    RunStatus,
    StepExecution,
    StepStatus,
)
from autofix.results import changes_by_repository
from autofix.steps import Action, Lane


class FailureView(BaseModel):
    """Why something failed: a word for machines and a sentence."""

    code: str
    detail: str


class StepView(BaseModel):
    """One try at one step."""

    sequence: int
    step: str
    lane: str
    status: str
    referrer: str
    attempt: int
    started_at: datetime | None
    completed_at: datetime | None
    error: FailureView | None


class PatchView(BaseModel):
    """The whole change of one file against the commit that the run works at; ``diff`` in git's format."""

    path: str
    type: Literal["A", "M", "D"]
    added: int
    removed: int
    diff: str


class RepoPullRequestView(BaseModel):
    """The run's pull request in one repository."""

    repo_name: str
    branch_name: str
    pr_number: int | None
    pr_url: str | None
    pr_id: int | None
    commit_sha: str | None
    pr_creation_status: PullRequestState
    pr_creation_error: str | None
    title: str
    description: str


class RunSummaryView(BaseModel):
    """A run without its results. ``current_step``: where it stands, null before its first step."""

    run_id: int
    run_uuid: str
    status: str
    stopping_point: str
    referrer: str
    explorer: str
    current_step: str | None
    created_at: datetime
    updated_at: datetime
    failure: FailureView | None


class RunView(BaseModel):
    """A run with all that came of it. ``failure`` is null unless status is ``error``.

    ``stop_reason``: why a completed run ended before its stopping point (``not_actionable``, ``coding_disabled``, …).
    """

    run_id: int
    run_uuid: str
    status: str
    stopping_point: str
    referrer: str
    explorer: str
    current_step: str | None
    updated_at: datetime
    steps: list[StepView]
    artifacts: dict[str, dict[str, Any]]
    code_changes: dict[str, list[PatchView]]
    blocks: list[BlockState]
    pending_user_input: PendingUserInput | None
    repo_pr_states: dict[str, RepoPullRequestView]
    coding_agents: dict[str, Any]
    stop_reason: str | None
    failure: FailureView | None
    usage: Usage


class StateView(BaseModel):
    """The state of an issue's run, null when the issue has none."""

    autofix: RunView | None


class TriggeredView(BaseModel):
    """What was recorded; the work goes on by itself."""

    run_id: int
    run_uuid: str
    step: str
    status: str


class RunPageView(BaseModel):
    """One page of an issue's runs, newest first; ``next`` and ``previous`` are the addresses of its neighbours."""

    next: str | None
    previous: str | None
    results: list[RunSummaryView]


class ErrorView(BaseModel):
    """A refusal: a sentence, a word for machines, and for some words more."""

    detail: str
    code: str
    errors: dict[str, list[str]] | None = None
    run_id: int | None = None


def triggered_view(triggered: Triggered) -> dict[str, Any]:
    """The body of a 202."""
    run = triggered.run
    view = TriggeredView(run_id=run.pk, run_uuid=str(run.uuid), step=triggered.step, status=triggered.status)
    return view.model_dump(mode="json")


def state_tag(run: Run, since: int) -> str:
    """A strong ETag of :func:`run_state`, made without reading a block."""
    session = get_client().version(run.session_id) if run.session_id else ""
    seen = f"{__version__}|{run.uuid}|{run.version}|{run.updated_at.timestamp()}|{session}|{since}"
    return f'"{hashlib.sha256(seen.encode()).hexdigest()[:32]}"'


def run_state(run: Run, since: int = -1) -> RunView:
    """The run with its blocks after index ``since``; all else is complete whatever ``since`` says."""
    steps = list(run.steps.all())
    pull_requests = list(run.pull_requests.order_by("repo_name"))
    session = get_client().state(run.session_id, since=since) if run.session_id else None
    return RunView(
        run_id=run.pk,
        run_uuid=str(run.uuid),
        status=run.status,
        stopping_point=run.stopping_point,
        referrer=run.referrer,
        explorer=run.explorer,
        current_step=_current_step(steps, pull_requests),
        updated_at=max(run.updated_at, session.updated_at) if session else run.updated_at,
        steps=[step_view(step) for step in steps],
        artifacts=_artifacts(steps),
        code_changes=_code_changes(_patches_of(run)),
        blocks=session.blocks if session else [],
        pending_user_input=_question(run, steps),
        repo_pr_states={pr.repo_name: _pull_request_view(pr) for pr in pull_requests},
        coding_agents={},
        stop_reason=run.stop_reason or None,
        failure=run_failure(run),
        usage=_usage(run, steps),
    )


def run_summary(run: Run) -> RunSummaryView:
    """The run as lists show it."""
    return RunSummaryView(
        run_id=run.pk,
        run_uuid=str(run.uuid),
        status=run.status,
        stopping_point=run.stopping_point,
        referrer=run.referrer,
        explorer=run.explorer,
        current_step=_current_step(list(run.steps.all()), list(run.pull_requests.all())),
        created_at=run.created_at,
        updated_at=run.updated_at,
        failure=run_failure(run),
    )


def step_view(step: StepExecution) -> StepView:
    """The try at the step as the API shows it."""
    return StepView(
        sequence=step.sequence,
        step=step.step,
        lane=step.lane,
        status=step.status,
        referrer=step.referrer,
        attempt=step.attempt,
        started_at=step.started_at,
        completed_at=step.completed_at,
        error=FailureView(code=step.error_code, detail=step.error_detail) if step.error_code else None,
    )


def diff_of(run: Run, repo_name: str = "") -> str:
    """The run's changes as one diff that ``git apply`` takes; of one repository when it is named."""
    chosen = [patch.diff for patch in _patches_of(run) if repo_name in ("", patch.repo_name)]
    return "".join(diff if diff.endswith("\n") else f"{diff}\n" for diff in chosen)


def _patches_of(run: Run) -> list[FilePatch]:
    return latest_patches(get_client().patched_blocks(run.session_id)) if run.session_id else []


def run_failure(run: Run) -> FailureView | None:
    """Why the run is in error, None when it is not."""
    if run.status != RunStatus.ERROR:
        return None
    return FailureView(code=run.failure_code, detail=run.failure_detail)


def _current_step(steps: Sequence[StepExecution], pull_requests: Iterable[PullRequest]) -> str | None:
    if any(pr.state == PullRequestState.CREATING for pr in pull_requests):
        return Action.OPEN_PR.value
    active = [step for step in steps if step.status in ACTIVE_STEP]
    pipeline = [step for step in steps if step.lane == Lane.PIPELINE]
    standing = [step for step in active if step.lane == Lane.PIPELINE] or active or pipeline or list(steps)
    return standing[-1].step if standing else None


def _artifacts(steps: Iterable[StepExecution]) -> dict[str, dict[str, Any]]:
    return {
        step.step: step.artifact
        for step in steps
        if step.status == StepStatus.COMPLETED and not step.superseded and step.artifact is not None
    }


def _code_changes(patches: list[FilePatch]) -> dict[str, list[PatchView]]:
    return {
        name: [PatchView.model_validate(change) for change in changes]
        for name, changes in changes_by_repository(patches).items()
    }


def _question(run: Run, steps: Sequence[StepExecution]) -> PendingUserInput | None:
    if run.status != RunStatus.AWAITING:
        return None
    asking = [step for step in steps if step.status in ACTIVE_STEP and step.turn_id]
    found = (get_client().turn(step.session_id, step.turn_id).pending_user_input for step in reversed(asking))
    return next((question for question in found if question), None)


def _usage(run: Run, steps: Iterable[StepExecution]) -> Usage:
    total = Usage()
    for session_id in {run.session_id, *(step.session_id for step in steps)} - {""}:
        total = total.plus(get_client().usage(session_id))
    return total


def _pull_request_view(pr: PullRequest) -> RepoPullRequestView:
    return RepoPullRequestView(
        repo_name=pr.repo_name,
        branch_name=pr.branch,
        pr_number=pr.number,
        pr_url=pr.url or None,
        pr_id=pr.pr_id,
        commit_sha=pr.commit_sha or None,
        pr_creation_status=PullRequestState(pr.state),
        pr_creation_error=pr.error_detail or None,
        title=pr.title,
        description=pr.description,
    )

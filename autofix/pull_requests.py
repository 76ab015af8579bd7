"""From patches to a pull request: recorded in ``creating``, opened by a worker, announced when it is open or given up.

Whatever dies or runs twice, a run has one branch and one pull request per repository: the branch's name and commit derive
from the run, opening finds what is open already, and only the worker whose fence is the newest records what came of it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from autofix import conf, heartbeats, runs, webhooks
from autofix.exceptions import (
    AutofixError,
    IssueGone,
    NothingToPush,
    PushFailed,
    RepositoryUnavailable,
    WorkFailed,
)
from autofix.explorer.client import get_client
from autofix.explorer.state import BlockState, FilePatch, latest_patches
from autofix.failpoints import failpoint
from autofix.hosts import HostIssueNotFound, Issue, RepositoryRef, get_host
from autofix.models import PullRequest, PullRequestState, Run, StepStatus
from autofix.scm import branches, mirrors
from autofix.scm.base import OpenedPullRequest
from autofix.scm.descriptions import Description, Story, describe
from autofix.scm.registry import get_provider
from autofix.step_executions import repositories_of
from autofix.wakeups import OPEN_PULL_REQUEST, wake

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 5
FIRST_WAIT_S = 10
WAIT_FACTOR = 3
MAX_DETAIL = 2_000


def request(run: Run, patches: Sequence[FilePatch], *, only_repo: str = "") -> list[PullRequest]:
    """Record a pull request to open for every repository with patches (or only ``only_repo``), and wake a worker for each.

    Inside the caller's transaction, with the run locked. One that is open already is brought up to date; one that is being
    opened is left alone. Raises NothingToPush, IssueGone.
    """
    names = dict.fromkeys(patch.repo_name for patch in patches if patch.diff.strip())
    wanted = [name for name in names if only_repo in ("", name)]
    if not wanted:
        raise NothingToPush
    issue = _issue_of(run)
    providers = {repository.name: repository.provider for repository in repositories_of(issue)}
    run.known_pull_requests = None
    return [_requested(run, name, providers.get(name, ""), branch_name(run, issue)) for name in wanted]


def branch_name(run: Run, issue: Issue) -> str:
    """The branch of this run, the same in every repository."""
    word = re.sub(r"[^a-z0-9]+", "-", issue.short_id.lower()).strip("-")[:40]
    return f"autofix/{word or 'issue'}-{run.uuid.hex[:8]}"


def cancel(run: Run) -> None:
    """Give up what is not open yet, with the run locked; what a worker still says about it is ignored."""
    for row in run.pull_requests.select_for_update().filter(state=PullRequestState.CREATING):
        row.fence += 1
        _close(row, PullRequestState.ERROR, "cancelled", "The run was cancelled.")


def open_pull_request(pull_request_id: int) -> None:
    """Push the branch, find or open the pull request and record it. Nothing happens when another worker is at it."""
    claimed = _claim(pull_request_id)
    if claimed is None:
        return
    try:
        with _heartbeat(claimed):
            failpoint("pull_request.claimed")
            result: _Opened | AutofixError = _publish(claimed)
    except AutofixError as exc:
        result = exc
    except DatabaseError:
        raise  # the lease runs out and the sweeper has it tried again
    except Exception:
        logger.exception("pull request %s could not be opened", claimed.pk)
        result = WorkFailed("The pull request could not be opened; the worker's log has the traceback.")
    failpoint("pull_request.opened")
    _record(claimed, result)
    failpoint("pull_request.recorded")


@dataclass(frozen=True)
class _Opened:
    """What is to be recorded of an open pull request."""

    provider: str
    pull_request: OpenedPullRequest
    commit_sha: str
    description: Description


def _requested(run: Run, repo_name: str, provider: str, branch: str) -> PullRequest:
    row, created = PullRequest.objects.get_or_create(
        run=run,
        repo_name=repo_name,
        defaults={"provider": provider, "branch": branch, "next_attempt_at": timezone.now()},
    )
    if not created and row.state != PullRequestState.CREATING:
        row.state = PullRequestState.CREATING
        row.attempts = 0
        row.error_code = row.error_detail = ""
        row.next_attempt_at, row.lease_expires_at = timezone.now(), None
        row.save()
    wake(OPEN_PULL_REQUEST, row.pk)
    return row


def _issue_of(run: Run) -> Issue:
    try:
        return get_host().resolve_issue(run.issue_id, run.organization_id)
    except HostIssueNotFound as exc:
        raise IssueGone from exc


# --- one attempt -----------------------------------------------------------------------------------------------------------


def _claim(pull_request_id: int) -> PullRequest | None:
    """The row, leased to this worker under a new fence; None when it is not due or somebody else is at it."""
    now = timezone.now()
    due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    with transaction.atomic():
        row = (
            PullRequest.objects.select_for_update()
            .filter(heartbeats.free(now), due, pk=pull_request_id, state=PullRequestState.CREATING)
            .first()
        )
        if row is None:
            return None
        row.fence += 1
        row.attempts += 1
        row.lease_expires_at = now + timedelta(seconds=conf.settings().lease_s)
        row.save()
    return row


def _heartbeat(row: PullRequest) -> AbstractContextManager[None]:
    """Extend the lease from a thread: a slow remote is no dead worker."""
    held = PullRequest.objects.filter(pk=row.pk, fence=row.fence, state=PullRequestState.CREATING)
    lease = timedelta(seconds=conf.settings().lease_s)
    return heartbeats.heartbeat(lambda: bool(held.update(lease_expires_at=timezone.now() + lease)))


def _publish(row: PullRequest) -> _Opened:
    """Push and open, outside of any transaction; all of it may be done again."""
    if row.attempts > MAX_ATTEMPTS:
        raise WorkFailed("The workers that tried to open this pull request died.")
    run = row.run
    issue = _issue_of(run)
    client = get_client()
    blocks = client.patched_blocks(run.session_id)
    repository = _repository(row, issue)
    pin = client.pins(run.session_id).get(row.repo_name)
    if pin is None:
        raise RepositoryUnavailable("The session is not pinned to a commit of this repository.")
    description = describe(Story(issue, _artifacts(run), run.explorer, pin, _verification(blocks)))
    change = branches.Change(pin, _patches(blocks, row.repo_name), description.commit_message, run.created_at)
    sha = branches.push(
        repository, row.branch, change, known=row.commit_sha, protected=conf.settings().protected_paths
    )
    failpoint("pull_request.pushed")
    opened = get_provider(repository.provider).find_or_open_pull_request(
        repository,
        branch=row.branch,
        base=mirrors.default_branch(repository),
        title=description.title,
        body=description.body,
    )
    return _Opened(repository.provider, opened, sha, description)


def _repository(row: PullRequest, issue: Issue) -> RepositoryRef:
    found = next((r for r in repositories_of(issue) if r.name == row.repo_name), None)
    if found is None:
        raise PushFailed("The project has no repository of this name any more.")
    return found


def _patches(blocks: list[BlockState], repo_name: str) -> list[tuple[str, str]]:
    return [(p.patch.path, p.diff) for p in latest_patches(blocks) if p.repo_name == repo_name]


def _artifacts(run: Run) -> dict[str, dict[str, object]]:
    done = run.steps.filter(status=StepStatus.COMPLETED, superseded=False).order_by("sequence")
    return {step.step: step.artifact for step in done if step.artifact is not None}


def _verification(blocks: list[BlockState]) -> str:
    """What the agent says of how it checked its change: ``verification`` in the metadata of its newest patch's message."""
    told = (block.message.metadata.get("verification") for block in reversed(blocks))
    return str(next(told, None) or "")


# --- what came of it -------------------------------------------------------------------------------------------------------


def _record(claimed: PullRequest, result: _Opened | AutofixError) -> None:
    """Store the result in one transaction with its event and the run's new status; nothing when the fence has moved on."""
    with transaction.atomic():
        run = runs.lock_run(claimed.run_id)
        row = (
            run.pull_requests.select_for_update()
            .filter(fence=claimed.fence, pk=claimed.pk, state=PullRequestState.CREATING)
            .first()
        )
        if row is None:
            logger.info("pull request %s was taken over or cancelled", claimed.pk)
        elif isinstance(result, _Opened):
            _record_opened(run, row, result)
        else:
            _record_failure(run, row, result)


def _record_opened(run: Run, row: PullRequest, opened: _Opened) -> None:
    found = opened.pull_request
    row.pr_id, row.number, row.url = found.pr_id, found.number, found.url
    row.commit_sha = opened.commit_sha
    row.title, row.description = opened.description.title, opened.description.body
    row.provider = opened.provider
    _close(row, PullRequestState.COMPLETED)
    numbers = {"pr_id": found.pr_id, "pr_number": found.number, "pr_url": found.url}
    entry = {"provider": row.provider, "repo_name": row.repo_name, "pull_request": numbers}
    _announce(run, row, webhooks.PR_CREATED, {"pull_requests": [entry]})
    runs.settle(run)


def _record_failure(run: Run, row: PullRequest, error: AutofixError) -> None:
    detail = error.detail[:MAX_DETAIL]
    if getattr(error, "retryable", False) and row.attempts < MAX_ATTEMPTS:
        wait_s = FIRST_WAIT_S * WAIT_FACTOR ** (row.attempts - 1)
        row.error_code, row.error_detail = error.code, detail
        row.lease_expires_at = None
        row.next_attempt_at = timezone.now() + timedelta(seconds=wait_s)
        row.save()
        wake(OPEN_PULL_REQUEST, row.pk, countdown=wait_s)
        runs.touch(run)
        return
    _close(row, PullRequestState.ERROR, error.code, detail)
    _announce(run, row, webhooks.PR_FAILED, {"error": {"code": error.code, "detail": detail}})
    runs.settle(run)


def _close(row: PullRequest, state: PullRequestState, code: str = "", detail: str = "") -> None:
    row.state = state
    row.error_code, row.error_detail = code, detail
    row.next_attempt_at = row.lease_expires_at = None
    row.save()


def _announce(run: Run, row: PullRequest, event_type: str, data: dict[str, object]) -> None:
    # A pull request may be opened, then brought up to date: each claim that ends is an event of its own.
    webhooks.record(
        event_type,
        key=f"{run.uuid}:pull_request:{row.pk}:{row.fence}",
        organization_id=run.organization_id,
        data=data,
        run=run,
    )

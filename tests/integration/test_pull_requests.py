"""From patches to one pull request, whatever dies, repeats or comes late."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from autofix import pull_requests
from autofix.autofix_agent import cancel_run, open_pull_requests, trigger_autofix_agent
from autofix.exceptions import NothingToPush
from autofix.explorer.state import FilePatch
from autofix.hosts import Issue, RepositoryRef
from autofix.models import PullRequest, PullRequestState, Repository, Run, WebhookEvent
from autofix.scm.base import OpenedPullRequest
from autofix.scm.local import LocalProvider
from autofix.steps import Step, StoppingPoint
from autofix.testing import WakeupQueue
from autofix.wakeups import OPEN_PULL_REQUEST
from tests.pipeline import PATCH, Play
from tests.repositories import Snapshot, bare_repository, git, local_roots, path_of
from tracker import models as tracker

pytestmark = pytest.mark.django_db(transaction=True)
Refs = Callable[[], dict[str, str]]


@pytest.fixture
def repository(issue: Issue, play: Play, tmp_path: Path) -> Iterator[RepositoryRef]:
    """The issue's project is mapped to a local bare repository, which the script's patch fits."""
    reference = bare_repository(tmp_path / "git", [Snapshot({"a.py": "x = 1\n"}, "Begin")])
    with local_roots(tmp_path):
        Repository.objects.create(
            organization_id=issue.organization_id,
            project_id=issue.project_id,
            name=reference.name,
            provider="local",
            url=reference.url,
        )
        yield reference


@pytest.fixture
def refs(repository: RepositoryRef) -> Refs:
    """What the bare repository has besides main: ref to sha."""

    def read() -> dict[str, str]:
        listed = git(path_of(repository), "for-each-ref", "--format=%(refname) %(objectname)")
        found = dict(line.split(" ") for line in listed.splitlines())
        return {name: sha for name, sha in found.items() if name != "refs/heads/main"}

    return read


@pytest.fixture
def waiting(issue: Issue, queue: WakeupQueue, repository: RepositoryRef) -> PullRequest:
    """A pull request that is to be opened; its wake-up was lost."""
    trigger_autofix_agent(issue, stopping_point=StoppingPoint.OPEN_PR)
    queue.drain(only=lambda message: message.task != OPEN_PULL_REQUEST)
    queue.lose()
    return PullRequest.objects.get()


def happenings(word: str) -> list[dict[str, Any]]:
    """The data of the events of this type."""
    return [
        event.body["data"] for event in WebhookEvent.objects.filter(type=f"autofix.{word}").order_by("pk")
    ]


def let_time_pass() -> None:
    """Leases have run out and retries are due."""
    past = timezone.now() - timedelta(hours=1)
    PullRequest.objects.exclude(lease_expires_at=None).update(lease_expires_at=past)
    PullRequest.objects.exclude(next_attempt_at=None).update(next_attempt_at=past)


def test_a_run_ends_with_an_open_pull_request(
    issue: Issue, queue: WakeupQueue, repository: RepositoryRef, refs: Refs
) -> None:
    """Branch, commit, number, row, event and the run's status agree."""
    run = trigger_autofix_agent(issue, stopping_point=StoppingPoint.OPEN_PR).run
    queue.drain()
    row = PullRequest.objects.get()
    assert (row.state, row.number, row.error_code) == ("completed", 1, "")
    assert row.branch == f"autofix/shop-1-{run.uuid.hex[:8]}"
    assert refs() == {f"refs/heads/{row.branch}": row.commit_sha, "refs/pull/1/head": row.commit_sha}
    assert git(path_of(repository), "show", f"{row.branch}:a.py") == "x = 2\n"
    assert git(path_of(repository), "log", "--format=%an|%s", f"main..{row.branch}") == (
        "Autofix|Read it with a default\n"
    )
    assert "Fixes SHOP-1" in git(path_of(repository), "log", "-1", "--format=%b", row.branch)
    numbers = {"pr_id": 1, "pr_number": 1, "pr_url": row.url}
    assert happenings("pr_created") == [
        {"pull_requests": [{"provider": "local", "repo_name": "acme/shop", "pull_request": numbers}]}
    ]
    assert Run.objects.get().status == "completed"
    assert [event.type for event in WebhookEvent.objects.order_by("sequence")][-2:] == [
        "autofix.pr_created", "autofix.run_completed",
    ]  # fmt: skip


def test_the_body_tells_the_story(waiting: PullRequest) -> None:
    """Root cause, whys, solution, verification and who investigated are in the description."""
    pull_requests.open_pull_request(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.title == "Read it with a default"
    for told in (
        "Fixes SHOP-1", "## Root cause\nThe plan is optional", "1. It reads a key that is not there",
        "**Use get**: In Cart.total", "Not verified", "the scripted agent",
    ):  # fmt: skip
        assert told in waiting.description


def test_messages_three_times_open_one(waiting: PullRequest, refs: Refs) -> None:
    """A repeated wake-up finds nothing to do."""
    for _ in range(3):
        pull_requests.open_pull_request(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.attempts, len(refs())) == (1, 2)
    assert len(happenings("pr_created")) == 1


def test_workers_at_once_open_one(waiting: PullRequest, refs: Refs) -> None:
    """Four workers with the same message: one works, the others change nothing."""

    def work(_: int) -> None:
        try:
            pull_requests.open_pull_request(waiting.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, len(refs())) == ("completed", 1, 2)
    assert len(happenings("pr_created")) == 1


@pytest.mark.parametrize("place", ["find_or_open_pull_request", "_record"])
def test_a_worker_that_dies_after_the_push(waiting: PullRequest, refs: Refs, place: str) -> None:
    """Dead before opening or before recording: the next worker finds the branch and makes no second pull request."""
    owner: Any = LocalProvider if place == "find_or_open_pull_request" else pull_requests
    with patch.object(owner, place, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        pull_requests.open_pull_request(waiting.pk)
    pushed = refs()
    assert f"refs/heads/{waiting.branch}" in pushed
    pull_requests.open_pull_request(waiting.pk)
    assert happenings("pr_created") == []  # the dead worker's lease still holds
    let_time_pass()
    pull_requests.open_pull_request(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.number) == ("completed", 1)
    assert refs() == {**pushed, "refs/pull/1/head": waiting.commit_sha}
    assert len(happenings("pr_created")) == 1


def test_a_worker_that_was_taken_over_records_nothing(waiting: PullRequest) -> None:
    """The slow one comes back with an error after its successor has opened the pull request: nothing changes."""
    slow = pull_requests._claim(waiting.pk)
    assert slow is not None
    let_time_pass()
    pull_requests.open_pull_request(waiting.pk)
    pull_requests._record(slow, NothingToPush())
    waiting.refresh_from_db()
    assert waiting.state == "completed"
    assert happenings("pr_failed") == []


def test_what_may_pass_is_tried_again_and_given_up(
    waiting: PullRequest, queue: WakeupQueue, repository: RepositoryRef, refs: Refs
) -> None:
    """An unreachable repository: five attempts with growing waits, then an error, an event and the run's end."""
    path_of(repository).rename(path_of(repository).with_suffix(".away"))
    waits = []
    for _ in range(5):
        pull_requests.open_pull_request(waiting.pk)
        pull_requests.open_pull_request(waiting.pk)  # not due yet: nothing happens
        waits += [message.countdown for message in queue.waiting(OPEN_PULL_REQUEST)]
        queue.lose()
        let_time_pass()
    waiting.refresh_from_db()
    assert waits == [10, 30, 90, 270]
    assert (waiting.state, waiting.attempts, waiting.error_code) == ("error", 5, "repository_unavailable")
    assert [data["error"]["code"] for data in happenings("pr_failed")] == ["repository_unavailable"]
    assert (Run.objects.get().status, Run.objects.get().failure_code) == ("error", "repository_unavailable")


def test_after_a_failure_a_person_may_try_again(
    issue: Issue, waiting: PullRequest, queue: WakeupQueue, repository: RepositoryRef
) -> None:
    """The row of the failed try is used again, and the run goes on to its end."""
    PullRequest.objects.update(attempts=pull_requests.MAX_ATTEMPTS)
    pull_requests.open_pull_request(waiting.pk)
    assert Run.objects.get().failure_code == "internal_error"
    open_pull_requests(issue, waiting.run_id)
    queue.drain()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == ("completed", 1)
    assert Run.objects.get().status == "completed"


def test_a_patch_that_does_not_fit_is_not_tried_again(
    issue: Issue, queue: WakeupQueue, repository: RepositoryRef, play: Play, refs: Refs
) -> None:
    """An error that never passes ends at once, with its code."""
    foreign = {**PATCH, "diff": str(PATCH["diff"]).replace("a.py", "b.py")}
    play(code_changes=[{"blocks": [{"file_patches": [foreign]}]}])
    trigger_autofix_agent(issue, stopping_point=StoppingPoint.OPEN_PR)
    queue.drain()
    row = PullRequest.objects.get()
    assert (row.state, row.attempts, row.error_code) == ("error", 1, "edit_refused")
    assert refs() == {}


def test_a_cancelled_run_opens_none(issue: Issue, waiting: PullRequest, refs: Refs) -> None:
    """Cancelled while a worker is at it: what the worker brings is not recorded; later workers do nothing."""
    slow = pull_requests._claim(waiting.pk)
    assert slow is not None
    cancel_run(issue, waiting.run_id)
    pull_requests._record(slow, NothingToPush())
    let_time_pass()
    pull_requests.open_pull_request(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == ("error", "cancelled")
    assert refs() == {}
    assert Run.objects.get().status == "cancelled"


def test_a_second_change_goes_to_the_same_pull_request(
    issue: Issue, waiting: PullRequest, queue: WakeupQueue, play: Play, refs: Refs
) -> None:
    """More code changes after the opening replace the branch's commit; number and branch stay; each is announced."""
    pull_requests.open_pull_request(waiting.pk)
    first = PullRequest.objects.get()
    better = {**PATCH, "diff": str(PATCH["diff"]).replace("+x = 2", "+x = 3")}
    play(code_changes=[{"blocks": [{"file_patches": [better]}]}])
    end = StoppingPoint.OPEN_PR
    trigger_autofix_agent(issue, Step.CODE_CHANGES, run_id=waiting.run_id, stopping_point=end)
    queue.drain()
    second = PullRequest.objects.get()
    assert (second.number, second.branch, second.state) == (1, first.branch, "completed")
    assert second.commit_sha != first.commit_sha
    assert set(refs().values()) == {second.commit_sha}
    assert len(happenings("pr_created")) == 2


def test_nothing_to_push_is_refused(issue: Issue, waiting: PullRequest) -> None:
    """Neither a run without patches nor a repository without any makes a row."""
    run = Run.objects.get()
    PullRequest.objects.all().delete()
    change = FilePatch.model_validate(PATCH)
    undone = change.model_copy(update={"diff": ""})
    for patches, only in (([], ""), ([change], "acme/other"), ([undone], "")):
        with pytest.raises(NothingToPush):
            pull_requests.request(run, patches, only_repo=only)
    assert PullRequest.objects.filter(state=PullRequestState.CREATING).count() == 0


def test_a_slow_remote_is_no_dead_worker(waiting: PullRequest, settings: Settings) -> None:
    """The lease is extended while a worker waits for the code host, so that nobody takes over."""
    settings.AUTOFIX = {**settings.AUTOFIX, "LEASE_S": 1}
    open_at_once = LocalProvider.find_or_open_pull_request

    def slowly(provider: LocalProvider, repository: RepositoryRef, **words: str) -> OpenedPullRequest:
        claimed = PullRequest.objects.get().lease_expires_at
        deadline = time.monotonic() + 30
        while PullRequest.objects.get().lease_expires_at == claimed:
            assert time.monotonic() < deadline
        return open_at_once(provider, repository, **words)

    with patch.object(LocalProvider, "find_or_open_pull_request", slowly):
        pull_requests.open_pull_request(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == ("completed", 1)


def test_what_is_gone_meanwhile_is_named(waiting: PullRequest, refs: Refs) -> None:
    """The mapping was removed, then the issue: each attempt ends with a reason, and nothing is pushed."""
    Repository.objects.all().delete()
    pull_requests.open_pull_request(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == ("creating", "push_failed")
    tracker.Issue.objects.all().delete()
    let_time_pass()
    pull_requests.open_pull_request(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == ("error", "issue_gone")
    assert refs() == {}

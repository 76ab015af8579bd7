"""Whatever a lost message leaves behind, one sweep finds and one drain puts right."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer import leases
from autofix.explorer.models import Turn
from autofix.hosts import Issue
from autofix.models import PullRequest, Run, StepExecution, WebhookEvent
from autofix.steps import StoppingPoint
from autofix.sweeper import STALLS, sweep
from autofix.testing import WakeupQueue
from autofix.wakeups import OPEN_PULL_REQUEST
from tests.pipeline import Play, run_untold

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def run(issue: Issue, queue: WakeupQueue, play: Play) -> Run:
    """A run that was just triggered; its message is in the queue."""
    return trigger_autofix_agent(issue).run


def age_everything() -> None:
    """Let an hour pass for every row."""
    then = timezone.now() - LONG_AGO
    Turn.objects.update(created_at=then)
    Turn.objects.exclude(ended_at=None).update(ended_at=then)
    StepExecution.objects.update(created_at=then)
    PullRequest.objects.update(created_at=then)
    Run.objects.update(updated_at=then)


def finished(run: Run) -> bool:
    run.refresh_from_db()
    return run.status == "completed"


def test_fresh_rows_are_left_alone(run: Run, queue: WakeupQueue) -> None:
    """What has a wake-up under way is not woken twice."""
    assert set(sweep().values()) == {0}
    assert len(queue.messages) == 1


def test_lost_wakeup_of_a_turn(run: Run, queue: WakeupQueue) -> None:
    """A turn whose message was lost is run after a sweep; a second sweep at once does no harm."""
    queue.lose()
    age_everything()
    assert sweep()["unclaimed_turns"] == 1
    sweep()
    queue.drain()
    assert finished(run)
    assert WebhookEvent.objects.filter(type="autofix.root_cause_completed").count() == 1


def test_worker_died_in_mid_turn(run: Run, queue: WakeupQueue) -> None:
    """A lapsed lease is taken over."""
    queue.lose()
    assert leases.claim(Turn.objects.get().pk) is not None
    Turn.objects.update(lease_expires_at=timezone.now() - LONG_AGO)
    assert sweep()["unclaimed_turns"] == 1
    queue.drain()
    assert finished(run)


def test_worker_died_before_the_hook(run: Run, queue: WakeupQueue) -> None:
    """A turn that ended without its hook gets it called."""
    queue.lose()
    assert run_untold(Turn.objects.get().pk)
    age_everything()
    assert sweep()["uncalled_hooks"] == 1
    queue.drain()
    assert finished(run)


def test_turn_past_its_deadline_fails(run: Run, queue: WakeupQueue) -> None:
    """A turn that is late fails with `timeout`, even while its worker holds on; that worker can write no more."""
    queue.lose()
    lease = leases.claim(Turn.objects.get().pk)
    assert lease is not None
    Turn.objects.update(deadline=timezone.now() - LONG_AGO)
    assert sweep()["late_turns"] == 1
    queue.drain()
    run.refresh_from_db()
    assert (run.status, run.failure_code) == ("error", "timeout")
    with pytest.raises(leases.LeaseLost):
        leases.check_still_held(lease)


def test_pull_request_whose_wakeup_was_lost(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A pull request that is due and nobody opens is woken."""
    trigger_autofix_agent(issue, stopping_point=StoppingPoint.OPEN_PR)
    queue.drain(only=lambda message: message.task != OPEN_PULL_REQUEST)
    queue.lose()
    age_everything()
    assert sweep()["unopened_pull_requests"] == PullRequest.objects.filter(state="creating").count() == 1
    assert len(queue.waiting(OPEN_PULL_REQUEST)) == 1


def test_run_whose_status_disagrees_with_its_steps(run: Run, queue: WakeupQueue) -> None:
    """A run in processing with nothing under way is settled."""
    queue.drain()
    Run.objects.update(status="processing")
    age_everything()
    assert sweep()["unsettled_runs"] == 1
    assert finished(run)


def test_one_broken_remedy_does_not_hide_the_others(run: Run, queue: WakeupQueue) -> None:
    """An error in one kind of stall is logged, counted as -1, and the rest is swept all the same."""
    queue.lose()
    age_everything()
    with patch("autofix.sweeper.claims.is_due", side_effect=RuntimeError("no")):
        found = sweep()
    assert found["due_deliveries"] == -1
    assert found["unclaimed_turns"] == 1


def test_every_stall_says_what_and_how() -> None:
    """The list that the documentation repeats is complete and has no name twice."""
    assert len({stall.name for stall in STALLS}) == len(STALLS)
    assert all(stall.what and stall.remedy for stall in STALLS)

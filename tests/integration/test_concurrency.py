"""What happens when people, callbacks and deletions meet in the middle of a run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from autofix import autofix_agent
from autofix.autofix_agent import cancel_run, trigger_autofix_agent
from autofix.exceptions import RunInFlight
from autofix.explorer import hooks, runner
from autofix.explorer.models import OPEN_TURN, Session, Turn
from autofix.hosts import Issue
from autofix.models import ACTIVE_STEP, QuotaUsage, Run
from autofix.steps import Step, StoppingPoint
from autofix.testing import WakeupQueue
from tests.pipeline import Play, events_of, run_untold, steps_of
from tracker import models as tracker

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What the calls return, made at the same time by threads of their own; a refusal is returned, too."""
    barrier = Barrier(len(calls))

    def make(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except RunInFlight as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


@pytest.fixture
def run(issue: Issue, queue: WakeupQueue, play: Play) -> Run:
    """A run up to the solution whose first turn waits to be run."""
    return trigger_autofix_agent(issue, stopping_point=StoppingPoint.SOLUTION).run


def assert_over(run: Run) -> None:
    """Nothing is under way, and the events have no gap."""
    run.refresh_from_db()
    assert not run.is_active
    assert not run.steps.filter(status__in=ACTIVE_STEP).exists()
    assert not Turn.objects.filter(status__in=OPEN_TURN).exists()
    events = events_of(run)
    assert events[-1] in ("run_cancelled", "run_completed", "run_failed")
    assert len(events) == len(set(events))


class TestCancel:
    @pytest.mark.parametrize("_", range(3))
    def test_beside_the_callback(self, issue: Issue, run: Run, queue: WakeupQueue, _: int) -> None:
        """Whoever comes first, the run is cancelled, what the callback still began is cancelled, too, and nothing goes on."""
        queue.lose()
        turn = Turn.objects.get().pk
        assert run_untold(turn)
        at_once(lambda: hooks.call_completion_hook(turn), lambda: cancel_run(issue, run.pk))
        queue.drain()
        assert_over(run)
        assert run.status == "cancelled"
        assert steps_of(run)["root_cause"] in ("completed", "cancelled")

    @pytest.mark.parametrize("_", range(3))
    def test_beside_the_turn(self, issue: Issue, run: Run, queue: WakeupQueue, _: int) -> None:
        """Whoever comes first, the run is cancelled, what the turn still began is cancelled, too, and no session has a gap."""
        queue.lose()
        turn = Turn.objects.get().pk
        at_once(lambda: runner.run_turn(turn), lambda: cancel_run(issue, run.pk))
        queue.drain()
        assert_over(run)
        assert run.status == "cancelled"
        for session in Session.objects.all():  # with forks, when the turn was faster
            indices = [block.index for block in session.blocks.all()]
            assert indices == list(range(len(indices)))

    def test_twice_at_once(self, issue: Issue, run: Run, queue: WakeupQueue) -> None:
        """It is announced once."""
        at_once(*[lambda: cancel_run(issue, run.pk)] * 3)
        assert_over(run)
        assert events_of(run) == ["root_cause_started", "run_cancelled"]


class TestTwoRequestsAtOnce:
    def test_rewinds(self, issue: Issue, run: Run, queue: WakeupQueue) -> None:
        """Of two that drop the same blocks one goes through, and the other one is told that a step is under way."""
        queue.drain()

        def rewind() -> object:
            return trigger_autofix_agent(issue, Step.SOLUTION, run_id=run.pk, insert_index=3)

        answers = at_once(rewind, rewind)
        assert sum(isinstance(answer, autofix_agent.Triggered) for answer in answers) == 1
        assert sum(isinstance(answer, RunInFlight) for answer in answers) == 1
        queue.drain()
        run.refresh_from_db()
        assert run.status == "completed"
        assert run.steps.filter(step="solution", superseded=False).count() == 1

    def test_rewind_while_a_turn_runs(self, issue: Issue, run: Run, queue: WakeupQueue) -> None:
        """It is refused, and the turn is none the worse for it."""
        queue.lose()
        turn = Turn.objects.get().pk
        ran, refused = at_once(
            lambda: run_untold(turn),
            lambda: trigger_autofix_agent(issue, run_id=run.pk, insert_index=0),
        )
        assert ran
        assert isinstance(refused, RunInFlight)
        hooks.call_completion_hook(turn)
        queue.drain()
        run.refresh_from_db()
        assert run.status == "completed"

    def test_refused_starts_cost_no_quota(self, issue: Issue, queue: WakeupQueue, play: Play) -> None:
        """Of several starts of one issue one is counted."""
        at_once(*[lambda: trigger_autofix_agent(issue)] * 4)
        assert Run.objects.count() == 1
        assert QuotaUsage.objects.get().used == 1


class TestDeletion:
    @pytest.mark.parametrize("deleted", [tracker.Issue, tracker.Project])
    @pytest.mark.parametrize("ran", [False, True], ids=["before its turn", "before its callback"])
    def test_of_the_issue_or_its_project(self, run: Run, queue: WakeupQueue, deleted: Any, ran: bool) -> None:
        """The run fails with `issue_gone`; what was found before stays, and its events are told."""
        if ran:
            queue.lose()
            turn = Turn.objects.get().pk
            run_untold(turn)
            deleted.objects.all().delete()
            hooks.call_completion_hook(turn)
        else:
            deleted.objects.all().delete()
        queue.drain()
        assert_over(run)
        assert (run.status, run.failure_code) == ("error", "issue_gone")
        assert events_of(run) == ["root_cause_started", "root_cause_failed", "run_failed"]

    def test_of_the_run_itself(self, run: Run, queue: WakeupQueue) -> None:
        """Whoever deletes a run under a working agent has deleted it: nothing comes back, nothing breaks."""
        queue.lose()
        turn = Turn.objects.get().pk
        assert run_untold(turn)
        run.delete()
        hooks.call_completion_hook(turn)
        queue.drain()
        assert not Run.objects.exists()

"""Who may write a turn: leases, fencing numbers, and workers that come back from the dead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from autofix import rows, stopping
from autofix.autofix_agent import trigger_autofix_agent
from autofix.exceptions import RepositoryUnavailable, TurnTimedOut, WorkerLost
from autofix.explorer import hooks, leases, runner
from autofix.explorer.client import get_client
from autofix.explorer.models import Block, Session, Turn, TurnStatus
from autofix.hosts import Issue
from autofix.models import Run
from autofix.testing import WakeupQueue
from autofix.wakeups import RUN_TURN
from tests.integration.turns import lapse, thought
from tests.pipeline import ROOT_CAUSE, Play, says
from tests.trips import sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def turn(issue: Issue, queue: WakeupQueue, play: Play) -> Turn:
    """An open turn that no worker has taken."""
    trigger_autofix_agent(issue)
    return Turn.objects.get()


def test_one_worker_at_a_time(turn: Turn) -> None:
    """While a lease lasts, nobody else gets the turn."""
    assert leases.claim(turn.pk) is not None
    assert leases.claim(turn.pk) is None


def test_worker_back_from_the_dead_changes_nothing(turn: Turn) -> None:
    """After a take-over every write of the first worker is refused, and the second one's stand."""
    first = leases.claim(turn.pk)
    assert first is not None
    lapse(turn)
    second = leases.claim(turn.pk)
    assert second is not None
    with pytest.raises(leases.LeaseLost):
        leases.append(first, thought("too late"))
    with pytest.raises(leases.LeaseLost):
        hooks.end(first)
    leases.append(second, thought("in time"))
    assert [b.content["message"]["content"] for b in Block.objects.filter(index__gt=0)] == ["in time"]


def test_a_block_of_the_last_moment_is_seen(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes a turn over goes on after the block that its holder added while it was being taken."""
    first = leases.claim(turn.pk)
    assert first is not None
    lapse(turn)
    take = leases.take

    def add_and_take(row: Turn) -> dict[str, object]:
        if row.fence:
            leases.append(first, thought("just in time"))
        return take(row)

    monkeypatch.setattr(leases, "take", add_and_take)
    second = leases.claim(turn.pk)
    assert second is not None
    assert [block.message.content for block in second.history] == [turn.prompt, "just in time"]
    leases.append(second, thought("next"))
    assert list(Block.objects.values_list("index", flat=True)) == [0, 1, 2]


def test_next_worker_goes_on_where_the_blocks_end(
    turn: Turn, queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies after the first block leaves it; the next one adds the rest and repeats nothing."""
    append = leases.append

    def append_and_die(lease: leases.Lease, content: dict[str, Any]) -> None:
        append(lease, content)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(leases, "append", append_and_die)
        with pytest.raises(KeyboardInterrupt):
            runner.run_turn(turn.pk)
    queue.drain()
    assert Run.objects.get().status == "completed"
    contents = [b.content for b in Block.objects.order_by("index")]
    assert [c["message"]["content"] for c in contents] == [turn.prompt, "looking into root_cause", ""]
    assert Turn.objects.get().fence == 2


def test_worker_that_is_told_to_stop_hands_the_turn_back(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    """An orderly shutdown frees the turn at once: the next worker need not wait for the lease to lapse."""

    def stop(*args: object) -> None:
        raise SystemExit

    monkeypatch.setattr(leases, "append", stop)
    with pytest.raises(SystemExit):
        runner.run_turn(turn.pk)
    assert leases.claim(turn.pk) is not None


def test_cancelled_turn_ends_at_its_next_block(turn: Turn) -> None:
    """A worker in the middle of a cancelled turn is refused its next block."""
    lease = leases.claim(turn.pk)
    assert lease is not None
    get_client().cancel_turn(str(turn.pk))
    with pytest.raises(leases.LeaseLost):
        leases.append(lease, thought("more"))
    assert Block.objects.count() == 1


def test_deadline_counts_from_the_first_worker(turn: Turn, settings: Settings) -> None:
    """Waiting in the queue costs no working time; after the deadline no block is taken."""
    assert turn.deadline is None
    lease = leases.claim(turn.pk)
    assert lease is not None
    lease.turn.deadline = timezone.now()
    with pytest.raises(TurnTimedOut):
        leases.append(lease, thought("more"))


def test_turn_that_kills_its_workers_is_given_up(turn: Turn, queue: WakeupQueue) -> None:
    """A turn that worker after worker took and none ended fails with a reason instead of going round for ever."""
    Turn.objects.update(fence=leases.MAX_CLAIMS)
    queue.drain()
    run = Run.objects.get()
    assert (run.status, run.failure_code) == ("error", WorkerLost.code)


def test_unexpected_error_of_an_agent_is_a_typed_failure(
    turn: Turn, queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in an agent fails the step with a code; its text does not leave the log."""

    def explode(name: str) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(runner, "get_agent", explode)
    queue.drain()
    run = Run.objects.get()
    assert (run.status, run.failure_code) == ("error", "internal_error")
    assert "secret detail" not in run.failure_detail


def test_heartbeat_extends_the_lease_while_the_agent_thinks(turn: Turn, settings: Settings) -> None:
    """A lease shorter than the agent's thought does not lapse as long as the worker lives."""
    settings.AUTOFIX = {**settings.AUTOFIX, "LEASE_S": 1}
    lease = leases.claim(turn.pk)
    assert lease is not None
    before = Turn.objects.get().lease_expires_at
    assert before is not None
    with leases.heartbeat(lease):
        deadline = timezone.now() + timedelta(seconds=20)
        while Turn.objects.filter(lease_expires_at__lte=before).exists():
            assert timezone.now() < deadline, "the lease was never extended"
    leases.check_still_held(lease)


@pytest.mark.parametrize("length", [1, 200])
def test_appending_costs_the_same_however_long_the_session(turn: Turn, length: int) -> None:
    """A block costs a fixed number of trips to the database, whatever stands before it."""
    session = Session.objects.get()
    Block.objects.bulk_create(
        Block(session=session, turn=turn, index=i, content={}) for i in range(1, length)
    )
    Turn.objects.update(end_index=length)
    lease = leases.claim(turn.pk)
    assert lease is not None
    with CaptureQueriesContext(connection) as statements:
        leases.append(lease, thought("next"))
    assert len(sent(statements)) == (1 if rows.takes_several() else 2)


def test_two_artifacts_in_one_turn_the_newest_wins(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """An agent may revise its artifact within the turn."""
    revised = {**ROOT_CAUSE, "one_line_description": "On second thoughts"}
    first = says("root_cause", ROOT_CAUSE)
    play(root_cause=[{"blocks": first["blocks"] + says("root_cause", revised)["blocks"]}])
    run = trigger_autofix_agent(issue).run
    queue.drain()
    artifact = run.steps.get().artifact
    assert artifact is not None
    assert artifact["one_line_description"] == "On second thoughts"


class TestFailuresThatMayPass:
    """A repository that cannot be reached: the turn rests and is tried again, a bounded number of times."""

    @pytest.fixture
    def unreachable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> dict[str, str]:
            raise RepositoryUnavailable("No route to host.")

        monkeypatch.setattr(runner, "_pins", refuse)

    def test_it_rests_and_is_tried_again(self, turn: Turn, queue: WakeupQueue, unreachable: None) -> None:
        """The turn stays open, is woken later and is not taken before."""
        queue.lose()
        assert not runner.run_turn(turn.pk)
        assert [message.countdown for message in queue.waiting(RUN_TURN)] == [leases.TRY_AGAIN_S[0] + 1]
        turn.refresh_from_db()
        assert turn.status == TurnStatus.PENDING
        assert leases.claim(turn.pk) is None
        lapse(turn)
        assert leases.claim(turn.pk) is not None

    def test_it_fails_in_the_end(self, turn: Turn, queue: WakeupQueue, unreachable: None) -> None:
        """After the last try the turn fails with the reason of its own."""
        for _ in leases.TRY_AGAIN_S:
            assert not runner.run_turn(turn.pk)
            lapse(turn)
        assert runner.run_turn(turn.pk)
        turn.refresh_from_db()
        assert (turn.status, turn.error_code) == (TurnStatus.FAILED, "repository_unavailable")


class TestWorkersThatVanish:
    def test_a_turn_rests_longer_each_time(self, turn: Turn) -> None:
        """Two workers may vanish; the third one's lease must have run out for a while before the fourth may try."""
        for _ in range(leases.FREE_CLAIMS + 1):
            assert leases.claim(turn.pk) is not None
            lapse(turn)
        assert leases.claim(turn.pk) is None
        long_ago = timezone.now() - timedelta(seconds=leases.MAX_REST_S)
        Turn.objects.filter(pk=turn.pk).update(lease_expires_at=long_ago)
        assert leases.claim(turn.pk) is not None

    def test_a_lease_from_the_future_is_free(self, turn: Turn) -> None:
        """When the clock was set back by an hour, the lease of a worker that died holds nobody up for that hour."""
        assert leases.claim(turn.pk) is not None
        Turn.objects.filter(pk=turn.pk).update(lease_expires_at=timezone.now() + timedelta(hours=1))
        assert leases.claim(turn.pk) is not None


class TestStopping:
    def test_a_stopping_worker_hands_the_turn_back(self, turn: Turn, queue: WakeupQueue) -> None:
        """It stores the block at hand, gives the turn back at once and wakes another worker, which repeats nothing."""
        queue.lose()
        stopping.stop()
        try:
            assert not runner.run_turn(turn.pk)
        finally:
            stopping.forget()
        turn.refresh_from_db()
        assert (turn.status, turn.lease_expires_at) == (TurnStatus.PENDING, None)
        assert Block.objects.count() == 2
        queue.drain()
        assert Run.objects.get().status == "completed"
        assert Block.objects.count() == 3


def test_an_outage_of_the_database_is_no_failure_of_the_turn(
    turn: Turn, queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the database goes away under the agent, the turn is not failed: another worker goes on."""
    queue.lose()

    def gone(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patched:
        patched.setattr(leases, "append", gone)
        with pytest.raises(OperationalError):
            runner.run_turn(turn.pk)
    queue.drain()
    assert Run.objects.get().status == "completed"

"""A worker goes on with a run's next turn by itself, and nothing is lost or said twice thereby."""

from __future__ import annotations

import time

import pytest
from celery import current_app

from autofix import tasks, wakeups
from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer import hooks
from autofix.explorer.models import Turn
from autofix.hosts import Issue
from autofix.models import ProjectPreference, Run
from autofix.steps import StoppingPoint
from autofix.wakeups import RUN_TURN
from tests.pipeline import Play, events_of

pytestmark = pytest.mark.django_db(transaction=True)
Sent = list[tuple[str, tuple[int, ...]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What reaches the broker: tasks' names with their arguments."""
    messages: Sent = []

    def send_task(name: str, args: tuple[int, ...] = (), **_: object) -> None:
        messages.append((name, args))

    monkeypatch.setattr(current_app, "send_task", send_task)
    return messages


@pytest.fixture
def first_turn(issue: Issue, play: Play, sent: Sent) -> int:
    """The first turn of a run that goes on to the code changes, with one side step."""
    ProjectPreference.objects.create(
        organization_id=issue.organization_id, project_id=issue.project_id, side_steps=["triage"]
    )
    trigger_autofix_agent(issue, stopping_point=StoppingPoint.CODE_CHANGES)
    ((name, (turn_id,)),) = sent
    assert name == RUN_TURN
    sent.clear()
    return turn_id


def test_one_message_carries_a_whole_pipeline(first_turn: int, sent: Sent) -> None:
    """The pipeline's turns follow in the same worker; the side step beside them is another worker's."""
    tasks.run_turn(first_turn)
    (triage,) = Turn.objects.filter(metadata__step="triage")
    assert sent == [(RUN_TURN, (triage.pk,))]
    run = Run.objects.get()
    assert {step.step: step.status for step in run.steps.all()} == {
        "root_cause": "completed",
        "solution": "completed",
        "code_changes": "completed",
        "triage": "running",
    }
    tasks.run_turn(triage.pk)
    assert events_of(run)[-1] == "run_completed"


def test_beside_long_turns_others_get_their_turn(
    first_turn: int, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time for going on is over, the next turn takes its place in the queue."""
    monkeypatch.setattr(tasks, "GOES_ON_S", 0.0)
    tasks.run_turn(first_turn)
    assert [name for name, _ in sent] == [RUN_TURN, RUN_TURN]
    assert set(Turn.objects.values_list("status", flat=True)) == {"completed", "pending"}


def test_what_a_failing_worker_kept_is_sent_after_all(
    first_turn: int, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error after the hook's commit leaves no turn without a wake-up."""
    tell = hooks.tell

    def tell_and_fail(turn: Turn) -> None:
        tell(turn)
        raise ConnectionError

    monkeypatch.setattr(hooks, "tell", tell_and_fail)
    with pytest.raises(ConnectionError):
        tasks.run_turn(first_turn)
    assert sorted(args[0] for _, args in sent) == sorted(
        Turn.objects.filter(status="pending").values_list("pk", flat=True)
    )


def test_only_one_wake_up_of_that_task_is_kept(sent: Sent) -> None:
    """Other tasks, later ones and a second turn are sent as ever."""
    with wakeups.keep(RUN_TURN, time.monotonic() + 60) as kept:
        wakeups.wake(wakeups.DELIVER)
        wakeups.wake(RUN_TURN, 1, countdown=5)
        wakeups.wake(RUN_TURN, 2)
        wakeups.wake(RUN_TURN, 3)
    wakeups.wake(RUN_TURN, 4)
    assert kept.waiting == [2]
    assert sent == [(wakeups.DELIVER, ()), (RUN_TURN, (1,)), (RUN_TURN, (3,)), (RUN_TURN, (4,))]

"""A worker goes on with a run's next turn by itself, and nothing is lost or said twice thereby."""

from __future__ import annotations

import pytest
from celery import current_app
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from autofix import on_completion_hook, tasks
from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer import hooks, leases
from autofix.explorer.models import Block, Turn
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


def test_what_a_failing_worker_had_taken_is_sent_after_all(
    first_turn: int, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error after the hook's commit leaves no turn without a wake-up."""

    def fail(point: str) -> None:
        if point == "hook.after_commit":
            raise ConnectionError

    monkeypatch.setattr(hooks, "failpoint", fail)
    with pytest.raises(ConnectionError):
        tasks.run_turn(first_turn)
    waiting = Turn.objects.filter(status="pending").values_list("pk", flat=True)
    assert sorted(args[0] for _, args in sent) == sorted(waiting)
    assert len(waiting) == 2


def test_the_next_turn_is_taken_in_the_transaction_that_begins_it(
    first_turn: int, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sees it free, and what the worker knows of the session it does not read again."""
    claimed: list[int] = []
    claim = leases.claim

    def noted(turn_id: int) -> leases.Lease | None:
        claimed.append(turn_id)
        return claim(turn_id)

    monkeypatch.setattr(leases, "claim", noted)
    with CaptureQueriesContext(connection) as statements:
        tasks.run_turn(first_turn)
    assert claimed == [first_turn]
    taken = Turn.objects.exclude(metadata__step="triage").values_list("fence", "status", "hook_called_at")
    assert [(fence, status, told is not None) for fence, status, told in taken] == [
        (1, "completed", True)
    ] * 3
    texts = [text for query in statements for text in query["sql"].split("; ")]
    reads = [t for t in texts if t.startswith("SELECT") and '"content"' in t.partition("FROM")[0]]
    assert len(reads) == 3  # when the first turn is claimed, for the fork, and the fork's last one


def test_a_session_is_the_same_with_and_without_going_on(
    first_turn: int, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks follow without gaps, and each turn knows its own."""
    tasks.run_turn(first_turn)
    session = Run.objects.get().session_id
    blocks = list(Block.objects.filter(session_id=session).values_list("index", "turn_id"))
    assert [index for index, _ in blocks] == list(range(len(blocks)))
    for turn in Turn.objects.filter(session_id=session):
        assert [i for i, of in blocks if of == turn.pk] == list(range(turn.first_index, turn.end_index))


def test_a_turn_lost_in_the_middle_is_not_recorded(
    first_turn: int, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When somebody took the turn over while its result was judged, the run has not advanced."""

    def overtake(point: str) -> None:
        if point == "hook.judged":
            Turn.objects.filter(pk=first_turn).update(fence=F("fence") + 1)

    monkeypatch.setattr(on_completion_hook, "failpoint", overtake)
    tasks.run_turn(first_turn)
    run = Run.objects.get()
    assert [(step.step, step.status) for step in run.steps.all()] == [("root_cause", "running")]
    assert events_of(run) == ["root_cause_started"]
    assert Turn.objects.get().status == "running"

"""A worker goes on with a run's next turn by itself, and nothing is lost or said twice thereby."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from celery import current_app
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from autofix import on_completion_hook, rows, tasks
from autofix.autofix_agent import cancel_run, trigger_autofix_agent
from autofix.explorer import hooks, leases
from autofix.explorer.models import Block, Turn
from autofix.hosts import Issue
from autofix.models import ProjectPreference, Run
from autofix.steps import StoppingPoint
from autofix.wakeups import RUN_TURN
from tests.pipeline import Play, events_of
from tests.trips import sent as sent_to_database

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


@pytest.fixture
def pipeline(issue: Issue, play: Play, sent: Sent) -> int:
    """The first turn of a run that goes on to the code changes, without side steps."""
    ProjectPreference.objects.create(
        organization_id=issue.organization_id, project_id=issue.project_id, side_steps=[]
    )
    trigger_autofix_agent(issue, stopping_point=StoppingPoint.CODE_CHANGES)
    return Turn.objects.get().pk


def at_the_end_of(step: str, monkeypatch: pytest.MonkeyPatch, happen: Callable[[], object]) -> None:
    """Let it happen when this step's result has been judged and nothing of it is recorded yet."""

    def judged(point: str) -> None:
        if point == "hook.judged" and Turn.objects.latest("pk").metadata["step"] == step:
            happen()

    monkeypatch.setattr(on_completion_hook, "failpoint", judged)


@pytest.mark.skipif(not rows.takes_several(), reason="elsewhere each statement is a trip")
def test_a_step_takes_one_trip_beside_its_earlier_blocks(pipeline: int) -> None:
    """Its end, with its last block: it asks nothing, and says what is new, and on which condition."""
    with CaptureQueriesContext(connection) as statements:
        tasks.run_turn(pipeline)
    assert Run.objects.get().status == "completed"
    trips = sent_to_database(statements)
    ends = [number for number, trip in enumerate(trips) if trip.endswith("COMMIT")]
    assert len(ends) == 3
    blocks = [turn.end_index - turn.first_index - 1 for turn in Turn.objects.order_by("pk")]
    taken, issue, run = 1, 1, 1
    assert ends[0] + 1 == taken + issue + run + blocks[0]
    assert [ends[1] - ends[0], ends[2] - ends[1]] == blocks[1:]
    assert all(trips[end].startswith('WITH changed AS (UPDATE "autofix_run"') for end in ends)


def test_what_somebody_changed_meanwhile_is_seen(pipeline: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's memory of a run ends where the run is another one: here its stopping point was moved."""

    def stop_earlier() -> None:
        Run.objects.update(stopping_point="solution", version=F("version") + 1)

    at_the_end_of("solution", monkeypatch, stop_earlier)
    tasks.run_turn(pipeline)
    run = Run.objects.get()
    assert run.status == "completed"
    assert [(step.step, step.status) for step in run.steps.all()] == [
        ("root_cause", "completed"),
        ("solution", "completed"),
    ]
    assert events_of(run) == [
        *("root_cause_started", "root_cause_completed", "solution_started", "solution_completed"),
        "run_completed",
    ]


def test_a_run_that_is_cancelled_meanwhile_stays_so(
    pipeline: int, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result of its turn changes nothing, although the worker remembers the run as active."""
    at_the_end_of("solution", monkeypatch, lambda: cancel_run(issue, Run.objects.get().pk))
    tasks.run_turn(pipeline)
    run = Run.objects.get()
    assert run.status == "cancelled"
    assert [step.status for step in run.steps.all()] == ["completed", "cancelled"]
    assert events_of(run)[-1] == "run_cancelled"
    assert not Turn.objects.filter(status="running").exists()


def test_a_run_that_is_deleted_meanwhile_is_gone(pipeline: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it comes back, and the worker is none the worse."""
    at_the_end_of("solution", monkeypatch, lambda: Run.objects.all().delete())
    tasks.run_turn(pipeline)
    assert not Run.objects.exists()
    assert not Turn.objects.filter(status="running").exists()


def test_a_turn_lost_in_the_middle_of_a_remembered_run(
    pipeline: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the first step: the run has not advanced, and no step is begun twice."""

    def overtake() -> None:
        Turn.objects.filter(status="running").update(fence=F("fence") + 1)

    at_the_end_of("solution", monkeypatch, overtake)
    tasks.run_turn(pipeline)
    run = Run.objects.get()
    assert [(step.step, step.status) for step in run.steps.all()] == [
        ("root_cause", "completed"),
        ("solution", "running"),
    ]
    assert events_of(run) == ["root_cause_started", "root_cause_completed", "solution_started"]

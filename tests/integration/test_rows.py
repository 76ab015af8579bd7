"""Statements built once read and write what the ORM reads and writes, on every database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext

from autofix import rows
from autofix.explorer.models import Block, Session, Turn, new_block
from autofix.models import Endpoint, EndpointRecord, ProjectPreference, Run
from tests.integration.turns import make_session, make_turn

pytestmark = pytest.mark.django_db
NOTHING: dict[str, object] = {"message": {}, "artifacts": [], "file_patches": []}
LATER = datetime(2031, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)


@pytest.fixture
def session() -> Session:
    return make_session()


def values(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}


def test_a_row_is_the_same_both_ways(session: Session) -> None:
    """What insert stores the ORM reads, and what find reads is what the ORM reads: JSON, times, UUIDs, truths, nothing."""
    turn = make_turn(session, "k", deadline=LATER, can_edit=True)
    assert rows.insert(turn)
    block = Block(session=session, turn=turn, index=0, content={"n": 1.5, "deep": [{"x": None}]})
    assert rows.insert(block)
    for row in (turn, block, session):
        stored = type(row)._base_manager.get(pk=row.pk)
        assert values(rows.find(type(row), pk=row.pk)) == values(stored) == values(row)
        assert rows.find(type(row), pk=row.pk) == stored


def test_conditions(session: Session) -> None:
    """Equality, nothing, one of several, several at once; order and limit."""
    first, second, third = (make_turn(session, key, status="completed") for key in "abc")
    second.ended_at = LATER
    for turn in (first, second, third):
        rows.insert(turn)
    assert rows.select(Turn, session_id=session.pk) == [first, second, third]
    assert rows.select(Turn, order="-key", limit=2, session_id=session.pk) == [third, second]
    assert rows.select(Turn, key=("a", "c")) == [first, third]
    assert rows.select(Turn, ended_at=None) == [first, third]
    assert rows.find(Turn, ended_at=LATER, key="b") == second
    assert rows.find(Turn, ended_at=LATER, key="a") is None


def test_rows_by_what_others_have(session: Session) -> None:
    """A condition on rows whose keys are not known yet: those that other rows name, and none when there are none."""
    other = make_session()
    for row, key in ((session, "a"), (other, "b")):
        rows.insert(make_turn(row, key, status="completed"))
    assert rows.find(Session, pk=rows.Of(Turn, "session_id", {"key": "b"})) == other
    assert rows.find(Session, pk=rows.Of(Turn, "session_id", {"key": "b", "fence": 7})) is None
    either = rows.Of(Turn, "session_id", {"key": ("a", "b"), "ended_at": None})
    assert rows.select(Session, pk=either, project_id="2") == [session, other]
    assert rows.update(Session, {"project_id": "9"}, pk=rows.Of(Turn, "session_id", {"key": "a"})) == 1
    assert rows.select(Session, pk=either, project_id="2") == [other]


def test_changes_are_counted(session: Session) -> None:
    """Update says how many rows there were; save stores what it is told, and the time of a column that keeps it."""
    turn = make_turn(session, "k")
    rows.insert(turn)
    assert rows.update(Turn, {"fence": 1, "lease_expires_at": LATER}, pk=turn.pk, fence=0) == 1
    assert rows.update(Turn, {"fence": 2}, pk=turn.pk, fence=0) == 0
    turn.refresh_from_db()
    assert (turn.fence, turn.lease_expires_at) == (1, LATER)
    run = Run.objects.create(organization_id="1", project_id="2", issue_id="3", status="completed")
    before = run.updated_at
    run.version, run.issue_id = 7, "not stored"
    rows.save(run, "version", "updated_at")
    run.refresh_from_db()
    assert (run.version, run.issue_id) == (7, "3")
    assert run.updated_at > before


def test_what_is_known_is_left_alone(session: Session) -> None:
    """A row whose unique columns are taken is not stored where that is expected, and is an error where it is not."""
    rows.insert(make_turn(session, "k", status="completed"))
    again = make_turn(session, "k", status="completed")
    assert not rows.insert(again, unless_known_by=("key",))
    assert Turn.objects.count() == 1
    assert rows.insert(make_turn(session, "other", status="completed"), unless_known_by=("key",))
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(again)


def test_another_constraint_is_not_taken_for_the_expected_one(session: Session) -> None:
    """A second open turn of a session is refused loudly, though its key is new."""
    rows.insert(make_turn(session, "k"))
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(make_turn(session, "other"), unless_known_by=("key",))


@pytest.mark.django_db(transaction=True)
def test_locks_where_there_are_locks() -> None:
    """A locked row is read FOR UPDATE on a database that knows it."""
    preference = ProjectPreference.objects.create(organization_id="1", project_id="2")
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        assert rows.find(ProjectPreference, lock=True, pk=preference.pk) == preference
    locked = any(query["sql"].endswith(" FOR UPDATE") for query in queries.captured_queries)
    assert locked == connection.features.has_select_for_update


def test_many_rows_at_once() -> None:
    """Stored in one statement; with a column to replace by, rows that are there already change."""
    names = ("endpoint_id", "recent", "totals")
    first, second = (Endpoint.objects.create(organization_id="1", url="https://a/", secret="s") for _ in "ab")
    rows.insert_all(EndpointRecord, names, [])
    rows.insert_all(EndpointRecord, names, [(first.pk, [[1, 2, 3]], {"é": [1]})], replacing="endpoint_id")
    with CaptureQueriesContext(connection) as queries:
        rows.insert_all(
            EndpointRecord, names, [(first.pk, [], {}), (second.pk, [[4]], {})], replacing="endpoint_id"
        )
    assert len(queries) == 1
    stored = EndpointRecord.objects.order_by("pk").values_list("pk", "recent", "totals")
    assert list(stored) == [(first.pk, [], {}), (second.pk, [[4]], {})]
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert_all(EndpointRecord, names, [(first.pk, [], {})])


def test_a_partial_constraint_knows_its_rows() -> None:
    """A second active run of an issue is known; once the first one has ended it is not."""

    def run() -> Run:
        return Run(organization_id="1", project_id="2", issue_id="3")

    by = ("organization_id", "issue_id")
    assert rows.insert(run(), unless_known_by=by)
    assert not rows.insert(run(), unless_known_by=by)
    Run.objects.update(status="completed")
    assert rows.insert(run(), unless_known_by=by)


def test_a_write_provided_that_another_row_is_there(session: Session) -> None:
    """Stored while it is, and not a moment longer."""
    turn = make_turn(session, "k")
    rows.insert(turn)
    held = rows.Provided(Turn, {"pk": turn.pk, "fence": 0})

    def block(index: int) -> dict[str, object]:
        return {**new_block(turn, index, NOTHING).row, "content": {"é": "it's 100 %; -- ?"}}

    assert rows.commit(rows.adding(Block, block(0), held)) == [True]
    rows.update(Turn, {"fence": 1}, pk=turn.pk)
    assert rows.commit(rows.adding(Block, block(1), held)) == [False]
    assert [(b.index, b.content) for b in Block.objects.all()] == [(0, {"é": "it's 100 %; -- ?"})]

"""Statements built once read and write what the ORM reads and writes, on every database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext

from autofix import rows
from autofix.explorer.models import Block, Session, Turn
from autofix.models import Endpoint, EndpointRecord, ProjectPreference, Run
from tests.trips import sent

pytestmark = pytest.mark.django_db
LATER = datetime(2031, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)


@pytest.fixture
def session() -> Session:
    return Session.objects.create(organization_id="1", project_id="2", issue_id="3", pins={"a/b": "f" * 40})


def make_turn(session: Session, key: str, **fields: object) -> Turn:
    return Turn(
        session=session, key=key, prompt="Why?", hook="h", metadata={"é": [1, None, "\u200b"]}, **fields
    )


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

    def block(index: int) -> Block:
        return Block(session=session, turn=turn, index=index, content={"é": "it's 100 %; -- ?"})

    assert rows.commit(rows.inserting(block(0), provided=held)) == [True]
    rows.update(Turn, {"fence": 1}, pk=turn.pk)
    assert rows.commit(rows.inserting(block(1), provided=held)) == [False]
    assert [(b.index, b.content) for b in Block.objects.all()] == [(0, {"é": "it's 100 %; -- ?"})]


@pytest.mark.django_db(transaction=True)
class TestTogether:
    """A unit of work: fewer trips, and nobody sees a difference but the clock."""

    def test_writes_travel_with_the_next_question(self, session: Session) -> None:
        """One trip where the driver takes several statements; the question sees what was written before it."""
        with rows.together():
            with CaptureQueriesContext(connection) as queries:
                for key in "ab":
                    rows.insert_later(make_turn(session, key, status="completed"))
                assert len(queries) == 0
                assert len(rows.select(Turn, session_id=session.pk)) == 2
            assert len(sent(queries)) == (1 if rows.takes_several() else 3)

    def test_whoever_asks_otherwise_sees_them(self, session: Session) -> None:
        """The ORM and savepoints come after what waits."""
        with rows.together():
            rows.insert_later(make_turn(session, "a", status="completed"))
            assert Turn.objects.count() == 1
            rows.insert_later(make_turn(session, "b", status="completed"))
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                1 / 0  # noqa: B018 - it is raised, that is all
        assert Turn.objects.count() == 2

    def test_the_rest_is_written_at_the_end(self, session: Session) -> None:
        """Before the transaction commits; after an error nothing is."""
        with rows.together():
            rows.insert_later(make_turn(session, "a", status="completed"))
        assert Turn.objects.count() == 1

        def write_and_fail() -> None:
            with rows.together():
                rows.insert_later(make_turn(session, "b", status="completed"))
                raise LookupError

        with pytest.raises(LookupError):
            write_and_fail()
        assert Turn.objects.count() == 1

    def test_a_refusal_comes_with_the_trip(self, session: Session) -> None:
        """A constraint that a late write breaks undoes the transaction."""
        rows.insert(make_turn(session, "a", status="completed"))

        def write_two() -> None:
            with rows.together():
                for key in "ba":
                    rows.insert_later(make_turn(session, key, status="completed"))

        with pytest.raises(IntegrityError):
            write_two()
        assert Turn.objects.count() == 1

    def test_what_is_foreseen_is_asked_once(self, session: Session) -> None:
        """The same rows, changes to them included, until somebody else writes to their table."""
        rows.insert(make_turn(session, "a", status="completed"))
        with rows.together() as unit:
            unit.foresee(rows.selecting(Turn, session_id=session.pk))
            (turn,) = rows.select(Turn, session_id=session.pk)
            turn.prompt = "changed"
            rows.save(turn, "prompt")
            with CaptureQueriesContext(connection) as queries:
                assert rows.select(Turn, session_id=session.pk) == [turn]
            assert len(queries) == 0
            assert Turn.objects.get().prompt == "changed"
            rows.insert_later(make_turn(session, "b", status="completed"))
            assert len(rows.select(Turn, session_id=session.pk)) == 2
            Turn.objects.filter(key="b").delete()
            assert len(rows.select(Turn, session_id=session.pk)) == 1

    def test_a_lock_is_taken_with_what_is_foreseen(self, session: Session) -> None:
        """What was read before the lock is not taken for what stands under it: the order of questions is kept."""
        with rows.together() as unit:
            unit.foresee(rows.finding(Session, lock=True, pk=session.pk), rows.selecting(Turn, key="a"))
            with CaptureQueriesContext(connection) as queries:
                assert rows.update(Session, {"issue_id": "9"}, pk=session.pk) == 1
            text = "; ".join(sent(queries))
            assert text.index("FROM") < text.index('UPDATE "')

    def test_a_key_that_is_known_at_once(self, session: Session) -> None:
        """It is the stored row's, foreseen or not, each row has its own, and an error stores none of them."""

        def store(*keys: str) -> list[int]:
            with rows.together():
                rows.foresee_insert(Turn)
                turns = [make_turn(session, key, status="completed") for key in keys]
                for turn in turns:
                    rows.insert_soon(turn)
                known = [turn.pk for turn in turns]
                if "wrong" in keys:
                    raise LookupError
            return known

        assert store("a", "b") == [Turn.objects.get(key=key).pk for key in "ab"]
        with pytest.raises(LookupError):
            store("c", "wrong")
        assert Turn.objects.count() == 2


@pytest.mark.django_db(transaction=True)
class TestTransaction:
    """One transaction, whoever begins and ends it: the driver, or BEGIN and COMMIT that travel with other statements."""

    @pytest.mark.parametrize("first", ["rows", "ORM"])
    def test_an_error_undoes_everything(self, session: Session, first: str) -> None:
        """What was sent before it, in either way and order."""

        def by_rows(key: str) -> None:
            rows.insert(make_turn(session, key, status="completed"))

        def by_orm(key: str) -> None:
            make_turn(session, key, status="completed").save()

        ways = [by_rows, by_orm] if first == "rows" else [by_orm, by_rows]

        def write_and_fail() -> None:
            with rows.together():
                for number, write in enumerate(ways + ways):
                    write(str(number))
                assert Turn.objects.count() == 4
                raise LookupError

        with pytest.raises(LookupError):
            write_and_fail()
        assert Turn.objects.count() == 0

    def test_a_refused_first_statement_begins_nothing(self, session: Session) -> None:
        """The connection is as good as new, and the next statement is not part of any transaction."""
        rows.insert(make_turn(session, "a", status="completed"))

        def write_twin() -> None:
            with rows.together():
                rows.insert(make_turn(session, "a", status="completed"))

        with pytest.raises(IntegrityError):
            write_twin()
        assert connection.get_autocommit()
        Turn.objects.update(prompt="changed")
        connection.close()
        assert Turn.objects.get().prompt == "changed"

    def test_a_commit_may_be_refused(self, session: Session) -> None:
        """By a constraint that is looked at then: nothing is stored, and nobody is told that it was."""
        told: list[str] = []

        def write_orphan() -> None:
            with rows.together():
                transaction.on_commit(lambda: told.append("committed"))
                rows.insert_later(make_turn(session, "a", status="completed"))
                orphan = Block(session_id=session.pk + 1, index=0, content={})
                rows.insert_later(orphan)

        with pytest.raises(IntegrityError):
            write_orphan()
        assert Turn.objects.count() == 0
        assert told == []

    def test_who_waits_for_the_commit_sees_it(self, session: Session) -> None:
        """Callbacks come after it, and may use the database as they like."""
        seen: list[int] = []
        with rows.together():
            transaction.on_commit(lambda: seen.append(Turn.objects.count()))
            transaction.on_commit(lambda: rows.insert(make_turn(session, "b", status="completed")))
            rows.insert_later(make_turn(session, "a", status="completed"))
        assert seen == [1]
        assert Turn.objects.count() == 2

    def test_inside_of_another_one(self, session: Session) -> None:
        """Nothing is committed before the outer transaction is."""

        def write_and_fail() -> None:
            with transaction.atomic():
                with rows.together():
                    rows.insert_later(make_turn(session, "a", status="completed"))
                raise LookupError

        with pytest.raises(LookupError):
            write_and_fail()
        assert Turn.objects.count() == 0


@pytest.mark.skipif(not rows.takes_several(), reason="only PostgreSQL's statements are prepared")
class TestPrepared:
    """A statement that comes again and again is parsed once, where the settings of the database allow it."""

    @pytest.fixture(autouse=True)
    def new_connection(self, transactional_db: None) -> None:
        connection.close()

    def prepared(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'autofix%%'", [])
            return int(cursor.fetchone()[0])

    def find_all(self, times: int) -> None:
        for number in range(times):
            rows.insert(make_turn(self.session, f"{number} % it's", status="completed"))
            assert len(rows.select(Turn, session_id=self.session.pk, ended_at=None)) == number + 1

    @pytest.fixture(autouse=True)
    def _session(self, session: Session) -> None:
        self.session = session

    def test_once_it_was_sent_often_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then it gives the same as before, on this connection and on the next one, which begins anew."""
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 2)
        self.find_all(2)
        assert self.prepared() == 0
        Turn.objects.all().delete()
        self.find_all(3)
        assert self.prepared() == 2
        connection.close()
        assert self.prepared() == 0
        Turn.objects.all().delete()
        self.find_all(4)
        assert self.prepared() == 2

    def test_it_outlives_a_transaction_that_is_undone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is the connection that knows it."""
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 0)

        def find_and_fail() -> None:
            with rows.together():
                self.find_all(1)
                raise LookupError

        with pytest.raises(LookupError):
            find_and_fail()
        assert self.prepared() == 2
        self.find_all(2)

    def test_never_without_a_threshold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Behind a pooler the next statement may reach another connection of the server, which knows nothing."""
        monkeypatch.delitem(connection.settings_dict["OPTIONS"], "prepare_threshold", raising=False)
        self.find_all(4)
        assert self.prepared() == 0

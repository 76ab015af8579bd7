"""Statements that travel together: a unit of work and its transaction."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext

from autofix import rows
from autofix.explorer.models import Block, Session, Turn
from tests.integration.turns import make_session, make_turn
from tests.trips import sent


@pytest.fixture
def session() -> Session:
    return make_session()


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

    def test_what_a_text_may_have_changed_is_asked_again(self, session: Session) -> None:
        """Nobody reads off a text which tables it is about."""
        rows.insert(make_turn(session, "a", status="completed"))
        with rows.together() as unit:
            unit.foresee(rows.selecting(Turn, session_id=session.pk))
            assert len(rows.select(Turn, session_id=session.pk)) == 1
            rows.fetch("DELETE FROM autofix_explorer_turn WHERE session_id = %s", [session.pk])
            assert rows.select(Turn, session_id=session.pk) == []

    def test_a_lock_is_taken_with_what_is_foreseen(self, session: Session) -> None:
        """What was read before the lock is not taken for what stands under it: the order of questions is kept."""
        with rows.together() as unit:
            unit.foresee(rows.finding(Session, lock=True, pk=session.pk), rows.selecting(Turn, key="a"))
            with CaptureQueriesContext(connection) as queries:
                assert rows.update(Session, {"issue_id": "9"}, pk=session.pk) == 1
            text = "; ".join(sent(queries))
            assert text.index("FROM") < text.index('UPDATE "')

    def test_a_key_that_is_known_at_once(self, session: Session) -> None:
        """It is the stored row's, taken before or not, each row has its own, and an error stores none of them."""

        def store(*keys: str) -> list[int]:
            with rows.together():
                turns = [make_turn(session, key, status="completed") for key in keys]
                if rows.takes_several():
                    ((turns[0].pk,),) = rows.ask(rows.reserving(Turn, 1))
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


class Gone(Exception):
    """What a test has raised where no row was found."""


@pytest.mark.django_db(transaction=True)
class TestMust:
    """Writes that must find a row, and locks that must hold: nobody waits for the answer, and nothing is stored without it."""

    @pytest.fixture
    def turn(self, session: Session) -> Turn:
        turn = make_turn(session, "a", status="completed", fence=3)
        rows.insert(turn)
        return turn

    def test_what_is_there_is_changed(self, turn: Turn) -> None:
        """With what was written beside it, in a transaction and by itself."""
        with rows.together():
            rows.must_hold(Session, otherwise=Gone(), pk=turn.session_id, issue_id="3")
            rows.must_update(Turn, {"prompt": "one"}, otherwise=Gone(), pk=turn.pk, fence=3)
            rows.insert_later(make_turn(turn.session, "b", status="completed"))
        rows.must_update(Turn, {"fence": 4}, otherwise=Gone(), pk=turn.pk, fence=3)
        turn.refresh_from_db()
        assert (turn.prompt, turn.fence, Turn.objects.count()) == ("one", 4, 2)

    @pytest.mark.parametrize("missing", ["update", "hold"])
    def test_what_is_not_there_undoes_the_transaction(self, turn: Turn, missing: str) -> None:
        """The error is the one that was asked for, and the connection is as good as new."""

        def write_in_vain() -> None:
            with rows.together():
                rows.insert_later(make_turn(turn.session, "b", status="completed"))
                if missing == "update":
                    rows.must_update(Turn, {"prompt": "one"}, otherwise=Gone(), pk=turn.pk, fence=2)
                else:
                    rows.must_hold(Session, otherwise=Gone(), pk=turn.session_id, issue_id="4")
                rows.insert_later(make_turn(turn.session, "c", status="completed"))

        with pytest.raises(Gone):
            write_in_vain()
        assert Turn.objects.count() == 1
        assert Turn.objects.get().prompt == "Why?"

    def test_another_error_stays_what_it_is(self, turn: Turn) -> None:
        """A constraint that is broken beside it, say."""

        def write_twin() -> None:
            with rows.together():
                rows.must_hold(Turn, otherwise=Gone(), pk=turn.pk)
                rows.insert_later(make_turn(turn.session, "a", status="completed"))

        with pytest.raises(IntegrityError):
            write_twin()


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


@pytest.mark.django_db(transaction=True)
def test_questions_that_travel_together_take_no_lock(session: Session) -> None:
    """They see what waits to be written, and begin no transaction, which on SQLite would keep others from writing."""
    asked = (rows.finding(Session, pk=session.pk), rows.selecting(Turn, session_id=session.pk))
    with CaptureQueriesContext(connection) as queries:
        assert rows.ask(*asked) == [[session], []]
    assert len(sent(queries)) == (1 if rows.takes_several() else 2)
    assert not any("BEGIN" in query["sql"] for query in queries.captured_queries)
    with rows.together():
        rows.insert_later(make_turn(session, "a", status="completed"))
        assert len(rows.ask(*asked)[1]) == 1

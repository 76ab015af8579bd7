"""Statements that travel together: a unit of work, its transaction, and what a connection prepares."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, OperationalError
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


def prepared() -> int:
    """How many of our statements this connection has prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'autofix%'")
        return int(cursor.fetchone()[0])


def find_all(session: Session, times: int) -> None:
    """Two statements, so many times, and what they do."""
    Turn.objects.all().delete()
    for number in range(times):
        rows.insert(make_turn(session, f"{number} % it's", status="completed"))
        assert len(rows.select(Turn, session_id=session.pk, ended_at=None)) == number + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not rows.takes_several(), reason="only PostgreSQL's statements are prepared")
class TestPrepared:
    """A statement that comes again and again is parsed once, where the settings of the database allow it."""

    @pytest.fixture(autouse=True)
    def _new_connection(self, session: Session) -> None:
        connection.close()

    def test_once_it_was_sent_often_enough(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then it gives the same as before, on this connection and on the next one, which begins anew."""
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 2)
        find_all(session, 2)
        assert prepared() == 0
        find_all(session, 3)
        assert prepared() == 2
        connection.close()
        assert prepared() == 0
        find_all(session, 4)
        assert prepared() == 2

    def test_not_for_a_long_list(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lists come in any length: each would be a statement of its own, and leave no room for others."""
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 0)
        for length in range(1, 10):
            assert rows.select(Turn, pk=tuple(range(-length, 0))) == []
            assert rows.update(Turn, {"prompt": ""}, pk=tuple(range(-length, 0))) == 0
        assert prepared() == 8

    def test_it_outlives_a_transaction_that_is_undone(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is the connection that knows it."""
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 0)

        def find_and_fail() -> None:
            with rows.together():
                find_all(session, 1)
                raise LookupError

        with pytest.raises(LookupError):
            find_and_fail()
        assert prepared() == 2
        find_all(session, 2)

    def test_never_without_a_threshold(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        """Behind a pooler the next statement may reach another connection of the server, which knows nothing."""
        monkeypatch.delitem(connection.settings_dict["OPTIONS"], "prepare_threshold", raising=False)
        find_all(session, 4)
        assert prepared() == 0

    def test_not_when_its_trip_failed_before(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        """What stood behind a refused statement was never prepared, and is when it comes again."""
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 0)
        rows.insert(make_turn(session, "a", status="completed"))

        def insert_twin_and_find() -> None:
            with rows.together():
                rows.insert_later(make_turn(session, "a", status="completed"))
                rows.select(Session, pk=session.pk)

        with pytest.raises(IntegrityError):
            insert_twin_and_find()
        assert prepared() == 1
        assert rows.select(Session, pk=session.pk) == [session]
        assert prepared() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not rows.takes_several(), reason="only PostgreSQL takes several statements in one trip")
class TestTrip:
    """Many requests over one connection, and what may happen to it meanwhile."""

    def test_more_than_fits_into_any_buffer(self, session: Session) -> None:
        """Both sides have megabytes to say: neither waits for the other to listen first."""
        prompts = [str(number) * 1_000_000 for number in range(5)]
        with rows.together() as unit:
            for number, prompt in enumerate(prompts):
                turn = make_turn(session, str(number), status="completed")
                turn.prompt = prompt
                rows.insert_later(turn)
                unit.foresee(rows.selecting(Turn, key=str(number)))
            assert [rows.select(Turn, key=str(number))[0].prompt for number in range(5)] == prompts

    def test_a_connection_that_is_cut(self, session: Session) -> None:
        """An outage like any other: nothing of the transaction is stored, and the next one has a new connection."""

        def write_and_lose() -> None:
            with rows.together():
                rows.insert(make_turn(session, "a", status="completed"))
                cut_others_connection(connection.connection.info.backend_pid)
                rows.insert(make_turn(session, "b", status="completed"))

        with pytest.raises(OperationalError):
            write_and_lose()
        connection.close_if_unusable_or_obsolete()
        assert Turn.objects.count() == 0
        assert rows.insert(make_turn(session, "c", status="completed"))

    def test_somebody_who_is_interrupted(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        """By a signal's exception while the server works: the answer under way is never taken for another one's."""

        class Interrupted(BaseException):
            """As Celery's time limits raise it."""

        def interrupt(*_: object) -> None:
            raise Interrupted

        with monkeypatch.context() as patched:
            patched.setattr("autofix.rows.trips._read", interrupt)
            with pytest.raises(Interrupted):
                rows.select(Turn, session_id=session.pk)
        connection.close_if_unusable_or_obsolete()
        connection.close()
        assert rows.select(Session, pk=session.pk) == [session]

    def test_the_isolation_that_was_asked_for(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """BEGIN asks for the level that the settings of the database name."""
        from django.db.backends.postgresql.psycopg_any import IsolationLevel  # noqa: PLC0415 - needs the driver

        monkeypatch.setitem(
            connection.settings_dict["OPTIONS"], "isolation_level", IsolationLevel.SERIALIZABLE
        )
        connection.close()
        with rows.together():
            rows.select(Session, pk=session.pk)
            assert rows.fetch("SHOW transaction_isolation", []) == [("serializable",)]
        monkeypatch.undo()
        connection.close()

    def test_who_watches_statements_sees_them(self, session: Session) -> None:
        """Django's execute wrappers are told of a trip as of any statement."""
        seen: list[str] = []

        def watch(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            seen.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(watch):
            rows.update(Session, {"issue_id": "9"}, pk=session.pk)
        (text,) = seen
        assert text.startswith("UPDATE")


def cut_others_connection(pid: int) -> None:
    """End the server's process that serves another connection, and wait until it is gone."""
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

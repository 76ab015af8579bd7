"""One trip to PostgreSQL: what a connection prepares, and what may happen to it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.utils import IntegrityError, OperationalError

from autofix import rows
from autofix.explorer.models import Session, Turn
from tests.integration.turns import make_session, make_turn


@pytest.fixture
def session() -> Session:
    return make_session()


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not rows.takes_several(), reason="only PostgreSQL takes several statements in one trip")
class TestHealth:
    """Django's health check, where it is on, costs a trip of its own."""

    @pytest.fixture
    def database(self) -> Iterator[Any]:
        database: Any = connections[DEFAULT_DB_ALIAS]
        database.ensure_connection()
        database.health_check_enabled = True
        yield database
        database.close()

    def test_whoever_has_answered_lately_is_not_asked(
        self, session: Session, database: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And whoever has not, is; once for each task or request."""
        asked: list[bool] = []

        def is_usable() -> bool:
            asked.append(True)
            return True

        monkeypatch.setattr(database, "is_usable", is_usable)
        rows.select(Session, pk=session.pk)
        for lately_s, times in ((60.0, 0), (-1.0, 1)):
            asked.clear()
            monkeypatch.setattr("autofix.rows.trips.LATELY_S", lately_s)
            database.health_check_done = False
            for _ in range(2):
                rows.select(Session, pk=session.pk)
            assert len(asked) == times

    def test_a_connection_that_the_server_has_closed_is_replaced(
        self, session: Session, database: Any
    ) -> None:
        """However lately it answered, nothing fails."""
        rows.select(Session, pk=session.pk)
        before = database.connection.info.backend_pid
        cut_others_connection(before)
        database.health_check_done = False
        assert rows.select(Session, pk=session.pk) == [session]
        assert database.connection.info.backend_pid != before


def cut_others_connection(pid: int) -> None:
    """End the server's process that serves another connection, and wait until it is gone."""
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

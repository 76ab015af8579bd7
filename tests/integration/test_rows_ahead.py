"""Questions that are asked ahead, in one trip and outside of a transaction."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from autofix import rows
from autofix.explorer.models import Session, Turn
from tests.integration.turns import make_session, make_turn

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session() -> Session:
    return make_session()


def test_one_trip_answers_them_all(session: Session) -> None:
    """Whoever asks gets the answer that is there, as often as it comes; after the body it is asked anew."""
    rows.insert(make_turn(session, "a", status="completed"))
    with CaptureQueriesContext(connection) as queries:
        with rows.ahead(rows.finding(Session, pk=session.pk), rows.selecting(Turn, session_id=session.pk)):
            assert rows.find(Session, pk=session.pk) == session
            assert [turn.key for turn in rows.select(Turn, session_id=session.pk)] == ["a"]
            assert rows.find(Session, pk=session.pk) is rows.find(Session, pk=session.pk)
        assert len(queries) == (1 if rows.takes_several() else 2)
        assert rows.find(Session, pk=session.pk) == session
    assert not any(query["sql"] in ("BEGIN", "COMMIT") for query in queries.captured_queries)
    assert len(queries) == (2 if rows.takes_several() else 3)


def test_an_answer_about_others_ends_with_any_write(session: Session) -> None:
    """It may hang on rows of any table, so none is trusted after a write."""
    rows.insert(make_turn(session, "a", status="completed"))
    of_a = rows.Of(Turn, "session_id", {"key": "a"})
    with rows.ahead(rows.finding(Session, pk=of_a)):
        assert rows.find(Session, pk=of_a) == session
        rows.update(Turn, {"key": "b"}, key="a")
        assert rows.find(Session, pk=of_a) is None


def test_in_a_transaction_they_are_its_own(session: Session) -> None:
    """They travel with its next question, and see what it has written."""
    with rows.together():
        rows.insert_later(make_turn(session, "a", status="completed"))
        with rows.ahead(rows.selecting(Turn, session_id=session.pk)):
            assert len(rows.select(Turn, session_id=session.pk)) == 1


def test_what_is_written_in_the_body_is_sent_at_once(session: Session) -> None:
    """Answers are no transaction: an error behind a write does not undo it."""

    def write_and_fail() -> None:
        with rows.ahead(rows.finding(Session, pk=session.pk)):
            rows.insert_later(make_turn(session, "a", status="completed"))
            assert Turn.objects.count() == 1
            session.issue_id = "9"
            rows.save(session, "issue_id")
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert Turn.objects.count() == 1
    session.refresh_from_db()
    assert session.issue_id == "9"


def test_a_transaction_in_the_body_ends_all_answers(session: Session) -> None:
    """Whatever it begins with: nobody knows what it has changed."""
    turn = make_turn(session, "a", status="completed")
    rows.insert(turn)
    with rows.ahead(rows.finding(Turn, pk=turn.pk)):
        with rows.together():
            rows.must_hold(Session, otherwise=LookupError(), pk=session.pk)
            rows.must_update(Turn, {"fence": 7}, otherwise=LookupError(), pk=turn.pk)
        found = rows.find(Turn, pk=turn.pk)
        assert found is not None
        assert found.fence == 7


def test_a_question_that_waits_sees_what_is_written_after_it(session: Session) -> None:
    """A foreseen answer that would be older than a write is asked for when it is wanted."""
    turn = make_turn(session, "a", status="completed")
    with rows.together() as unit:
        unit.foresee(rows.selecting(Turn, session_id=session.pk))
        rows.insert_later(turn)
        assert len(rows.select(Turn, session_id=session.pk)) == 1

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

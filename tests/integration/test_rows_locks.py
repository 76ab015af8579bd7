"""A row that is written in the transaction that locks it: the write takes the place of a lock that still waits."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from autofix import rows
from autofix.explorer.models import Session, Turn
from tests.integration.turns import make_session, make_turn

pytestmark = pytest.mark.django_db(transaction=True)


class Moved(Exception):
    """The row is not as it was seen."""


@pytest.fixture
def turn() -> Turn:
    turn = make_turn(make_session(), "k", status="completed")
    rows.insert(turn)
    return turn


def write(turn: Turn, *, asks_between: bool = False) -> None:
    """Lock the turn as fence 0, and store fence 1."""
    with rows.together():
        lock = rows.must_hold(Turn, otherwise=Moved(), pk=turn.pk, fence=0)
        if asks_between:
            rows.find(Session, pk=turn.session_id)
        turn.fence = 1
        rows.save_held(turn, "fence", lock=lock, fence=0)


@pytest.mark.skipif(not rows.takes_several(), reason="elsewhere nothing waits")
def test_one_statement_locks_and_writes(turn: Turn) -> None:
    """Where nobody asks anything in between."""
    with CaptureQueriesContext(connection) as queries:
        write(turn)
    texts = [text for query in queries.captured_queries for text in query["sql"].split("; ")]
    assert [text.split()[0] for text in texts if text not in ("BEGIN", "COMMIT")] == ["WITH"]
    turn.refresh_from_db()
    assert turn.fence == 1


@pytest.mark.parametrize("asks_between", [False, True])
def test_a_lock_that_was_sent_is_followed_by_the_write(turn: Turn, asks_between: bool) -> None:
    """Either way the row is stored once."""
    write(turn, asks_between=asks_between)
    turn.refresh_from_db()
    assert turn.fence == 1


@pytest.mark.parametrize("asks_between", [False, True])
def test_a_row_that_has_moved_is_not_written(turn: Turn, asks_between: bool) -> None:
    """The error is the lock's, and nothing is stored."""
    Turn.objects.update(fence=5)
    with pytest.raises(Moved):
        write(turn, asks_between=asks_between)
    turn.refresh_from_db()
    assert turn.fence == 5

"""Rows that are stored without a model for each: together, and in their place among other statements."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext

from autofix import rows
from autofix.explorer.models import Block, Session, Turn, new_block
from tests.integration.turns import make_session, make_turn, thought

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session() -> Session:
    return make_session()


@pytest.fixture
def turn(session: Session) -> Turn:
    turn = make_turn(session, "k")
    rows.insert(turn)
    return turn


def add(turn: Turn, index: int) -> None:
    rows.add_later(Block, **new_block(turn, index, thought(f"é {index} % it's")).row)


def told(session: Session) -> list[str]:
    return [block.content["message"]["content"] for block in session.blocks.all()]


def test_rows_of_a_table_are_one_statement(session: Session, turn: Turn) -> None:
    """They are what their models would be, in the order in which they were added."""
    with CaptureQueriesContext(connection) as queries, rows.together():
        for index in range(3):
            add(turn, index)
            rows.save(turn, "updated_at")
    texts = [text for query in queries.captured_queries for text in query["sql"].split("; ")]
    assert sum(text.startswith("INSERT") for text in texts) == 1
    assert told(session) == ["é 0 % it's", "é 1 % it's", "é 2 % it's"]
    (first, _, last) = Block.objects.order_by("pk")
    assert (first.index, last.index, last.turn_id, last.has_patches) == (0, 2, turn.pk, False)
    assert last.as_state().id == str(last.uuid)


def test_outside_of_a_unit_a_row_is_stored_at_once(session: Session, turn: Turn) -> None:
    """There is nothing that it could wait for."""
    add(turn, 0)
    assert len(told(session)) == 1


def test_questions_see_what_was_added_before(session: Session, turn: Turn) -> None:
    """Those that are asked and those that are foreseen, and whoever asks by other ways."""
    with rows.together() as unit:
        add(turn, 0)
        assert len(rows.select(Block, session_id=session.pk)) == 1
        add(turn, 1)
        assert Block.objects.count() == 2
        add(turn, 2)
        unit.foresee(rows.selecting(Block, order="-index", session_id=session.pk))
        assert [b.index for b in rows.select(Block, order="-index", session_id=session.pk)] == [2, 1, 0]


def test_a_change_comes_after_the_row_that_it_is_about(session: Session, turn: Turn) -> None:
    """An update that waits, too, finds a row that was added before it."""
    with rows.together():
        add(turn, 0)
        rows.must_update(Block, {"has_patches": True}, otherwise=LookupError(), index=0)
    assert Block.objects.get().has_patches


def test_a_row_that_is_refused_fails_the_transaction(session: Session, turn: Turn) -> None:
    """A second block in one place is an error, and nothing of the unit is stored."""

    def add_twice() -> None:
        with rows.together():
            rows.update(Turn, {"fence": 7}, pk=turn.pk)
            add(turn, 0)
            add(turn, 0)

    with pytest.raises(IntegrityError):
        add_twice()
    assert not Block.objects.exists()
    turn.refresh_from_db()
    assert turn.fence == 0


def test_a_column_that_is_forgotten_is_an_error(turn: Turn) -> None:
    """A row without a model has no defaults: a new column would be stored as nothing."""
    row = new_block(turn, 0, thought("t")).row
    del row["has_patches"]
    with pytest.raises(TypeError, match="no value for has_patches"):
        rows.add_later(Block, **row)
    with pytest.raises(TypeError, match="no value for has_patches"):
        rows.adding(Block, row, rows.Provided(Turn, {"pk": turn.pk}))

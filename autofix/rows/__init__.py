"""Rows by plain equality, through statements whose text is built once and that travel together.

Django builds the text of a query anew each time, and that costs several times what sending it does; and each trip to the
database costs as much as what is done there (docs/decisions/0011-statements-built-once.md). What a worker does for every
block and every step goes through here; everything else asks the ORM as usual. No signals are sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from autofix.rows import sending
from autofix.rows.columns import Json, column_of, prepared, refuse_gaps
from autofix.rows.sending import ahead, commit, takes_several, together
from autofix.rows.statements import (
    Of,
    Provided,
    Result,
    Row,
    Statement,
    adding,
    finding,
    holding_or_failing,
    inserting,
    inserting_all,
    reserving,
    row_of,
    saving,
    saving_or_failing,
    selecting,
    updating,
    updating_or_failing,
)

__all__ = [
    "Json", "Of", "Provided", "Row", "Statement", "add_later", "adding", "ahead", "ask", "commit", "fetch", "find",
    "finding", "insert", "insert_all", "insert_later", "insert_soon", "must_hold", "must_update", "reserving",
    "save", "save_held", "select", "selecting", "takes_several", "together", "update", "updating",
]  # fmt: skip


def find(model: type[Row], *, lock: bool = False, **where: Any) -> Row | None:
    """The first row (by primary key) that fits, locked until the transaction ends if asked; None when there is none."""
    found = _ask(finding(model, lock=lock, **where))
    return found[0] if found else None


def select(
    model: type[Row], *, order: str = "pk", limit: int | None = None, lock: bool = False, **where: Any
) -> list[Row]:
    """All rows that fit, in the order of one column (``-name``: backwards)."""
    return _ask(selecting(model, order=order, limit=limit, lock=lock, **where))


def ask(*questions: Statement[Any]) -> list[Any]:
    """The answers to several questions, in one trip where the driver takes several, and in no transaction of their own."""
    return sending.send(list(questions))


def insert(row: Model, *, unless_known_by: tuple[str, ...] = ()) -> bool:
    """Store a new row and give it its primary key; IntegrityError when a constraint refuses it.

    ``unless_known_by``: the columns of a unique constraint. False, and nothing is stored, when there is such a row.
    """
    return _ask(inserting(row, unless_known_by=unless_known_by), writes=True)


def insert_later(row: Model) -> None:
    """The same with the next question, when nobody needs the primary key before; a refusal comes then, too."""
    _later(inserting(row))


def insert_soon(row: Model) -> None:
    """The same when somebody does: the key is taken ahead where the database has one ready, else the row is stored at once.

    Nothing is asked for a row that was given a key.
    """
    if takes_several():
        if row.pk is None:
            (row.pk,) = _ask(reserving(type(row), 1))
        insert_later(row)
    else:
        insert(row)


def insert_all(
    model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]], *, replacing: str = ""
) -> None:
    """Store many rows, given as the values of these columns, in one statement and without a model for each.

    ``replacing``: a unique column; a row that has its value there already is replaced.
    """
    if rows:
        columns = [column_of(model, name) for name in names]
        ready = [[prepared(*pair) for pair in zip(columns, row, strict=True)] for row in rows]
        _ask(inserting_all(model, names, ready, replacing=replacing), writes=True)


def add_later(model: type[Model], **values: Any) -> None:
    """Store a new row with whatever is sent next, in one statement with others of its table, and without a model for it.

    ``values``: of all columns but the key, as neither defaults nor ``auto_now`` are looked at; TypeError when one is missing.
    """
    refuse_gaps(model, tuple(values))
    unit = sending.current()
    if unit is not None:
        unit.add(model, values)
    else:
        sending.send([inserting_all(model, tuple(values), [row_of(model, values)])])


def update(model: type[Model], changes: dict[str, Any], **where: Any) -> int:
    """Change the rows that fit; how many there were."""
    return _ask(updating(model, changes, **where), writes=True)


def must_update(model: type[Model], changes: dict[str, Any], *, otherwise: Exception, **where: Any) -> None:
    """Change the rows that fit, with whatever is sent next. ``otherwise`` is raised, then or now, when there are none.

    With it the transaction has failed.
    """
    if takes_several():
        _later(updating_or_failing(model, changes, otherwise, **where))
    elif not update(model, changes, **where):
        raise otherwise


def must_hold(model: type[Model], *, otherwise: Exception, **where: Any) -> Statement[None] | None:
    """The same of a lock on the rows that fit, until the transaction ends. What waits to be sent for it, if anything does."""
    if takes_several():
        lock = holding_or_failing(model, otherwise, **where)
        _later(lock, unseen=True)
        return lock
    if find(model, lock=True, **where) is None:
        raise otherwise
    return None


def save(row: Model, *names: str) -> None:
    """Store these columns of a row that is known to be there."""
    _later(saving(row, *names), unseen=True)


def save_held(row: Model, *names: str, lock: Statement[None] | None, **seen: Any) -> None:
    """The same of a row under this lock. As long as that waits the write takes its place: it locks the row as well.

    ``seen``: the lock's conditions beside the key.
    """
    unit = sending.current()
    if lock is None or unit is None or not unit.replace(lock, saving_or_failing(row, names, lock, seen)):
        save(row, *names)


def fetch(text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What a text that comes again and again finds, whatever it says: nothing when it only writes."""
    return _ask(Statement(None, text, values, lambda cursor: list(cursor.fetchall())), writes=True)


def _ask(statement: Statement[Result], *, writes: bool = False) -> Result:
    unit = sending.current()
    if unit is not None:
        return unit.ask(statement, writes=writes)
    result: Result = sending.send([statement])[0]
    return result


def _later(write: Statement[Any], *, unseen: bool = False) -> None:
    unit = sending.current()
    if unit is not None:
        unit.later(write, unseen=unseen)
    else:
        sending.send([write])

"""Statements whose text is built once per shape: rows by plain equality.

A condition on None means IS NULL, on a tuple IN, on :class:`Of` IN what other rows have. Values are converted by the models'
own fields, so that every database sees what the ORM would send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

from autofix.rows import texts
from autofix.rows.columns import column_of, prepared, refuse_gaps, stored, written
from autofix.rows.texts import Others, Shape

Row = TypeVar("Row", bound=Model)
Result = TypeVar("Result")
FEW = 4
"""Longer lists come in so many lengths that no text would come again."""


class Statement(NamedTuple, Generic[Result]):
    """What is sent, and how the result is read off the cursor.

    ``model``: whose table it is about; None for any. ``lasting``: the same text will come again. ``otherwise``: the error that
    it is when the statement divides by zero, as those do that must find a row.
    """

    model: type[Model] | None
    sql: str
    values: Sequence[Any]
    read: Callable[[Any], Result]
    lasting: bool = True
    otherwise: Exception | None = None


@dataclass(frozen=True, slots=True)
class Of:
    """What the rows of a model that fit have in a column: a condition on rows whose own keys are not known yet."""

    model: type[Model]
    name: str
    where: Mapping[str, Any]


def selecting(
    model: type[Row], *, order: str = "pk", limit: int | None = None, lock: bool = False, **where: Any
) -> Statement[list[Row]]:
    """All rows that fit, in the order of one column (``-name``: backwards), locked until the transaction ends if asked."""

    def read(cursor: Any) -> list[Row]:
        return [
            model.from_db(DEFAULT_DB_ALIAS, names, _converted(row, converters)) for row in cursor.fetchall()
        ]

    names, converters = _reading(model)
    shape, values, lasting = _conditions(model, where)
    looks_elsewhere = any(isinstance(wanted, Others) for _, wanted in shape)
    about = None if looks_elsewhere else model
    return Statement(about, texts.select(model, shape, order, limit, lock), values, read, lasting)


def finding(model: type[Row], *, lock: bool = False, **where: Any) -> Statement[list[Row]]:
    """The first row (by primary key) that fits."""
    return selecting(model, limit=1, lock=lock, **where)


@dataclass(frozen=True, slots=True)
class Provided:
    """A row that must be there for a write to happen: equality, as in every condition."""

    model: type[Model]
    where: dict[str, Any]


def inserting(row: Model, *, unless_known_by: tuple[str, ...] = ()) -> Statement[bool]:
    """Store a new row and give it its primary key; False when the known one forbids it."""

    def read(cursor: Any) -> bool:
        key = cursor.fetchone()
        if key is None:
            return False
        row.pk = key[0]
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS
        return True

    model = type(row)
    names, columns = written(model, row.pk is not None)
    values = [stored(row, column, add=True) for column in columns]
    return Statement(model, texts.insert(model, names, unless_known_by, None, ()), values, read)


def adding(model: type[Model], values: Mapping[str, Any], provided: Provided) -> Statement[bool]:
    """Store a new row, given as all its columns' values but the key, if the other one is there; False when it is not."""
    names = tuple(values)
    refuse_gaps(model, names)
    shape, conditions, _ = _conditions(provided.model, provided.where)
    text = texts.insert(model, names, (), provided.model, shape)
    return Statement(model, text, [*row_of(model, values), *conditions], _is_there)


def row_of(model: type[Model], values: Mapping[str, Any]) -> list[Any]:
    """The values of columns as the database's driver takes them."""
    return [prepared(column_of(model, name), value) for name, value in values.items()]


def reserving(model: type[Model], count: int) -> Statement[list[int]]:
    """Primary keys of rows that are stored later. PostgreSQL's; SQLite has none before."""
    table, column = model._meta.db_table, texts.field_of(model, "pk").column
    sql = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
    return Statement(model, sql, [texts.quoted(table), column, count], _keys)


def _keys(cursor: Any) -> list[int]:
    return [key for (key,) in cursor.fetchall()]


def inserting_all(
    model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]], *, replacing: str = ""
) -> Statement[None]:
    """Store many rows, given as :func:`row_of` these columns; with ``replacing``, a unique column, over those that are there."""
    text = texts.insert_all(model, tuple(names), len(rows), replacing)
    return Statement(model, text, [value for row in rows for value in row], _nothing, len(rows) <= FEW)


def updating(model: type[Model], changes: dict[str, Any], **where: Any) -> Statement[int]:
    """Change the rows that fit; how many there were."""
    shape, others, lasting = _conditions(model, where)
    values = [*row_of(model, changes), *others]
    return Statement(model, texts.update(model, tuple(changes), shape), values, _count, lasting)


def updating_or_failing(
    model: type[Model], changes: dict[str, Any], otherwise: Exception, **where: Any
) -> Statement[None]:
    """Change the rows that fit, or fail. PostgreSQL's."""
    return _or_failing(updating(model, changes, **where), otherwise)


def holding_or_failing(model: type[Model], otherwise: Exception, **where: Any) -> Statement[None]:
    """Lock the rows that fit, or fail. PostgreSQL's."""
    shape, values, lasting = _conditions(model, where)
    return Statement(model, texts.hold(model, shape), values, _nothing, lasting, otherwise)


def saving_or_failing(
    row: Model, names: Sequence[str], lock: Statement[None], seen: Mapping[str, Any]
) -> Statement[None]:
    """Store these columns of a row that still is as it was seen, or fail as the lock on it would have. PostgreSQL's."""
    return _or_failing(saving(row, *names, **seen), lock.otherwise)


def _or_failing(change: Statement[int], otherwise: Exception | None) -> Statement[None]:
    text = texts.or_fail(change.sql)
    return Statement(change.model, text, change.values, _nothing, change.lasting, otherwise)


def _nothing(_: Any) -> None:
    return None


def saving(row: Model, *names: str, **seen: Any) -> Statement[int]:
    """Store these columns of a row that is known to be there, if it still is as it was seen."""
    model = type(row)
    values = [stored(row, column_of(model, name), add=False) for name in names]
    shape, others, lasting = _conditions(model, {"pk": row.pk, **seen})
    return Statement(model, texts.update(model, names, shape), [*values, *others], _count, lasting)


def _is_there(cursor: Any) -> bool:
    return cursor.fetchone() is not None


def _count(cursor: Any) -> int:
    return int(cursor.rowcount)


def _conditions(model: type[Model], where: Mapping[str, Any]) -> tuple[Shape, list[Any], bool]:
    """Their shape, their values, and whether the shape will come again."""
    shape: list[tuple[str, int | Others | None]] = []
    values: list[Any] = []
    lasting = True
    for name, value in where.items():
        if value is None:
            shape.append((name, None))
        elif isinstance(value, tuple):
            shape.append((name, len(value)))
            values += [prepared(column_of(model, name), one) for one in value]
            lasting = lasting and len(value) <= FEW
        elif isinstance(value, Of):
            others, their_values, they_last = _conditions(value.model, value.where)
            shape.append((name, Others(value.model, value.name, others)))
            values += their_values
            lasting = lasting and they_last
        else:
            shape.append((name, 0))
            values.append(prepared(column_of(model, name), value))
    return tuple(shape), values, lasting


@cache
def _reading(model: type[Model]) -> tuple[list[str], dict[int, tuple[list[Any], Any]]]:
    """The attributes' names in the columns' order, and by position what turns a column's value into an attribute's."""
    fields = model._meta.concrete_fields
    columns = [field.get_col(model._meta.db_table) for field in fields]
    compiler = model._base_manager.all().query.get_compiler(connection=connection)
    return [field.attname for field in fields], compiler.get_converters(columns)


def _converted(row: Sequence[Any], converters: dict[int, tuple[list[Any], Any]]) -> list[Any]:
    values = list(row)
    for position, (conversions, column) in converters.items():
        for convert in conversions:
            values[position] = convert(values[position], column, connection)
    return values

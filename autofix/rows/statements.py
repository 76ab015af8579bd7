"""Statements whose text is built once per shape: rows by plain equality.

A condition on None means IS NULL, on a tuple IN. Values are converted by the models' own fields, so that every database
sees what the ORM would send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    JSONField,
    Model,
    TextField,
    UniqueConstraint,
    UUIDField,
)

Row = TypeVar("Row", bound=Model)
Result = TypeVar("Result")
Shape = tuple[tuple[str, int | None], ...]
"""Names of conditions; beside each None for IS NULL, 0 for =, n for IN with n values."""
FEW = 4
"""Longer lists come in so many lengths that no text would come again."""


class Statement(NamedTuple, Generic[Result]):
    """What is sent, and how the result is read off the cursor.

    ``model``: whose table it is about; None for any. ``lasting``: the same text will come again.
    """

    model: type[Model] | None
    sql: str
    values: Sequence[Any]
    read: Callable[[Any], Result]
    lasting: bool = True


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
    return Statement(model, _select_text(model, shape, order, limit, lock), values, read, lasting)


def finding(model: type[Row], *, lock: bool = False, **where: Any) -> Statement[list[Row]]:
    """The first row (by primary key) that fits."""
    return selecting(model, limit=1, lock=lock, **where)


def reading(model: type[Model], name: str, *, lock: bool = False, **where: Any) -> Statement[Any]:
    """One column of the first row that fits, as the driver gives it; None when there is none."""

    def read(cursor: Any) -> Any:
        found = cursor.fetchone()
        return found and found[0]

    shape, values, lasting = _conditions(model, where)
    return Statement(model, _select_text(model, shape, "pk", 1, lock, name), values, read, lasting)


@dataclass(frozen=True, slots=True)
class Provided:
    """A row that must be there for a write to happen: equality, as in every condition."""

    model: type[Model]
    where: dict[str, Any]


def inserting(
    row: Model, *, unless_known_by: tuple[str, ...] = (), provided: Provided | None = None
) -> Statement[bool]:
    """Store a new row and give it its primary key; False when the known or the missing other row forbids it."""

    def read(cursor: Any) -> bool:
        stored = cursor.fetchone()
        if stored is None:
            return False
        row.pk = stored[0]
        row._state.adding = False
        row._state.db = DEFAULT_DB_ALIAS
        return True

    model, has_key = type(row), row.pk is not None
    values = [_stored(row, column, add=True) for column in _written(model, has_key)]
    other: type[Model] | None = None
    shape: Shape = ()
    if provided is not None:
        other, (shape, conditions, _) = provided.model, _conditions(provided.model, provided.where)
        values += conditions
    return Statement(model, _insert_text(model, has_key, unless_known_by, other, shape), values, read)


def reserving(model: type[Model]) -> Statement[int]:
    """The primary key of a row that is stored later. PostgreSQL's; SQLite has none before."""
    table, column = model._meta.db_table, _field(model, "pk").column
    sql = "SELECT nextval(pg_get_serial_sequence(%s, %s))"
    return Statement(model, sql, [_q(table), column], lambda cursor: int(cursor.fetchone()[0]))


def inserting_all(
    model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]], *, replacing: str = ""
) -> Statement[None]:
    """Store many rows, given as the values of these columns; with ``replacing``, a unique column, over those that are there."""
    into = [_column(model, name) for name in names]
    values = [_prepared(column, value) for row in rows for column, value in zip(into, row, strict=True)]
    columns = [_q(column.field.column) for column in into]
    row_text = f"({', '.join(['%s'] * len(columns))})"
    text = f"INSERT INTO {_q(model._meta.db_table)} ({', '.join(columns)}) VALUES {', '.join([row_text] * len(rows))}"
    if replacing:
        unique = _q(_field(model, replacing).column)
        changed = ", ".join(f"{one} = excluded.{one}" for one in columns if one != unique)
        text += f" ON CONFLICT ({unique}) DO UPDATE SET {changed}"
    return Statement(model, text, values, lambda _: None, lasting=False)


def updating(model: type[Model], changes: dict[str, Any], **where: Any) -> Statement[int]:
    """Change the rows that fit; how many there were."""
    names = tuple(changes)
    values = [_prepared(_column(model, name), value) for name, value in changes.items()]
    shape, others, lasting = _conditions(model, where)
    return Statement(model, _update_text(model, names, shape), [*values, *others], _count, lasting)


def saving(row: Model, *names: str) -> Statement[int]:
    """Store these columns of a row that is known to be there."""
    model = type(row)
    values = [_stored(row, _column(model, name), add=False) for name in names]
    shape, key, _ = _conditions(model, {"pk": row.pk})
    return Statement(model, _update_text(model, names, shape), [*values, *key], _count)


def _count(cursor: Any) -> int:
    return int(cursor.rowcount)


class _Column(NamedTuple):
    """A field. ``plain``: the type of those values that go to the driver as they are; ``convert``: what becomes of others.

    ``sets_itself``: as ``auto_now`` does.
    """

    field: Field[Any, Any]
    plain: type | None
    convert: Callable[[Any], Any]
    sets_itself: bool


@cache
def _column(model: type[Model], name: str) -> _Column:
    meta = model._meta
    named = (field for field in meta.concrete_fields if name in (field.name, field.attname))
    field = meta.pk if name == "pk" else next(named)
    overrides = type(field).pre_save is not Field.pre_save
    dated = isinstance(field, DateTimeField) and not (field.auto_now or field.auto_now_add)
    convert = partial(json.dumps, cls=field.encoder) if isinstance(field, JSONField) else _by_field(field)
    return _Column(field, _plain_type(field), convert, overrides and not dated)


def _by_field(field: Field[Any, Any]) -> Callable[[Any], Any]:
    return lambda value: field.get_db_prep_save(value, connection)


def _plain_type(field: Field[Any, Any]) -> type | None:
    """For values of this type Django's conversions do nothing."""
    if isinstance(field, ForeignKey):
        return _plain_type(field.target_field)
    kinds: list[tuple[type[Field[Any, Any]], type]] = [
        (CharField, str), (TextField, str), (IntegerField, int), (BooleanField, bool),
    ]  # fmt: skip
    if connection.vendor == "postgresql":
        kinds += [(DateTimeField, datetime), (UUIDField, UUID)]
    return next((plain for kind, plain in kinds if isinstance(field, kind)), None)


@cache
def _written(model: type[Model], has_key: bool) -> Sequence[_Column]:
    """The columns of a new row."""
    fields = [field for field in model._meta.concrete_fields if has_key or not field.primary_key]
    return [_column(model, field.attname) for field in fields]


def _stored(row: Model, column: _Column, *, add: bool) -> Any:
    """What is stored of this row in the column."""
    field = column.field
    value = field.pre_save(row, add) if column.sets_itself else getattr(row, field.attname)
    return _prepared(column, value)


def _prepared(column: _Column, value: Any) -> Any:
    """The value as the database's driver takes it."""
    if value is None or type(value) is column.plain:
        return value
    return column.convert(value)


def _conditions(model: type[Model], where: dict[str, Any]) -> tuple[Shape, list[Any], bool]:
    """Their shape, their values, and whether the shape will come again."""
    shape: list[tuple[str, int | None]] = []
    values: list[Any] = []
    lasting = True
    for name, value in where.items():
        if value is None:
            shape.append((name, None))
        elif isinstance(value, tuple):
            shape.append((name, len(value)))
            values += [_prepared(_column(model, name), one) for one in value]
            lasting = lasting and len(value) <= FEW
        else:
            shape.append((name, 0))
            values.append(_prepared(_column(model, name), value))
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


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return _column(model, name).field


def _q(name: str | None) -> str:
    return connection.ops.quote_name(name or "")


@cache
def _select_text(
    model: type[Model], shape: Shape, order: str, limit: int | None, lock: bool, only: str = ""
) -> str:
    fields = [_field(model, only)] if only else model._meta.concrete_fields
    columns = ", ".join(_q(field.column) for field in fields)
    by = f"{_q(_field(model, order.removeprefix('-')).column)}{' DESC' if order.startswith('-') else ''}"
    text = f"SELECT {columns} FROM {_q(model._meta.db_table)}{_where_text(model, shape)} ORDER BY {by}"
    locks = lock and connection.features.has_select_for_update
    return text + (f" LIMIT {limit}" if limit else "") + (" FOR UPDATE" if locks else "")


@cache
def _insert_text(
    model: type[Model],
    has_key: bool,
    known_by: tuple[str, ...],
    other: type[Model] | None,
    other_shape: Shape,
) -> str:
    fields = [column.field for column in _written(model, has_key)]
    columns, places = ", ".join(_q(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    known = f" ON CONFLICT {_target_text(model, known_by)} DO NOTHING" if known_by else ""
    key = _q(_field(model, "pk").column)
    row = f"SELECT {places} WHERE {_exists_text(other, other_shape)}" if other else f"VALUES ({places})"
    return f"INSERT INTO {_q(model._meta.db_table)} ({columns}) {row}{known} RETURNING {key}"


def _target_text(model: type[Model], names: tuple[str, ...]) -> str:
    """The columns of a unique constraint, with its condition where it has one."""
    columns = ", ".join(_q(_field(model, name).column) for name in names)
    constraints: list[Any] = [c for c in model._meta.constraints if isinstance(c, UniqueConstraint)]
    condition = next(
        (c._get_condition_sql(model, connection.schema_editor()) for c in constraints if c.fields == names),
        None,
    )
    return f"({columns}) WHERE {condition}" if condition else f"({columns})"


@cache
def _update_text(model: type[Model], names: tuple[str, ...], shape: Shape) -> str:
    changes = ", ".join(f"{_q(_field(model, name).column)} = %s" for name in names)
    return f"UPDATE {_q(model._meta.db_table)} SET {changes}{_where_text(model, shape)}"


def _exists_text(model: type[Model], shape: Shape) -> str:
    return f"EXISTS (SELECT 1 FROM {_q(model._meta.db_table)}{_where_text(model, shape)})"


def _where_text(model: type[Model], shape: Shape) -> str:
    def condition(name: str, count: int | None) -> str:
        column = _q(_field(model, name).column)
        if count is None:
            return f"{column} IS NULL"
        return f"{column} IN ({', '.join(['%s'] * count)})" if count else f"{column} = %s"

    return " WHERE " + " AND ".join(condition(name, count) for name, count in shape)

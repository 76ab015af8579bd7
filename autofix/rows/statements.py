"""Statements whose text is built once per shape: rows by plain equality.

A condition on None means IS NULL, on a tuple IN. Values are converted by the models' own fields, so that every database
sees what the ORM would send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    ForeignKey,
    IntegerField,
    Model,
    TextField,
    UniqueConstraint,
)

Row = TypeVar("Row", bound=Model)
Result = TypeVar("Result")
Shape = tuple[tuple[str, int | None], ...]
"""Names of conditions; beside each None for IS NULL, 0 for =, n for IN with n values."""
FEW = 4
"""Longer lists come in so many lengths that no text would come again."""


@dataclass(frozen=True, slots=True)
class Statement(Generic[Result]):
    """What is sent, and how the result is read off the cursor.

    ``model``: whose table it is about. ``lasting``: the same text will come again.
    """

    model: type[Model]
    sql: str
    values: Sequence[Any]
    read: Callable[[Any], Result]
    lasting: bool = True


def selecting(
    model: type[Row], *, order: str = "pk", limit: int | None = None, lock: bool = False, **where: Any
) -> Statement[list[Row]]:
    """All rows that fit, in the order of one column (``-name``: backwards), locked until the transaction ends if asked."""

    def read(cursor: Any) -> list[Row]:
        return [model.from_db(alias, names, _converted(row, converters)) for row in cursor.fetchall()]

    sql = _select_text(model, _shape(where), order, limit, lock and connection.features.has_select_for_update)
    names, converters = _reading(model)
    alias = connection.alias
    return Statement(model, sql, _values(model, where), read, lasting=_is_lasting(where))


def finding(model: type[Row], *, lock: bool = False, **where: Any) -> Statement[list[Row]]:
    """The first row (by primary key) that fits."""
    return selecting(model, limit=1, lock=lock, **where)


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
        row._state.db = alias
        return True

    alias = connection.alias
    has_key = row.pk is not None
    fields = _written(type(row), has_key)
    values = [_prepared(field, field.pre_save(row, add=True)) for field in fields]
    sql = _insert_text(type(row), has_key, unless_known_by, *_provided(provided))
    return Statement(type(row), sql, [*values, *_provided_values(provided)], read)


def reserving(model: type[Model]) -> Statement[int]:
    """The primary key of a row that is stored later. PostgreSQL's; SQLite has none before."""
    table, column = model._meta.db_table, _field(model, "pk").column
    sql = "SELECT nextval(pg_get_serial_sequence(%s, %s))"
    return Statement(model, sql, [_q(table), column], lambda cursor: int(cursor.fetchone()[0]))


def inserting_all(
    model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]], *, replacing: str = ""
) -> Statement[None]:
    """Store many rows, given as the values of these columns; with ``replacing``, a unique column, over those that are there."""
    fields = [_field(model, name) for name in names]
    values = [_prepared(field, value) for row in rows for field, value in zip(fields, row, strict=True)]
    columns = [_q(field.column) for field in fields]
    row_text = f"({', '.join(['%s'] * len(columns))})"
    text = f"INSERT INTO {_q(model._meta.db_table)} ({', '.join(columns)}) VALUES {', '.join([row_text] * len(rows))}"
    if replacing:
        unique = _q(_field(model, replacing).column)
        changed = ", ".join(f"{one} = excluded.{one}" for one in columns if one != unique)
        text += f" ON CONFLICT ({unique}) DO UPDATE SET {changed}"
    return Statement(model, text, values, lambda _: None, lasting=False)


def updating(
    model: type[Model], changes: dict[str, Any], *, provided: Provided | None = None, **where: Any
) -> Statement[int]:
    """Change the rows that fit; how many there were."""
    fields = [_field(model, name) for name in changes]
    values = [_prepared(field, value) for field, value in zip(fields, changes.values(), strict=True)]
    sql = _update_text(model, tuple(changes), _shape(where), *_provided(provided))
    values += [*_values(model, where), *_provided_values(provided)]
    return Statement(model, sql, values, lambda cursor: int(cursor.rowcount), lasting=_is_lasting(where))


def saving(row: Model, *names: str) -> Statement[int]:
    """Store these columns of a row that is known to be there."""
    changes = {name: _field(type(row), name).pre_save(row, add=False) for name in names}
    return updating(type(row), changes, pk=row.pk)


def _provided(provided: Provided | None) -> tuple[type[Model] | None, Shape]:
    return (provided.model, _shape(provided.where)) if provided else (None, ())


def _provided_values(provided: Provided | None) -> list[Any]:
    return _values(provided.model, provided.where) if provided else []


def _shape(where: dict[str, Any]) -> Shape:
    return tuple(
        (name, None if value is None else len(value) if isinstance(value, tuple) else 0)
        for name, value in where.items()
    )


def _is_lasting(where: dict[str, Any]) -> bool:
    return not any(isinstance(value, tuple) and len(value) > FEW for value in where.values())


def _values(model: type[Model], where: dict[str, Any]) -> list[Any]:
    values: list[Any] = []
    for name, value in where.items():
        several: Iterable[Any] = value if isinstance(value, tuple) else () if value is None else (value,)
        field = _field(model, name)
        values += [_prepared(field, one) for one in several]
    return values


def _prepared(field: Field[Any, Any], value: Any) -> Any:
    """The value as the database's driver takes it."""
    if value is None or type(value) is _plain_type(field):
        return value
    return field.get_db_prep_save(value, connection)


@cache
def _plain_type(field: Field[Any, Any]) -> type | None:
    """The type of those values that go to the driver as they are: for them Django's conversions do nothing."""
    if isinstance(field, ForeignKey):
        return _plain_type(field.target_field)
    kinds: list[tuple[type[Field[Any, Any]], type]] = [
        (CharField, str), (TextField, str), (IntegerField, int), (BooleanField, bool),
    ]  # fmt: skip
    if connection.vendor == "postgresql":
        kinds.append((DateTimeField, datetime))
    return next((plain for kind, plain in kinds if isinstance(field, kind)), None)


@cache
def _field(model: type[Model], name: str) -> Field[Any, Any]:
    meta = model._meta
    if name == "pk":
        return meta.pk
    return next(field for field in meta.concrete_fields if name in (field.name, field.attname))


@cache
def _written(model: type[Model], has_key: bool) -> Sequence[Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if has_key or not field.primary_key]


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


def _q(name: str | None) -> str:
    return connection.ops.quote_name(name or "")


@cache
def _select_text(model: type[Model], shape: Shape, order: str, limit: int | None, lock: bool) -> str:
    columns = ", ".join(_q(field.column) for field in model._meta.concrete_fields)
    by = f"{_q(_field(model, order.removeprefix('-')).column)}{' DESC' if order.startswith('-') else ''}"
    text = f"SELECT {columns} FROM {_q(model._meta.db_table)}{_where_text(model, shape)} ORDER BY {by}"
    return text + (f" LIMIT {limit}" if limit else "") + (" FOR UPDATE" if lock else "")


@cache
def _insert_text(
    model: type[Model],
    has_key: bool,
    known_by: tuple[str, ...],
    other: type[Model] | None,
    other_shape: Shape,
) -> str:
    fields = _written(model, has_key)
    columns, places = ", ".join(_q(f.column) for f in fields), ", ".join(["%s"] * len(fields))
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
def _update_text(
    model: type[Model], names: tuple[str, ...], shape: Shape, other: type[Model] | None, other_shape: Shape
) -> str:
    changes = ", ".join(f"{_q(_field(model, name).column)} = %s" for name in names)
    provided = f" AND {_exists_text(other, other_shape)}" if other else ""
    return f"UPDATE {_q(model._meta.db_table)} SET {changes}{_where_text(model, shape)}{provided}"


def _exists_text(model: type[Model], shape: Shape) -> str:
    return f"EXISTS (SELECT 1 FROM {_q(model._meta.db_table)}{_where_text(model, shape)})"


def _where_text(model: type[Model], shape: Shape) -> str:
    def condition(name: str, count: int | None) -> str:
        column = _q(_field(model, name).column)
        if count is None:
            return f"{column} IS NULL"
        return f"{column} IN ({', '.join(['%s'] * count)})" if count else f"{column} = %s"

    return " WHERE " + " AND ".join(condition(name, count) for name, count in shape)

"""Rows by plain equality, through statements whose text is built once.

Django builds the text of a query anew each time, and that costs several times what sending it does
(docs/decisions/0011-statements-built-once.md). What a worker does for every block and every step goes through here;
everything else asks the ORM as usual. No signals are sent. A condition on None means IS NULL, on a tuple IN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model

Row = TypeVar("Row", bound=Model)
Shape = tuple[tuple[str, int | None], ...]
"""Names of conditions; beside each None for IS NULL, 0 for =, n for IN with n values."""


def find(model: type[Row], *, lock: bool = False, **where: Any) -> Row | None:
    """The first row (by primary key) that fits, locked until the transaction ends if asked; None when there is none."""
    found = select(model, lock=lock, limit=1, **where)
    return found[0] if found else None


def select(
    model: type[Row], *, order: str = "pk", limit: int | None = None, lock: bool = False, **where: Any
) -> list[Row]:
    """All rows that fit, in the order of one column (``-name``: backwards)."""
    sql = _select_text(model, _shape(where), order, limit, lock and connection.features.has_select_for_update)
    names, converters = _reading(model)
    with connection.cursor() as cursor:
        cursor.execute(sql, _values(model, where))
        rows = cursor.fetchall()
    return [model.from_db(connection.alias, names, _converted(row, converters)) for row in rows]


def count(model: type[Model], **where: Any) -> int:
    """How many rows fit."""
    with connection.cursor() as cursor:
        cursor.execute(_count_text(model, _shape(where)), _values(model, where))
        return int(cursor.fetchone()[0])


def insert(row: Model, *, unless_known_by: tuple[str, ...] = ()) -> bool:
    """Store a new row and give it its primary key; IntegrityError when a constraint refuses it.

    ``unless_known_by``: the columns of a unique constraint. False, and nothing is stored, when there is such a row.
    """
    fields = _written(type(row))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_insert_text(type(row), unless_known_by), values)
        stored = cursor.fetchone()
    if stored is None:
        return False
    row.pk = stored[0]
    row._state.adding = False
    row._state.db = connection.alias
    return True


def insert_all(
    model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]], *, replacing: str = ""
) -> None:
    """Store many rows, given as the values of these columns, in one statement and without a model for each.

    ``replacing``: a unique column; a row that has its value there already is replaced.
    """
    if not rows:
        return
    fields = [_field(model, name) for name in names]
    values = [
        field.get_db_prep_save(value, connection)
        for row in rows
        for field, value in zip(fields, row, strict=True)
    ]
    columns = [_q(field.column) for field in fields]
    row_text = f"({', '.join(['%s'] * len(columns))})"
    text = f"INSERT INTO {_q(model._meta.db_table)} ({', '.join(columns)}) VALUES {', '.join([row_text] * len(rows))}"
    if replacing:
        unique = _q(_field(model, replacing).column)
        changed = ", ".join(f"{one} = excluded.{one}" for one in columns if one != unique)
        text += f" ON CONFLICT ({unique}) DO UPDATE SET {changed}"
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def update(model: type[Model], changes: dict[str, Any], **where: Any) -> int:
    """Change the rows that fit; how many there were."""
    fields = [_field(model, name) for name in changes]
    values = [
        field.get_db_prep_save(value, connection)
        for field, value in zip(fields, changes.values(), strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_update_text(model, tuple(changes), _shape(where)), [*values, *_values(model, where)])
        return int(cursor.rowcount)


def save(row: Model, *names: str) -> None:
    """Store these columns of a row that is known to be there."""
    changes = {name: _field(type(row), name).pre_save(row, add=False) for name in names}
    update(type(row), changes, pk=row.pk)


def _shape(where: dict[str, Any]) -> Shape:
    return tuple(
        (name, None if value is None else len(value) if isinstance(value, tuple) else 0)
        for name, value in where.items()
    )


def _values(model: type[Model], where: dict[str, Any]) -> list[Any]:
    values: list[Any] = []
    for name, value in where.items():
        several: Iterable[Any] = value if isinstance(value, tuple) else () if value is None else (value,)
        field = _field(model, name)
        values += [field.get_db_prep_save(one, connection) for one in several]
    return values


@cache
def _field(model: type[Model], name: str) -> Field[Any, Any]:
    meta = model._meta
    if name == "pk":
        return meta.pk
    return next(field for field in meta.concrete_fields if name in (field.name, field.attname))


@cache
def _written(model: type[Model]) -> Sequence[Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


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
def _count_text(model: type[Model], shape: Shape) -> str:
    return f"SELECT COUNT(*) FROM {_q(model._meta.db_table)}{_where_text(model, shape)}"


@cache
def _insert_text(model: type[Model], known_by: tuple[str, ...]) -> str:
    fields = _written(model)
    columns, places = ", ".join(_q(f.column) for f in fields), ", ".join(["%s"] * len(fields))
    unique = ", ".join(_q(_field(model, name).column) for name in known_by)
    known = f" ON CONFLICT ({unique}) DO NOTHING" if unique else ""
    key = _q(_field(model, "pk").column)
    return f"INSERT INTO {_q(model._meta.db_table)} ({columns}) VALUES ({places}){known} RETURNING {key}"


@cache
def _update_text(model: type[Model], names: tuple[str, ...], shape: Shape) -> str:
    changes = ", ".join(f"{_q(_field(model, name).column)} = %s" for name in names)
    return f"UPDATE {_q(model._meta.db_table)} SET {changes}{_where_text(model, shape)}"


def _where_text(model: type[Model], shape: Shape) -> str:
    def condition(name: str, count: int | None) -> str:
        column = _q(_field(model, name).column)
        if count is None:
            return f"{column} IS NULL"
        return f"{column} IN ({', '.join(['%s'] * count)})" if count else f"{column} = %s"

    return " WHERE " + " AND ".join(condition(name, count) for name, count in shape)

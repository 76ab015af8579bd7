"""The texts of statements, each built once per shape."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Field, Model, UniqueConstraint

from autofix.rows.columns import column_of


class Others(NamedTuple):
    """A column of other rows, and the shape of what they must fit."""

    model: type[Model]
    name: str
    shape: Shape


Shape = tuple[tuple[str, int | Others | None], ...]
"""Names of conditions; beside each None for IS NULL, 0 for =, n for IN with n values, or the rows that IN asks."""


def field_of(model: type[Model], name: str) -> Field[Any, Any]:
    """The field of this name, or of ``pk``."""
    return column_of(model, name).field


def quoted(name: str | None) -> str:
    """As the database quotes names."""
    return connection.ops.quote_name(name or "")


@cache
def select(model: type[Model], shape: Shape, order: str, limit: int | None, lock: bool) -> str:
    """Whole rows, in the order of one column."""
    columns = ", ".join(quoted(field.column) for field in model._meta.concrete_fields)
    by = (
        f"{quoted(field_of(model, order.removeprefix('-')).column)}{' DESC' if order.startswith('-') else ''}"
    )
    text = f"SELECT {columns} FROM {quoted(model._meta.db_table)}{_where_text(model, shape)} ORDER BY {by}"
    locks = lock and connection.features.has_select_for_update
    return text + (f" LIMIT {limit}" if limit else "") + (" FOR UPDATE" if locks else "")


@cache
def insert(
    model: type[Model],
    names: tuple[str, ...],
    known_by: tuple[str, ...],
    other: type[Model] | None,
    other_shape: Shape,
) -> str:
    """One row, unless it is known by these columns, and only if the other row is there."""
    columns, places = _columns_text(model, names), ", ".join(["%s"] * len(names))
    known = f" ON CONFLICT {_target_text(model, known_by)} DO NOTHING" if known_by else ""
    key = quoted(field_of(model, "pk").column)
    row = f"SELECT {places} WHERE {_exists_text(other, other_shape)}" if other else f"VALUES ({places})"
    return f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) {row}{known} RETURNING {key}"


@lru_cache(maxsize=100)
def insert_all(model: type[Model], names: tuple[str, ...], count: int, replacing: str) -> str:
    """So many rows; where there is a unique column to replace by, over those that are there."""
    row = f"({', '.join(['%s'] * len(names))})"
    text = f"INSERT INTO {quoted(model._meta.db_table)} ({_columns_text(model, names)}) VALUES {', '.join([row] * count)}"
    if not replacing:
        return text
    changed = [quoted(field_of(model, name).column) for name in names if name != replacing]
    written = ", ".join(f"{column} = excluded.{column}" for column in changed)
    return f"{text} ON CONFLICT ({_columns_text(model, (replacing,))}) DO UPDATE SET {written}"


def _columns_text(model: type[Model], names: tuple[str, ...]) -> str:
    return ", ".join(quoted(field_of(model, name).column) for name in names)


def _target_text(model: type[Model], names: tuple[str, ...]) -> str:
    """The columns of a unique constraint, with its condition where it has one."""
    columns = _columns_text(model, names)
    constraints: list[Any] = [c for c in model._meta.constraints if isinstance(c, UniqueConstraint)]
    condition = next(
        (c._get_condition_sql(model, connection.schema_editor()) for c in constraints if c.fields == names),
        None,
    )
    return f"({columns}) WHERE {condition}" if condition else f"({columns})"


@cache
def hold(model: type[Model], shape: Shape) -> str:
    """Locks rows, and divides by zero where there are none."""
    held = f"SELECT 1 FROM {quoted(model._meta.db_table)}{_where_text(model, shape)} FOR UPDATE"
    return f"SELECT 1 / count(*) FROM ({held}) AS held"


@cache
def update(model: type[Model], names: tuple[str, ...], shape: Shape) -> str:
    """Changes the columns of these names."""
    changes = ", ".join(f"{quoted(field_of(model, name).column)} = %s" for name in names)
    return f"UPDATE {quoted(model._meta.db_table)} SET {changes}{_where_text(model, shape)}"


@cache
def or_fail(change: str) -> str:
    """The same change, which divides by zero where it finds nothing to change."""
    return f"WITH changed AS ({change} RETURNING 1) SELECT 1 / count(*) FROM changed"


def _exists_text(model: type[Model], shape: Shape) -> str:
    return f"EXISTS (SELECT 1 FROM {quoted(model._meta.db_table)}{_where_text(model, shape)})"


def _where_text(model: type[Model], shape: Shape) -> str:
    def condition(name: str, wanted: int | Others | None) -> str:
        column = quoted(field_of(model, name).column)
        if wanted is None:
            return f"{column} IS NULL"
        if isinstance(wanted, Others):
            theirs = quoted(field_of(wanted.model, wanted.name).column)
            table = quoted(wanted.model._meta.db_table)
            return f"{column} IN (SELECT {theirs} FROM {table}{_where_text(wanted.model, wanted.shape)})"
        return f"{column} IN ({', '.join(['%s'] * wanted)})" if wanted else f"{column} = %s"

    return " WHERE " + " AND ".join(condition(name, wanted) for name, wanted in shape)

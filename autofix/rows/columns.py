"""A model's columns: how an attribute becomes what the database's driver takes, by the model's own fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
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
    UUIDField,
)


class Json(str):
    """What a column of JSON shall hold, as JSON already: it is stored as it is."""

    __slots__ = ()


class Column(NamedTuple):
    """A field. ``plain``: the type of those values that go to the driver as they are; ``convert``: what becomes of others.

    ``sets_itself``: as ``auto_now`` does.
    """

    field: Field[Any, Any]
    plain: type | None
    convert: Callable[[Any], Any]
    sets_itself: bool


@cache
def column_of(model: type[Model], name: str) -> Column:
    """The model's column of this name, its key's ``_id`` name, or ``pk``."""
    meta = model._meta
    named = (field for field in meta.concrete_fields if name in (field.name, field.attname))
    field = meta.pk if name == "pk" else next(named)
    overrides = type(field).pre_save is not Field.pre_save
    dated = isinstance(field, DateTimeField) and not (field.auto_now or field.auto_now_add)
    convert = partial(_as_json, field.encoder) if isinstance(field, JSONField) else _by_field(field)
    return Column(field, _plain_type(field), convert, overrides and not dated)


def _as_json(encoder: type[json.JSONEncoder] | None, value: Any) -> str:
    return str.__str__(value) if type(value) is Json else json.dumps(value, cls=encoder)


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
def written(model: type[Model], has_key: bool) -> tuple[tuple[str, ...], tuple[Column, ...]]:
    """The names of a new row's columns, and the columns."""
    fields = [field for field in model._meta.concrete_fields if has_key or not field.primary_key]
    names = tuple(field.attname for field in fields)
    return names, tuple(column_of(model, name) for name in names)


@cache
def refuse_gaps(model: type[Model], names: tuple[str, ...]) -> None:
    """TypeError unless these are all columns but the key: a row without a model has no defaults."""
    missing = set(written(model, has_key=False)[0]) - set(names)
    if missing:
        raise TypeError(f"{model.__name__}: no value for {', '.join(sorted(missing))}")


def stored(row: Model, column: Column, *, add: bool) -> Any:
    """What is stored of this row in the column."""
    field = column.field
    value = field.pre_save(row, add) if column.sets_itself else getattr(row, field.attname)
    return prepared(column, value)


def prepared(column: Column, value: Any) -> Any:
    """The value as the database's driver takes it."""
    if value is None or type(value) is column.plain:
        return value
    if column.plain is str and isinstance(value, str):
        return str.__str__(value)  # a member of an enumeration
    return column.convert(value)

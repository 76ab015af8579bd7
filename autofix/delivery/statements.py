"""Many rows in one statement, without a model for each: building those cost the relay as much as sending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection


def insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, replacing: str = "") -> None:
    """Insert the rows, given as the database takes them; those whose column ``replacing`` is there already are replaced."""
    if not rows:
        return
    row = f"({', '.join(['%s'] * len(columns))})"
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * len(rows))}"  # noqa: S608 - names of ours
    if replacing:
        changed = ", ".join(f"{one} = excluded.{one}" for one in columns if one != replacing)
        statement += f" ON CONFLICT ({replacing}) DO UPDATE SET {changed}"
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for values in rows for value in values])


def moment(at: datetime) -> str:
    """A time as this database writes it."""
    return str(connection.ops.adapt_datetimefield_value(at))

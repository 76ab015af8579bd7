"""Several statements in one trip to PostgreSQL, through psycopg where it fills in the values itself, as Django has it do.

BEGIN and COMMIT, for which the driver makes trips of their own, travel with the statements. A statement that comes again and
again is prepared, so that the server need not parse and plan it each time, when ``OPTIONS`` has the driver's
``prepare_threshold``: how often it is sent before. Behind a pooler that gives every transaction another connection
(PgBouncer's transaction mode) that must not be set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

from autofix.rows.statements import Result, Statement

MOST_PREPARED = 200
"""Per connection; texts beyond these stay as they are."""


class _Prepared:
    """What one connection has been sent: a text's number of times and, once it is prepared, its name."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._times: dict[str, int] = {}
        self._calls: dict[str, str] = {}

    def call(self, cursor: Any, text: str) -> str:
        """What to send for this text."""
        call = self._calls.get(text)
        if call is not None:
            return call
        times = self._times[text] = self._times.get(text, 0) + 1
        if times <= self._threshold or len(self._calls) == MOST_PREPARED:
            return text
        name = f"autofix_{len(self._calls)}"
        pieces = text.replace("%%", "%").split("%s")
        numbered = "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]
        cursor.execute(f"PREPARE {name} AS {numbered}")
        places = ", ".join(["%s"] * (len(pieces) - 1))
        call = self._calls[text] = f"EXECUTE {name} ({places})" if places else f"EXECUTE {name}"
        return call


_prepared: WeakKeyDictionary[Any, _Prepared] = WeakKeyDictionary()


@cache
def takes_several() -> bool:
    """Whether the driver sends several statements at once; a process has one database."""
    if connection.vendor != "postgresql" or connection.settings_dict["OPTIONS"].get("server_side_binding"):
        return False
    driver: Any = connection
    return bool(driver.Database.__name__ == "psycopg")


def send(statements: list[Statement[Any]], *, begins: bool, commits: bool) -> list[Any]:
    """The statements' results. ``begins``: BEGIN goes with them if nothing was sent before; ``commits``: and COMMIT."""
    with connection.cursor() as cursor:
        texts = _texts(cursor, statements)
        values = [value for statement in statements for value in statement.values]
        if commits:
            texts.append("COMMIT")
        with _beginning(begins) as begun:
            cursor.execute("; ".join(["BEGIN", *texts] if begun else texts), values)
        if begun:
            cursor.nextset()
        return [_next(cursor, statement) for statement in statements]


def execute(cursor: Any, text: str, values: Sequence[Any]) -> None:
    """Have Django's cursor execute a text that comes again and again, whatever it says; on any database."""
    prepared = _prepared_here()
    cursor.execute(prepared.call(cursor, text) if prepared else text, values)


def _texts(cursor: Any, statements: list[Statement[Any]]) -> list[str]:
    prepared = _prepared_here()
    return [
        prepared.call(cursor, statement.sql) if prepared and statement.lasting else statement.sql
        for statement in statements
    ]


def _prepared_here() -> _Prepared | None:
    """What the connection of this thread has prepared; None when nothing may be."""
    threshold = connection.settings_dict["OPTIONS"].get("prepare_threshold")
    if threshold is None or not takes_several():
        return None
    driver: Any = connection.connection
    known = _prepared.get(driver)
    if known is None:
        known = _prepared[driver] = _Prepared(threshold)
    return known


@contextmanager
def _beginning(wanted: bool) -> Iterator[bool]:  # noqa: FBT001 - the one thing that it is about
    """Whether the body is to begin the transaction: then the driver, which would, does not."""
    driver: Any = connection.connection
    if not wanted or not _is_idle(driver):
        yield False
        return
    driver.autocommit = True
    try:
        yield True
    finally:
        if _is_idle(driver):  # it came to nothing, or has ended already
            driver.autocommit = False


def _is_idle(driver: Any) -> bool:
    """No transaction has begun."""
    return bool(driver.pgconn.transaction_status == 0)  # PQTRANS_IDLE


def _next(cursor: Any, statement: Statement[Result]) -> Result:
    result = statement.read(cursor)
    cursor.nextset()
    return result

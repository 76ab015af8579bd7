"""Several statements in one trip to PostgreSQL: a pipeline of libpq's, as :mod:`psycopg.pq` wraps it. For PostgreSQL only.

BEGIN and COMMIT, for which the driver makes trips of their own, travel with the statements. A statement that comes again and
again is prepared, so that the server need not parse and plan it each time, when ``OPTIONS`` has the driver's
``prepare_threshold``: how often it is sent before. Behind a pooler that gives every transaction another connection
(PgBouncer's transaction mode) that must not be set.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.utils import CursorDebugWrapper
from psycopg import OperationalError, adapt
from psycopg.abc import Transformer
from psycopg.adapt import PyFormat
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from autofix.rows.statements import Statement

MOST_PREPARED = 200
"""Per connection; texts beyond these stay as they are."""
FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)
Request = Callable[[], None]


def send(database: Any, statements: Sequence[Statement[Any]], *, commits: bool) -> list[Any]:
    """The statements' results. ``database``: Django's connection. ``commits``: COMMIT goes with them.

    A transaction that has not begun yet begins with them; outside of one they are one by themselves. The error that is raised is
    that of the first one that failed.
    """
    database.close_if_health_check_failed()
    database.ensure_connection()
    text = "; ".join([statement.sql for statement in statements] + ["COMMIT"] * commits)
    values = [value for statement in statements for value in statement.values]

    def execute(*_: object) -> list[_Answer]:
        database.validate_no_broken_transaction()
        with database.wrap_database_errors:
            return _Trip(database).make(statements, commits=commits)

    for wrapper in reversed(database.execute_wrappers):
        execute = partial(wrapper, execute)
    with _logged(database, text, values):
        answers = execute(text, values, False, {"connection": database, "cursor": None})  # noqa: FBT003 - Django's signature
    return [statement.read(answer) for statement, answer in zip(statements, answers, strict=True)]


class _Answer:
    """What came of one statement, as a cursor gives it."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, transformer: Transformer, result: PGresult) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self.rowcount = result.command_tuples
        if result.nfields:
            transformer.set_pgresult(result)
            self._rows = transformer.load_rows(0, result.ntuples, tuple)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None


class _Known:
    """What one connection has been sent: how often each text, and the names of those that are prepared."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.names: dict[str, bytes] = {}
        self.last = 0

    def is_due(self, text: str, threshold: int) -> bool:
        """Whether it is to be prepared, now that it is sent once more."""
        times = self.times[text] = self.times.get(text, 0) + 1
        return times > threshold and len(self.names) < MOST_PREPARED

    def new_name(self) -> bytes:
        """One that no statement of this connection has had."""
        self.last += 1
        return b"autofix_%d" % self.last


_known: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()


class _Trip:
    """Requests that go together over one connection. ``_prepares``: the texts that are prepared on the way, and where."""

    def __init__(self, database: Any) -> None:
        self._driver = database.connection
        self._pgconn: PGconn = self._driver.pgconn
        self._transformer: Transformer = adapt.Transformer(self._driver)
        self._threshold: int | None = database.settings_dict["OPTIONS"].get("prepare_threshold")
        self._requests: list[Request] = []
        self._prepares: dict[str, tuple[bytes, int]] = {}

    def make(self, statements: Sequence[Statement[Any]], *, commits: bool) -> list[_Answer]:
        """The statements' answers."""
        if not self._driver.autocommit and self._pgconn.transaction_status == TransactionStatus.IDLE:
            self._plainly(_begin(self._driver))
        places = [self._add(statement) for statement in statements]
        if commits:
            self._plainly(b"COMMIT")
        results = _exchange(self._pgconn, self._requests)
        known = _known_to(self._driver)
        for text, (name, place) in self._prepares.items():
            if place < len(results) and results[place].status == ExecStatus.COMMAND_OK:
                known.names[text] = name
        _raise_first_error(self._pgconn, results)
        return [_Answer(self._transformer, results[place]) for place in places]

    def _plainly(self, text: bytes) -> None:
        self._requests.append(partial(self._pgconn.send_query_params, text, None))

    def _add(self, statement: Statement[Any]) -> int:
        """Where the statement's result will be."""
        values = statement.values
        dumped = self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
        name = self._name(statement)
        if name is None:
            request = partial(self._pgconn.send_query_params, _numbered(statement.sql), dumped)
        else:
            request = partial(self._pgconn.send_query_prepared, name, dumped)
        self._requests.append(request)
        return len(self._requests) - 1

    def _name(self, statement: Statement[Any]) -> bytes | None:
        """Under which the statement is prepared, perhaps on this very trip; None when it is not."""
        if self._threshold is None or not statement.lasting:
            return None
        known = _known_to(self._driver)
        text = statement.sql
        if text in known.names:
            return known.names[text]
        if text in self._prepares:
            return self._prepares[text][0]
        if not known.is_due(text, self._threshold):
            return None
        name = known.new_name()
        self._prepares[text] = name, len(self._requests)
        self._requests.append(partial(self._pgconn.send_prepare, name, _numbered(text)))
        return name


def _known_to(driver: Any) -> _Known:
    known = _known.get(driver)
    if known is None:
        known = _known[driver] = _Known()
    return known


def _logged(database: Any, text: str, values: Sequence[Any]) -> AbstractContextManager[None]:
    """The body appears in ``connection.queries`` and Django's log of queries, where they are kept."""
    if not database.queries_logged:
        return nullcontext()
    return CursorDebugWrapper(None, database).debug_sql(text, values)


@lru_cache(maxsize=500)
def _numbered(text: str) -> bytes:
    """The text with its parameters as the server has them: $1, $2."""
    pieces = text.replace("%%", "%").split("%s")
    return ("".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]).encode()


def _begin(driver: Any) -> bytes:
    """As the driver would, with the isolation level that Django's ``OPTIONS`` may ask of it."""
    level = driver.isolation_level
    return f"BEGIN ISOLATION LEVEL {level.name.replace('_', ' ')}".encode() if level else b"BEGIN"


def _exchange(pgconn: PGconn, requests: Sequence[Request]) -> list[PGresult]:
    """A result for each request, as far as the connection lasts."""
    try:
        pgconn.enter_pipeline_mode()
        for request in requests:
            request()
        pgconn.pipeline_sync()
        results = _read(pgconn)
        if pgconn.status == ConnStatus.OK:
            pgconn.exit_pipeline_mode()
    except BaseException:
        pgconn.finish()  # what is still under way must not be taken for an answer to somebody else
        raise
    return results


def _read(pgconn: PGconn) -> list[PGresult]:
    waiting = select.poll()
    waiting.register(pgconn.socket, select.POLLIN | select.POLLOUT)
    while pgconn.flush():
        if waiting.poll()[0][1] & select.POLLIN:
            pgconn.consume_input()  # a server that cannot send does not read either
    waiting.modify(pgconn.socket, select.POLLIN)
    results: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            waiting.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is not None and result.status != ExecStatus.PIPELINE_SYNC:
            results.append(result)
        elif result is not None or pgconn.status != ConnStatus.OK:
            return results


def _raise_first_error(pgconn: PGconn, results: Sequence[PGresult]) -> None:
    for result in results:
        if result.status in FAILED:
            raise error_from_result(result)
    if pgconn.status != ConnStatus.OK:
        raise OperationalError(pgconn.get_error_message())

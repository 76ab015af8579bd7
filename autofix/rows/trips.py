"""Several statements in one trip to PostgreSQL: a pipeline of libpq's, as :mod:`psycopg.pq` wraps it. For PostgreSQL only.

BEGIN and COMMIT, for which the driver makes trips of their own, travel with the statements. A statement that comes again and
again is prepared, so that the server need not parse and plan it each time, when ``OPTIONS`` has the driver's
``prepare_threshold``: how often it is sent before. Behind a pooler that gives every transaction another connection
(PgBouncer's transaction mode) that must not be set.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from typing import Any

from django.db.backends.utils import CursorDebugWrapper
from psycopg import OperationalError, adapt
from psycopg.abc import Transformer
from psycopg.adapt import PyFormat
from psycopg.errors import DivisionByZero, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from autofix.rows.statements import Statement

MOST_PREPARED = 200
"""Per connection; texts beyond these stay as they are."""
LATELY_S = 5.0
"""A connection that has answered so lately, and whose other end has not closed it, is taken to be good."""
FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)
Request = Callable[[], None]


def send(database: Any, statements: Sequence[Statement[Any]], *, commits: bool) -> list[Any]:
    """The statements' results. ``database``: Django's connection. ``commits``: COMMIT goes with them.

    A transaction that has not begun yet begins with them; outside of one they are one by themselves. The error that is raised is
    that of the first one that failed.
    """
    if not database.health_check_done and _answers(database.connection):
        database.health_check_done = True  # no need to ask it
    database.close_if_health_check_failed()
    database.ensure_connection()
    text = "; ".join([statement.sql for statement in statements] + ["COMMIT"] * commits)
    values = [value for statement in statements for value in statement.values]

    def execute(*_: object) -> list[_Answer]:
        database.validate_no_broken_transaction()
        with database.wrap_database_errors:
            threshold = database.settings_dict["OPTIONS"].get("prepare_threshold")
            return _line(database.connection).send(statements, commits=commits, threshold=threshold)

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
        if result.ntuples:
            transformer.set_pgresult(result)
            self._rows = transformer.load_rows(0, result.ntuples, tuple)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None


class _Line:
    """One connection: how its values are written and read, how often it was sent a text, and which ones are prepared."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._pgconn: PGconn = driver.pgconn
        self._transformer: Transformer = adapt.Transformer(driver)
        self._times: dict[str, int] = {}
        self._names: dict[str, bytes] = {}
        self._last_name = 0
        self._answered_at = 0.0

    def answers(self) -> bool:
        """Whether it has answered lately, and says nothing now: a server that goes away says so."""
        if time.monotonic() - self._answered_at > LATELY_S or self._pgconn.status != ConnStatus.OK:
            return False
        waiting = select.poll()
        waiting.register(self._pgconn.socket, select.POLLIN)
        return not waiting.poll(0)

    def send(
        self, statements: Sequence[Statement[Any]], *, commits: bool, threshold: int | None
    ) -> list[_Answer]:
        """The statements' answers. ``threshold``: how often a text is sent before it is prepared; None: none is."""
        requests: list[Request] = []
        if not self._driver.autocommit and self._pgconn.transaction_status == TransactionStatus.IDLE:
            requests.append(partial(self._pgconn.send_query_params, _begin(self._driver), None))
        places: list[int] = []
        prepares: dict[str, tuple[bytes, int]] = {}
        for statement in statements:
            text, values = statement.sql, statement.values
            name = self._names.get(text)
            if name is None and threshold is not None and statement.lasting:
                if text not in prepares and self._is_due(text, threshold, len(prepares)):
                    prepares[text] = self._new_name(), len(requests)
                    requests.append(partial(self._pgconn.send_prepare, prepares[text][0], _numbered(text)))
                name = prepares[text][0] if text in prepares else None
            dumped = self._transformer.dump_sequence(values, _as_text(len(values)))
            places.append(len(requests))
            if name is None:
                requests.append(partial(self._pgconn.send_query_params, _numbered(text), dumped))
            else:
                requests.append(partial(self._pgconn.send_query_prepared, name, dumped))
        if commits:
            requests.append(partial(self._pgconn.send_query_params, b"COMMIT", None))
        results = _exchange(self._pgconn, requests)
        self._answered_at = time.monotonic()
        for text, (name, place) in prepares.items():
            if place < len(results) and results[place].status == ExecStatus.COMMAND_OK:
                self._names[text] = name
        _raise_first_error(self._pgconn, results, dict(zip(places, statements, strict=True)))
        answers = [_Answer(self._transformer, results[place]) for place in places]
        self._transformer.set_pgresult(None)  # it may be large
        return answers

    def _is_due(self, text: str, threshold: int, others: int) -> bool:
        """Whether the text is to be prepared, now that it is sent once more."""
        times = self._times[text] = self._times.get(text, 0) + 1
        return times > threshold and len(self._names) + others < MOST_PREPARED

    def _new_name(self) -> bytes:
        """One that no statement of this connection has had."""
        self._last_name += 1
        return b"autofix_%d" % self._last_name


def _line(driver: Any) -> _Line:
    """It lasts as long as the driver's connection, whoever has that: Django, or a pool."""
    line: _Line | None = getattr(driver, "_autofix_line", None)
    if line is None:
        line = driver._autofix_line = _Line(driver)  # noqa: SLF001 - our own name
    return line


def _answers(driver: Any) -> bool:
    line: _Line | None = getattr(driver, "_autofix_line", None)
    return line is not None and line.answers()


@lru_cache
def _as_text(count: int) -> list[PyFormat]:
    return [PyFormat.TEXT] * count


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


def _raise_first_error(
    pgconn: PGconn, results: Sequence[PGresult], statements: Mapping[int, Statement[Any]]
) -> None:
    for place, result in enumerate(results):
        if result.status in FAILED:
            error = error_from_result(result)
            refused = statements.get(place)  # COMMIT has none, and what it looks at may divide, too
            if isinstance(error, DivisionByZero) and refused is not None and refused.otherwise is not None:
                raise refused.otherwise
            raise error
    if pgconn.status != ConnStatus.OK:
        raise OperationalError(pgconn.get_error_message())

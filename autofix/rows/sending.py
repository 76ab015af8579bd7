"""How statements get to the database: several in one trip where its driver can, and writes with the next question.

``together`` is a transaction as a unit of work: what is written ``later`` waits for the next question, so that it
costs no trip of its own, and what is ``foreseen`` is asked with it. Whoever asks by other ways (the ORM, a savepoint) sees
everything that was written before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model

from autofix.rows.statements import Result, Statement, inserting_all, row_of

Key = tuple[str, tuple[Any, ...]]


class Unit:
    """What one transaction still has to write, and the answers to questions that were asked ahead.

    ``is_transaction``: False where it is only answers, and what is written is sent at once. ``outermost``: the transaction ends
    with it.
    """

    def __init__(self, database: Any, *, is_transaction: bool, outermost: bool) -> None:
        self._database = database
        self.is_transaction = is_transaction
        self._outermost = outermost
        self._waiting: list[tuple[Statement[Any], bool]] = []
        self._added: dict[tuple[type[Model], tuple[str, ...]], list[list[Any]]] = {}
        self._answers: dict[Key, tuple[type[Model] | None, Any]] = {}
        self._sending = False

    def foresee(self, *questions: Statement[Any]) -> None:
        """Ask these with whatever is sent next. The answer is given as often as the question comes, until its table changes.

        Its rows are the same objects each time: what is changed in one of them and saved is seen in the answer.
        """
        self._waiting = [*self._pending(), *((question, True) for question in questions)]

    def later(self, write: Statement[Any], *, unseen: bool = False) -> None:
        """Write this with whatever is sent next. ``unseen``: answers that hold the row stay true."""
        if not self.is_transaction:
            self.ask(write, writes=not unseen)
            return
        if not unseen:
            self._forget(write.model)
        if any(model is write.model for model, _ in self._added):
            self._waiting = self._pending()
        self._waiting.append((write, False))

    def add(self, model: type[Model], values: Mapping[str, Any]) -> None:
        """Store this row with whatever is sent next, in one statement with others of its table."""
        if not self.is_transaction:
            self.ask(inserting_all(model, tuple(values), [row_of(model, values)]), writes=True)
            return
        self._forget(model)
        self._added.setdefault((model, tuple(values)), []).append(row_of(model, values))

    def replace(self, waiting: Statement[Any], write: Statement[Any]) -> bool:
        """Write this in the place of one that waits. False, and nothing happens, when that does not wait any more."""
        for place, (statement, _) in enumerate(self._waiting):
            if statement is waiting:
                self._waiting[place] = (write, False)
                return True
        return False

    def ask(self, statement: Statement[Result], *, writes: bool) -> Result:
        """Send everything that waits and this; its result."""
        if writes:
            self._forget(statement.model)
        elif (known := self._answer_to(_key(statement))) is not None:
            return known[1]  # type: ignore[no-any-return]  # the same text has the same kind of answer
        return self._send([*self._pending(), (statement, False)])[-1]  # type: ignore[no-any-return]  # its own result

    def flush(self) -> None:
        """Send everything that waits."""
        if pending := self._pending():
            self._send(pending)

    def end(self) -> None:
        """Send what is still to be written, with the COMMIT when the transaction is this unit's own."""
        writes = [(statement, False) for statement, foreseen in self._pending() if not foreseen]
        if writes:
            self._send(writes, commits=self._outermost)

    def _pending(self) -> list[tuple[Statement[Any], bool]]:
        added = [(inserting_all(*table, rows), False) for table, rows in self._added.items()]
        waiting = [*self._waiting, *added]
        self._waiting, self._added = [], {}
        return waiting

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """In the body this is the current unit."""
        token = _unit.set(self)
        try:
            with self._database.execute_wrapper(self._before_others):
                yield
        finally:
            _unit.reset(token)

    def _before_others(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,  # noqa: FBT001 - the signature is Django's
        context: Any,
    ) -> Any:
        """An execute wrapper of Django's: statements from elsewhere come after what waits."""
        if not self._sending:
            self.flush()
            if not sql.startswith("SELECT"):
                self.forget_all()
        return execute(sql, params, many, context)

    def _answer_to(self, question: Key) -> tuple[type[Model] | None, Any] | None:
        """What is known; a foreseen question that still waits is asked now, with the others."""
        if any(foreseen and _key(waiting) == question for waiting, foreseen in self._waiting):
            self.flush()
        return self._answers.get(question)

    def _forget(self, model: type[Model] | None) -> None:
        """Answers about this table, and questions about it that wait, are not good any more; None: about any."""
        kept = self._answers.items() if model is not None else ()
        self._answers = {key: answer for key, answer in kept if answer[0] not in (model, None)}
        self._waiting = [
            (waiting, foreseen)
            for waiting, foreseen in self._waiting
            if not (foreseen and (model is None or waiting.model in (model, None)))
        ]

    def forget_all(self) -> None:
        """No answer is good any more."""
        self._answers.clear()

    def _send(self, waiting: list[tuple[Statement[Any], bool]], *, commits: bool = False) -> list[Any]:
        self._sending = True
        try:
            results = _trip(self._database, [statement for statement, _ in waiting], commits=commits)
        finally:
            self._sending = False
        for (statement, foreseen), result in zip(waiting, results, strict=True):
            if foreseen:
                self._answers[_key(statement)] = (statement.model, result)
        return results


_unit: ContextVar[Unit | None] = ContextVar("unit", default=None)


def current() -> Unit | None:
    """The unit that the caller works in."""
    return _unit.get()


@contextmanager
def together() -> Iterator[Unit]:
    """A transaction, or a part of the caller's, whose statements travel together. After an error in it nothing more is sent."""
    outer = _unit.get()
    if outer is not None and outer.is_transaction:
        try:
            yield outer
        except BaseException:
            transaction.set_rollback(True)  # as a part without a savepoint does in Django
            raise
        return
    database = _connection()
    outermost = not database.in_atomic_block
    with transaction.atomic(savepoint=False):
        unit = Unit(database, is_transaction=True, outermost=outermost)
        with unit.at_work():
            yield unit
            unit.end()
    if outer is not None:
        outer.forget_all()


@contextmanager
def ahead(*questions: Statement[Any]) -> Iterator[None]:
    """Ask these in one trip, in no transaction of their own; whoever asks one of them in the body gets that answer."""
    outer = _unit.get()
    unit = outer or Unit(_connection(), is_transaction=False, outermost=False)
    unit.foresee(*questions)
    if outer is not None:
        yield
        return
    with unit.at_work():
        unit.flush()
        yield


@cache
def takes_several() -> bool:
    """Whether the driver sends several statements at once; a process has one database."""
    database = _connection()
    if database.vendor != "postgresql" or database.Database.__name__ != "psycopg":
        return False
    return bool(database.Database.Pipeline.is_supported())


def send(statements: list[Statement[Any]]) -> list[Any]:
    """Send the statements, in one trip where the driver takes several; their results."""
    return _trip(_connection(), statements)


def commit(*statements: Statement[Any]) -> list[Any]:
    """Send the statements as a transaction of its own (or a part of the caller's); their results."""
    database = _connection()
    if takes_several() and not database.in_atomic_block:
        return _trip(database, list(statements))  # several in one trip are a transaction by themselves
    with transaction.atomic(savepoint=False):
        return _trip(database, list(statements))


def _connection() -> Any:
    """Django's, of this thread: looking it up once is cheaper than by each of its attributes."""
    return connections[DEFAULT_DB_ALIAS]


def _trip(database: Any, statements: list[Statement[Any]], *, commits: bool = False) -> list[Any]:
    """``commits``: a trip ends with COMMIT."""
    if not takes_several():
        with database.cursor() as cursor:
            return [_alone(cursor, statement) for statement in statements]
    from autofix.rows import trips  # noqa: PLC0415 - it needs PostgreSQL's driver

    return trips.send(database, statements, commits=commits)


def _alone(cursor: Any, statement: Statement[Result]) -> Result:
    cursor.execute(statement.sql, statement.values)
    return statement.read(cursor)


def _key(statement: Statement[Any]) -> Key:
    return statement.sql, tuple(map(str, statement.values))

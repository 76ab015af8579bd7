"""How statements get to the database: several in one trip where its driver can, and writes with the next question.

``together`` is a unit of work in the caller's transaction: what is written ``later`` waits for the next question, so that it
costs no trip of its own, and what is ``foreseen`` is asked with it. Whoever asks by other ways (the ORM, a savepoint) sees
everything that was written before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from autofix.rows.statements import Result, Statement

Key = tuple[str, tuple[Any, ...]]


class Unit:
    """What one transaction still has to write, and the answers to questions that were asked ahead."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Statement[Any], bool]] = []
        self._answers: dict[Key, tuple[type[Model], Any]] = {}
        self._sending = False

    def foresee(self, *questions: Statement[Any]) -> None:
        """Ask these with whatever is sent next. The answer is given as often as the question comes, until its table changes.

        Its rows are the same objects each time: what is changed in one of them and saved is seen in the answer.
        """
        self._waiting += [(question, True) for question in questions]

    def later(self, write: Statement[Any], *, unseen: bool = False) -> None:
        """Write this with whatever is sent next. ``unseen``: answers that hold the row stay true."""
        if not unseen:
            self._forget(write.model)
        self._waiting.append((write, False))

    def ask(self, statement: Statement[Result], *, writes: bool) -> Result:
        """Send everything that waits and this; its result."""
        if writes:
            self._forget(statement.model)
        elif (known := self._answer_to(_key(statement))) is not None:
            return known[1]  # type: ignore[no-any-return]  # the same text has the same kind of answer
        return self._send([*self._waiting, (statement, False)])[-1]  # type: ignore[no-any-return]  # its own result

    def flush(self) -> None:
        """Send everything that waits."""
        if self._waiting:
            self._send(self._waiting)

    def before_others(
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
                self._answers.clear()
        return execute(sql, params, many, context)

    def _answer_to(self, question: Key) -> tuple[type[Model], Any] | None:
        """What is known; a foreseen question that still waits is asked now, with the others."""
        if any(foreseen and _key(waiting) == question for waiting, foreseen in self._waiting):
            self.flush()
        return self._answers.get(question)

    def _forget(self, model: type[Model]) -> None:
        self._answers = {key: answer for key, answer in self._answers.items() if answer[0] is not model}

    def _send(self, waiting: list[tuple[Statement[Any], bool]]) -> list[Any]:
        self._waiting, self._sending = [], True
        try:
            results = send([statement for statement, _ in waiting])
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
    """In the body, a part of the caller's transaction, statements travel together. An error in it sends nothing more."""
    outer = _unit.get()
    if outer is not None:
        yield outer
        return
    unit = Unit()
    token = _unit.set(unit)
    try:
        with connection.execute_wrapper(unit.before_others):
            yield unit
            unit.flush()
    finally:
        _unit.reset(token)


def send(statements: list[Statement[Any]]) -> list[Any]:
    """Send the statements, in one trip where the driver takes several; their results."""
    with connection.cursor() as cursor:
        if len(statements) == 1 or not takes_several():
            return [_alone(cursor, statement) for statement in statements]
        values = [value for statement in statements for value in statement.values]
        cursor.execute("; ".join(statement.sql for statement in statements), values)
        results = []
        for position, statement in enumerate(statements):
            if position:
                cursor.nextset()
            results.append(statement.read(cursor))
        return results


def commit(*statements: Statement[Any]) -> list[Any]:
    """Send the statements as a transaction of its own (or a part of the caller's); their results."""
    if takes_several() and not connection.in_atomic_block:
        return send(list(statements))  # several in one trip are a transaction by themselves
    with transaction.atomic(savepoint=False):
        return send(list(statements))


def takes_several() -> bool:
    """Whether several statements can be sent at once: psycopg can where it fills in the values itself, as Django has it do."""
    if connection.vendor != "postgresql" or connection.settings_dict["OPTIONS"].get("server_side_binding"):
        return False
    driver: Any = connection
    return bool(driver.Database.__name__ == "psycopg")


def _alone(cursor: Any, statement: Statement[Result]) -> Result:
    cursor.execute(statement.sql, statement.values)
    return statement.read(cursor)


def _key(statement: Statement[Any]) -> Key:
    return statement.sql, tuple(map(str, statement.values))

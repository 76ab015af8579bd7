"""What a worker that goes on need not ask again: one step after the other asks the same of hosts and settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

FRESH_S = 1.0
"""An answer this old is asked for again. Within it, a change counts as one that came a moment later."""
Answer = TypeVar("Answer")
_answers: ContextVar[dict[Hashable, tuple[float, Any]] | None] = ContextVar("answers", default=None)


@contextmanager
def asked_once() -> Iterator[None]:
    """In the body, :func:`ask` asks each question once in FRESH_S at most."""
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def remembers() -> bool:
    """Whether what is asked now is remembered for a moment: in the body of :func:`asked_once`."""
    return _answers.get() is not None


def tell(question: Hashable, answer: object) -> None:
    """Answer the question before it is asked. Nothing happens outside of :func:`asked_once`."""
    answers = _answers.get()
    if answers is not None:
        answers[question] = (time.monotonic(), answer)


def take(question: Hashable) -> Any:
    """The answer that it was told a moment ago, which is forgotten thereby; None when there is none."""
    known = _known(question)
    if known is None:
        return None
    del (_answers.get() or {})[question]
    return known[1]


def knows(question: Hashable) -> bool:
    """Whether the question would be answered without asking."""
    return _known(question) is not None


def ask(question: Hashable, find: Callable[[], Answer]) -> Answer:
    """What ``find`` says to this question, now or (in :func:`asked_once`) a moment ago."""
    known, now = _known(question), time.monotonic()
    if known is not None:
        answer: Answer = known[1]
        return answer
    answer = find()
    answers = _answers.get()
    if answers is not None:
        answers[question] = (now, answer)
    return answer


def _known(question: Hashable) -> tuple[float, Any] | None:
    """When it was answered, and how, if that is not too long ago."""
    known = (_answers.get() or {}).get(question)
    return known if known is not None and time.monotonic() - known[0] < FRESH_S else None

"""A worker that is told to stop."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from autofix import stopping, tasks


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    stopping.forget()


def test_nobody_was_told() -> None:
    """Turns go on as long as the worker may run."""
    stopping.check()


def test_the_signal_reaches_turns() -> None:
    """Celery's signal makes every check raise."""
    tasks.hand_back()
    with pytest.raises(stopping.WorkerStopping):
        stopping.check()


def test_children_are_told_too() -> None:
    """A process that was forked before the signal sees it: pools of processes run their turns in children."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reading, 1)
        try:
            stopping.check()
        except stopping.WorkerStopping:
            os._exit(0)
        os._exit(1)
    stopping.stop()
    os.write(writing, b"x")
    _, status = os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert os.waitstatus_to_exitcode(status) == 0

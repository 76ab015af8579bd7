"""The threads that send: one while nobody has to wait, as many as are made to wait otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from queue import SimpleQueue

import pytest

from autofix.delivery.senders import Senders

PATIENCE_S = 10.0


@pytest.fixture
def done() -> SimpleQueue[tuple[int, int]]:
    """What was done, and in which thread."""
    return SimpleQueue()


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    """Set when the jobs that hang may end."""
    event = threading.Event()
    yield event
    event.set()


def results(done: SimpleQueue[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    return [done.get(timeout=PATIENCE_S) for _ in range(count)]


def test_everything_is_done_by_few(done: SimpleQueue[tuple[int, int]]) -> None:
    """Jobs that end at once need no crowd: they are not done by a thread each."""
    senders = Senders()
    for number in range(500):
        senders.do(lambda number=number: done.put((number, threading.get_ident())))  # type: ignore[misc]  # bound now
    found = results(done, 500)
    assert sorted(number for number, _ in found) == list(range(500))
    assert len({thread for _, thread in found}) < 50


def test_who_hangs_holds_up_nobody(done: SimpleQueue[tuple[int, int]], let_go: threading.Event) -> None:
    """However many hang, the next one is begun all the same; what they do is finished when they are let go."""
    senders = Senders()

    def hang(number: int) -> None:
        let_go.wait(PATIENCE_S)
        done.put((number, threading.get_ident()))

    for number in range(70):
        senders.do(partial(hang, number))
    senders.do(lambda: done.put((-1, threading.get_ident())))
    assert results(done, 1)[0][0] == -1
    let_go.set()
    found = results(done, 70)
    assert {number for number, _ in found} == set(range(70))
    assert len({thread for _, thread in found}) == 70


def test_they_go_on_after_a_rest(done: SimpleQueue[tuple[int, int]]) -> None:
    """Again and again with nothing to do in between: none is forgotten, whoever was about to fall asleep."""
    senders = Senders()
    for number in range(300):
        senders.do(lambda number=number: done.put((number, 0)))  # type: ignore[misc]  # bound now
        assert results(done, 1) == [(number, 0)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_job_that_breaks_off_stops_nobody(done: SimpleQueue[tuple[int, int]]) -> None:
    """A thread that dies of something that nobody catches is replaced like one that hangs."""
    senders = Senders()
    senders.do(lambda: os.close(-1))
    senders.do(lambda: done.put((1, 0)))
    assert results(done, 1) == [(1, 0)]


IN_A_FORK = """
import os, threading
from autofix.delivery.senders import senders

def works():
    done = threading.Event()
    senders.do(done.set)
    return done.wait(10)

assert works()
child = os.fork()
if not child:
    os._exit(0 if works() else 1)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_threads_of_its_own() -> None:
    """It has the object of before, as a worker's processes do, and must not wait for threads that it has not."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", IN_A_FORK], check=False, timeout=60
    )
    assert done.returncode == 0

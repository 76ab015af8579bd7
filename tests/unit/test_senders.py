"""The threads that send: one job begins at a time, and as many wait beside each other as are made to wait."""

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
        senders.step_aside()
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


def test_one_begins_at_a_time(done: SimpleQueue[tuple[int, int]]) -> None:
    """Until it steps aside or ends a job has the floor to itself, whichever of both the one before did."""
    senders = Senders()
    beginning: list[int] = []

    def begin(number: int) -> None:
        beginning.append(number)
        os.sched_yield()
        together = len(beginning)
        beginning.remove(number)
        if number % 3:
            senders.step_aside()
            senders.step_aside()
        done.put((together, threading.get_ident()))

    for number in range(300):
        senders.do(partial(begin, number))
    assert {together for together, _ in results(done, 300)} == {1}


def test_nobody_else_can_step_aside(let_go: threading.Event, done: SimpleQueue[tuple[int, int]]) -> None:
    """Outside of jobs it means nothing: who has the floor keeps it."""
    senders = Senders()
    begun = threading.Event()

    def begin() -> None:
        begun.set()
        let_go.wait(PATIENCE_S)
        done.put((1, 0))

    senders.do(begin)
    senders.do(lambda: done.put((2, 0)))
    assert begun.wait(PATIENCE_S)
    senders.step_aside()
    let_go.set()
    assert results(done, 2) == [(1, 0), (2, 0)]


def test_without_a_new_thread_those_that_there_are_go_on(
    done: SimpleQueue[tuple[int, int]], let_go: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may have no more: then a job waits for the next one that comes, or for a thread that has ended its own."""
    senders = Senders()
    to_be_had: list[bool] = []
    start = threading.Thread.start

    def start_if_there_are_more(thread: threading.Thread) -> None:
        if not to_be_had:
            raise RuntimeError("can't start new thread")
        to_be_had.pop()
        start(thread)

    def hang() -> None:
        senders.step_aside()
        let_go.wait(PATIENCE_S)
        done.put((2, 0))

    monkeypatch.setattr(threading.Thread, "start", start_if_there_are_more)
    senders.do(lambda: done.put((1, 0)))
    assert done.empty()
    to_be_had.append(True)
    senders.do(hang)
    senders.do(lambda: done.put((3, 0)))
    let_go.set()
    assert results(done, 3) == [(1, 0), (2, 0), (3, 0)]


def test_they_go_on_after_a_rest(done: SimpleQueue[tuple[int, int]]) -> None:
    """Again and again with nothing to do in between: none is forgotten, whoever was about to fall asleep."""
    senders = Senders()
    for number in range(300):
        senders.do(lambda number=number: done.put((number, 0)))  # type: ignore[misc]  # bound now
        assert results(done, 1) == [(number, 0)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_job_that_breaks_off_stops_nobody(done: SimpleQueue[tuple[int, int]]) -> None:
    """A thread that dies of something that nobody catches has given the floor to the next."""
    senders = Senders()
    threads: list[threading.Thread] = []

    def break_off() -> None:
        threads.append(threading.current_thread())
        os.close(-1)

    senders.do(break_off)
    senders.do(lambda: done.put((1, 0)))
    assert results(done, 1) == [(1, 0)]
    threads[0].join(PATIENCE_S)


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

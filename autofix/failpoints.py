"""Places where a process may die, stall or be woken twice, named so that tests can make it happen there.

``AUTOFIX_FAILPOINTS`` names them: ``<point>[#<n>]=<action>``, separated by commas; ``#n`` is the n-th time that this process
gets there (default 1), and the action happens once. Without the variable a failpoint costs one comparison.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from celery import current_app
from celery._state import get_current_task

logger = logging.getLogger(__name__)

POINTS: dict[str, str] = {
    "trigger.before_commit": "a step was asked for and written, and the transaction is still open",
    "wake.before_publish": "a transaction has committed and its wake-up is not sent",
    "wake.after_publish": "a wake-up has been sent",
    "turn.claimed": "a worker has taken a turn",
    "block.before_commit": "the agent has given a block, and nothing of it is stored",
    "block.after_commit": "a block is stored",
    "turn.before_end": "the agent is done and the turn is still open",
    "hook.judged": "what came of the turn is judged, and the turn is still open",
    "hook.before_commit": "the completion hook has written everything, and the transaction is still open",
    "hook.after_commit": "the turn has ended and its run has advanced, and its worker has not gone on",
    "pull_request.claimed": "a worker has taken a pull request",
    "pull_request.pushed": "the branch is pushed and no pull request asked for",
    "pull_request.opened": "the pull request is open and not recorded",
    "pull_request.recorded": "the pull request is recorded",
    "delivery.claimed": "a relay has taken deliveries and sent none",
    "delivery.sent": "a delivery was sent and not recorded",
    "delivery.recorded": "a delivery is recorded",
    "automation.before_commit": "automation has decided, and the transaction is still open",
    "automation.after_commit": "automation's decision is stored",
    "sweep.started": "a sweep begins",
}
"""Every place, with what holds there."""

SLEEP_S = 7.0
"""Longer than a fresh row is left alone by the sweeper, and than a lease in the tests."""
PAUSE_S = 0.5


class FailpointReached(RuntimeError):
    """A test asked for an error at this place."""


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _delay() -> None:
    time.sleep(SLEEP_S)


def _duplicate() -> None:
    """Send the message that is being worked on a second time, and give the copy a moment to get in between."""
    task = get_current_task()
    if task is not None:
        current_app.send_task(task.name, args=task.request.args)
    time.sleep(PAUSE_S)


def _error() -> None:
    raise FailpointReached


ACTIONS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "freeze": _freeze,
    "delay": _delay,
    "duplicate": _duplicate,
    "error": _error,
}


def _plan(text: str) -> dict[tuple[str, int], Callable[[], None]]:
    """What the variable asks for, by place and count; ValueError when it names what there is not."""
    planned: dict[tuple[str, int], Callable[[], None]] = {}
    for entry in filter(None, text.split(",")):
        place, _, action = entry.partition("=")
        point, _, count = place.partition("#")
        if point not in POINTS or action not in ACTIONS:
            raise ValueError(f"AUTOFIX_FAILPOINTS: there is no {entry!r}")
        planned[point, int(count or 1)] = ACTIONS[action]
    return planned


_planned = _plan(os.environ.get("AUTOFIX_FAILPOINTS", ""))
_reached: Counter[str] = Counter()
_lock = threading.Lock()


def failpoint(point: str) -> None:
    """Do here what the environment asks for; nothing without it."""
    if not _planned:
        return
    with _lock:
        _reached[point] += 1
        action = _planned.pop((point, _reached[point]), None)
    if action is not None:
        logger.warning("failpoint reached", extra={"failpoint": point})
        action()

"""Wake-ups: Celery tasks sent by name. A lost one costs time, never truth: the sweeper finds the row that it was about."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial

from celery import current_app
from django.db import transaction

from autofix.failpoints import failpoint

logger = logging.getLogger(__name__)

RUN_TURN = "autofix.run_turn"
CALL_HOOK = "autofix.call_completion_hook"
DELIVER = "autofix.deliver"
OPEN_PULL_REQUEST = "autofix.open_pull_request"
CONSIDER_ISSUE = "autofix.consider_issue"
START_STEP = "autofix.start_step"
SWEEP = "autofix.sweep"


def wake(task: str, *args: str | int, countdown: float = 0) -> None:
    """Send the task after the current transaction commits (at once outside of one), ``countdown`` seconds later.

    A broker that cannot be reached, or says no, is logged and survived: what was committed stands.
    """
    transaction.on_commit(partial(_publish, task, args, countdown))


@dataclass
class Kept:
    """Wake-ups of one task that a worker keeps for itself instead of sending them: at most one, and none after ``until``."""

    task: str
    until: float
    waiting: list[int | str] = field(default_factory=list)

    def takes(self, task: str, args: tuple[str | int, ...], countdown: float) -> bool:
        """Keep this wake-up, if it may be kept."""
        fits = task == self.task and not countdown and not self.waiting and time.monotonic() < self.until
        if fits:
            self.waiting += args
        return fits


_kept: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def keep(task: str, until: float) -> Iterator[Kept]:
    """Let the caller do itself what it wakes a worker for: one wake-up, sent in the body before ``until`` (monotonic).

    An error in the body sends it after all.
    """
    kept = Kept(task, until)
    token = _kept.set(kept)
    try:
        yield kept
    except BaseException:
        if kept.waiting:
            _send(task, tuple(kept.waiting), 0)
        raise
    finally:
        _kept.reset(token)


def _publish(task: str, args: tuple[str | int, ...], countdown: float) -> None:
    failpoint("wake.before_publish")
    kept = _kept.get()
    if kept is None or not kept.takes(task, args, countdown):
        _send(task, args, countdown)
    failpoint("wake.after_publish")


def _send(task: str, args: tuple[str | int, ...], countdown: float) -> None:
    try:
        current_app.send_task(task, args=args, countdown=countdown or None, retry=False)
    except Exception:  # every transport has its library's own errors, and none may undo what is done
        logger.exception(
            "wake-up not sent; the sweeper will find the row", extra={"task": task, "task_args": args}
        )

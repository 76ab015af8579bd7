"""Wake-ups: Celery tasks sent by name. A lost one costs time, never truth: the sweeper finds the row that it was about."""

from __future__ import annotations

import logging
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


def _publish(task: str, args: tuple[str | int, ...], countdown: float) -> None:
    failpoint("wake.before_publish")
    try:
        current_app.send_task(task, args=args, countdown=countdown or None, retry=False)
    except Exception:  # every transport has its library's own errors, and none may undo what is done
        logger.exception(
            "wake-up not sent; the sweeper will find the row", extra={"task": task, "task_args": args}
        )
    failpoint("wake.after_publish")

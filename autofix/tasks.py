"""Celery tasks: thin wrappers. Each looks at the database for what there is to do; the message only says that there is."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_process_shutdown, worker_shutting_down
from django.utils import timezone

from autofix import (
    autofix_agent,
    automation,
    idempotency,
    pull_requests,
    stopping,
    sweeper,
    throttles,
    wakeups,
)
from autofix.asking import asked_once
from autofix.delivery import relay, upkeep
from autofix.explorer import chains, hooks, runner

GOES_ON_S = 1.0


@worker_shutting_down.connect
def hand_back(**_: Any) -> None:
    """Turns and a relay's shift may take longer than an operator waits for a worker to stop."""
    stopping.stop()


@worker_process_shutdown.connect
def record_what_was_sent(**_: Any) -> None:
    """Otherwise webhooks that are answered slowly would be sent again."""
    relay.wait_for_rest()


@shared_task(name=wakeups.RUN_TURN)
def run_turn(turn_id: int) -> None:
    """Run a turn, and for a while those that follow it in its session: no further message is needed."""
    with asked_once(), chains.chain(GOES_ON_S) as chain:
        runner.run_turn(turn_id)
        while (following := chain.next()) is not None:
            runner.run(following)


@shared_task(name=wakeups.CALL_HOOK)
def call_completion_hook(turn_id: int) -> None:
    """Tell the completion hook of an ended turn."""
    hooks.call_completion_hook(turn_id)


@shared_task(name=wakeups.START_STEP)
def start_step(execution_id: int) -> None:
    """Start the turn of a pending step."""
    autofix_agent.start_step(execution_id)


@shared_task(name=wakeups.OPEN_PULL_REQUEST)
def open_pull_request(pull_request_id: int) -> None:
    """Push the branch and open the pull request."""
    pull_requests.open_pull_request(pull_request_id)


@shared_task(name=wakeups.DELIVER)
def deliver() -> None:
    """Send the webhook deliveries that are due."""
    relay.wake_up()


@shared_task(name=wakeups.CONSIDER_ISSUE)
def consider_issue(issue_id: str) -> None:
    """Let automation decide on a new issue."""
    automation.consider_issue(issue_id)


@shared_task(name=wakeups.SWEEP)
def sweep() -> None:
    """Find what stalled, and throw away what is kept no longer."""
    sweeper.sweep()
    now = timezone.now()
    for prune in (upkeep.prune_attempts, idempotency.prune, throttles.prune):
        prune(now)

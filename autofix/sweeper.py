"""Finds what stalled and puts it right. Safe to run twice at once: every remedy is safe to do twice.

``STALLS`` is the one list of what can stall; the documentation has the same list.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from autofix import autofix_agent, automation, runs
from autofix.delivery import claims, upkeep
from autofix.explorer import leases
from autofix.explorer.models import OPEN_TURN, Turn
from autofix.failpoints import failpoint
from autofix.heartbeats import MAX_SKEW, free
from autofix.models import (
    ACTIVE_STEP,
    PullRequest,
    PullRequestState,
    Run,
    RunStatus,
    StepExecution,
    StepStatus,
)
from autofix.wakeups import CALL_HOOK, DELIVER, OPEN_PULL_REQUEST, RUN_TURN, wake

logger = logging.getLogger(__name__)
GRACE = timedelta(seconds=5)
"""Younger rows have a wake-up under way."""
BATCH = 200


@dataclass(frozen=True)
class Stall:
    """One way to stall. ``mend(now)`` puts the found rows right and returns how many there were."""

    name: str
    what: str
    remedy: str
    mend: Callable[[datetime], int]


def sweep() -> dict[str, int]:
    """Look once for everything that can stall; how many rows each kind had. One kind's error does not hide the others."""
    now = timezone.now()
    found: dict[str, int] = {}
    failpoint("sweep.started")
    for stall in STALLS:
        try:
            found[stall.name] = stall.mend(now)
        except Exception:
            logger.exception("sweeping %s failed", stall.name)
            found[stall.name] = -1
    return found


def _old(field: str, now: datetime) -> Q:
    """Rows old enough to have lost their wake-up; those from the future were written before a clock was set back."""
    return Q(**{f"{field}__lt": now - GRACE}) | Q(**{f"{field}__gt": now + MAX_SKEW})


def _wake_each(task: str, ids: list[int]) -> int:
    for pk in ids:
        wake(task, pk)
    return len(ids)


def _unclaimed_turns(now: datetime) -> int:
    untaken = Q(lease_expires_at=None) & ~_old("created_at", now)
    ids = (
        Turn.objects.filter(free(now), ~untaken, status__in=OPEN_TURN)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    return _wake_each(RUN_TURN, list(ids[:BATCH]))


def _late_turns(now: datetime) -> int:
    late = Turn.objects.filter(status__in=OPEN_TURN, deadline__lte=now - GRACE).values_list("pk", flat=True)
    return sum(1 for pk in list(late[:BATCH]) if leases.expire(pk))


def _uncalled_hooks(now: datetime) -> int:
    # Said twice and in the index's order, or PostgreSQL walks through every turn that there ever was.
    due = Turn.objects.filter(_old("ended_at", now), ended_at__isnull=False, hook_called_at=None)
    return _wake_each(CALL_HOOK, list(due.order_by("ended_at").values_list("pk", flat=True)[:BATCH]))


def _unstarted_steps(now: datetime) -> int:
    waiting = StepExecution.objects.filter(_old("created_at", now), status=StepStatus.PENDING)
    ids = list(waiting.values_list("pk", flat=True)[:BATCH])
    for pk in ids:
        autofix_agent.start_step(pk)
    return len(ids)


def _unopened_pull_requests(now: datetime) -> int:
    due = Q(next_attempt_at__lte=now) | (Q(next_attempt_at=None) & _old("created_at", now))
    rows = PullRequest.objects.filter(free(now), due, state=PullRequestState.CREATING)
    return _wake_each(OPEN_PULL_REQUEST, list(rows.values_list("pk", flat=True)[:BATCH]))


def _due_deliveries(now: datetime) -> int:
    if not claims.is_due(now):
        return 0
    wake(DELIVER)
    return 1


def _unsettled_runs(now: datetime) -> int:
    active = StepExecution.objects.filter(run=OuterRef("pk"), status__in=ACTIVE_STEP)
    opening = PullRequest.objects.filter(run=OuterRef("pk"), state=PullRequestState.CREATING)
    idle = Run.objects.filter(
        _old("updated_at", now), ~Exists(active), ~Exists(opening), status=RunStatus.PROCESSING
    )
    ids = list(idle.values_list("pk", flat=True)[:BATCH])
    for pk in ids:
        with transaction.atomic():
            runs.settle(runs.lock_run(pk))
    return len(ids)


STALLS: tuple[Stall, ...] = (
    Stall("unclaimed_turns", "a turn that nobody holds: its wake-up was lost, or its worker died", "wake a worker",
          _unclaimed_turns),
    Stall("late_turns", "a turn past its deadline", "fail it with `timeout`", _late_turns),
    Stall("uncalled_hooks", "a turn that ended without its completion hook: past its deadline", "call the hook", _uncalled_hooks),
    Stall("unstarted_steps", "a step that the explorer has not been told of", "start its turn", _unstarted_steps),
    Stall("unopened_pull_requests", "a pull request that is due and nobody opens", "wake a worker",
          _unopened_pull_requests),
    Stall("postponed_deliveries", "webhook deliveries, and rests of their endpoints, from before the clock was put back",
          "their wait begins now", upkeep.bring_forward),
    Stall("due_deliveries", "webhook deliveries that are due", "wake the relay", _due_deliveries),
    Stall("unsettled_runs", "a run in processing with nothing under way", "derive its status again", _unsettled_runs),
    Stall("undecided_issues", "a new issue that automation has not decided on", "consider it",
          automation.wake_stalled),
)  # fmt: skip

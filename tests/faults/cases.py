"""The matrix: every place where state changes, and what happens there."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from demo.waiting import TookTooLong, wait_for
from tests.faults.site import POLL_S, FaultSite

T = TypeVar("T")
HAPPENS_S = 30.0
FROZEN_S = 4.0
"""How long a worker stays frozen: four leases."""

# How often a process gets to a place before the fault: the first time, and further ones that differ from it.
WORKER_POINTS: dict[str, tuple[int, ...]] = {
    "wake.before_publish": (1, 2, 5),
    "wake.after_publish": (1, 3),
    "turn.claimed": (1, 2, 4),
    "block.before_commit": (1, 3, 5, 9),
    "block.after_commit": (1, 3, 5, 9),
    "turn.before_end": (1, 3),
    "hook.judged": (1, 2, 5),
    "hook.before_commit": (1, 2, 3, 5),
    "hook.after_commit": (1, 3, 5),
    "pull_request.claimed": (1,),
    "pull_request.pushed": (1,),
    "pull_request.opened": (1,),
    "pull_request.recorded": (1,),
    "delivery.claimed": (1, 3),
    "delivery.sent": (1, 4),
    "delivery.recorded": (1, 4),
    "sweep.started": (1,),
}
AUTOMATION_POINTS = ("automation.before_commit", "automation.after_commit", "trigger.before_commit")
FAULTS = ("kill", "duplicate", "delay", "freeze")


@dataclass(frozen=True)
class Case:
    """One fault at one place."""

    point: str
    fault: str
    nth: int = 1

    @property
    def is_long(self) -> bool:
        """Only in the long run of the suite."""
        return self.nth > 1 or self.point not in SHORT.get(self.fault, (self.point,))

    @property
    def failpoints(self) -> str:
        return f"{self.point}#{self.nth}={self.fault}"

    def __str__(self) -> str:
        return f"{self.fault}-{self.point}-{self.nth}"


# What these faults find at the other places, killing finds there as well; every run of the suite plays them here.
SHORT = {
    "freeze": ("block.after_commit", "pull_request.pushed"),
    "delay": ("hook.before_commit",),
    "duplicate": ("turn.claimed", "hook.before_commit"),
}
CASES = [
    *(Case(p, fault, nth) for fault in FAULTS for p, counts in WORKER_POINTS.items() for nth in counts),
    *(Case(point, fault) for fault in FAULTS for point in AUTOMATION_POINTS),
]


def play(case: Case, site: FaultSite) -> list[str]:
    """Let the fault happen to a whole run, and say which promises were broken."""
    try:
        return _play(case, site)
    finally:
        site.end_workers()


def _play(case: Case, site: FaultSite) -> list[str]:
    worker = site.start_worker(case.failpoints)
    issue = _start(case, site)
    happened = _soon(worker.reached_failpoint)
    if case.fault == "kill":
        happened = happened and _soon(lambda: worker.ended)
        site.supervise()
    elif case.fault == "freeze":
        happened = happened and _soon(lambda: worker.is_frozen)
        site.start_worker()
        time.sleep(FROZEN_S)  # the fault itself
        worker.send(signal.SIGCONT)
    missed = [] if happened else ["the fault did not happen"]
    run_id = _soon(lambda: site.inside("run_of", issue_id=issue))
    return missed + (site.violations(run_id) if run_id else ["no run was started"])


def _start(case: Case, site: FaultSite) -> str:
    """Ask for a run, or let automation find a reason for one; the issue's id."""
    by_automation = case.point in AUTOMATION_POINTS
    site.inside("tune", tuning="always" if by_automation else "off")
    issue: str = site.inside("new_issue", announced=by_automation)
    if not by_automation:
        site.inside("trigger", issue_id=issue)
    return issue


def _soon(condition: Callable[[], T]) -> T | None:
    """The condition's first true value; None when it never comes true."""

    def look() -> T | None:
        time.sleep(POLL_S)  # a look may cost a process
        return condition()

    try:
        return wait_for(look, "it happens", timeout_s=HAPPENS_S)
    except TookTooLong:
        return None

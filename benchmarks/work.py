"""Issues and runs to measure with. Import after :func:`benchmarks.site.site` has set Django up."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.contrib.auth import get_user_model
from django.utils import timezone

from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer.models import Block, Session, Turn
from autofix.hosts import Issue, get_host
from autofix.models import ACTIVE_RUN, ProjectPreference, Run
from autofix.steps import Step, StoppingPoint
from benchmarks.measuring import cpu_s
from demo.processes import Child
from demo.waiting import wait_for
from tracker import models as tracker
from tracker.scopes import ALL_SCOPES

PATIENCE_S = 600
LOOK_S = 0.2
"""Looking more often would cost the workers some of the two cores; when the last run ended its row says."""


@dataclass(frozen=True)
class Measured:
    """How long the runs took together, the processor time of the workers meanwhile, and which runs they were.

    ``start_s`` and ``start_cpu_s``: what starting them took before, in this process.
    """

    seconds: float
    cpu_s: float
    run_ids: Sequence[int]
    start_s: float
    start_cpu_s: float


def make_issues(count: int, *, side_steps: Sequence[Step] = ()) -> list[Issue]:
    """So many new issues of one new project that wants these side steps."""
    return make_tenant(count, side_steps=side_steps)[1]


def make_tenant(count: int, *, side_steps: Sequence[Step] = ()) -> tuple[tracker.Organization, list[Issue]]:
    """A new organization, and so many issues of its one project, which wants these side steps."""
    number = tracker.Organization.objects.count() + 1
    organization = tracker.Organization.objects.create(slug=f"bench-{number}", name="Bench")
    project = tracker.Project.objects.create(organization=organization, slug=f"shop-{number}", name="Shop")
    wanted = [step.value for step in side_steps]
    ProjectPreference.objects.create(
        organization_id=str(organization.pk), project_id=str(project.pk), side_steps=wanted
    )
    now = timezone.now()
    tracker.Issue.objects.bulk_create(
        [
            tracker.Issue(
                project=project, number=i, grouping_hash=f"{i:064}", title="KeyError: 'plan'",
                culprit="shop.cart in total", first_seen=now, last_seen=now, times_seen=1,
            )
            for i in range(1, count + 1)
        ]
    )  # fmt: skip
    host = get_host()
    ids = project.issues.order_by("pk").values_list("pk", flat=True)
    return organization, [host.resolve_issue(str(pk)) for pk in ids]


def make_token(organization: tracker.Organization) -> str:
    """The token of a new owner of the organization."""
    user = get_user_model().objects.create_user(f"owner-of-{organization.slug}")
    tracker.Membership.objects.create(organization=organization, user=user, role="owner")
    return tracker.ApiToken.issue(organization, user, list(ALL_SCOPES))[1]


def fill_with_blocks(issue: Issue, count: int, size: int) -> None:
    """Give the issue's newest run so many blocks of this many bytes."""
    session = Session.objects.get(pk=int(Run.objects.filter(issue_id=issue.id).latest("pk").session_id))
    content = {"message": {"role": "assistant", "content": "x" * size}}
    Block.objects.bulk_create(
        Block(session=session, index=index, content=content) for index in range(session.blocks.count(), count)
    )
    Turn.objects.filter(session=session).update(end_index=count)


def start(issues: Sequence[Issue], point: StoppingPoint) -> list[int]:
    """Start a run for each issue; their ids."""
    return [trigger_autofix_agent(issue, stopping_point=point).run.pk for issue in issues]


def wait_until_ended(run_ids: Sequence[int]) -> None:
    """Wait until none of the runs is active; AssertionError when one did not complete."""
    mine = Run.objects.filter(pk__in=run_ids)
    wait_for(
        lambda: not mine.filter(status__in=ACTIVE_RUN).exists(),
        "the runs end",
        timeout_s=PATIENCE_S,
        every_s=LOOK_S,
    )
    wrong = mine.exclude(status="completed").values_list("status", "failure_code", "failure_detail").first()
    if wrong is not None:
        raise AssertionError(f"a run did not complete: {wrong}")


def through_workers(workers: Sequence[Child], issues: Sequence[Issue], point: StoppingPoint) -> Measured:
    """All runs waiting in the queue, then the workers let loose upon them."""
    for worker in workers:
        worker.signal(signal.SIGSTOP)
    wall, processor = time.perf_counter(), time.process_time()
    run_ids = start(issues, point)
    start_s, start_cpu_s = time.perf_counter() - wall, time.process_time() - processor
    before = sum(map(used_s, workers))
    begun = time.time()
    for worker in workers:
        worker.signal(signal.SIGCONT)
    wait_until_ended(run_ids)
    last = Run.objects.filter(pk__in=run_ids).order_by("-updated_at").values_list("updated_at", flat=True)[0]
    used = sum(map(used_s, workers)) - before
    return Measured(last.timestamp() - begun, used, run_ids, start_s, start_cpu_s)


def used_s(worker: Child) -> float:
    """Processor seconds of the worker's processes."""
    if worker.process is None:
        raise AssertionError("the worker was never started")
    return cpu_s(worker.process.pid)


def advances_ms(run_ids: Sequence[int]) -> list[float]:
    """For every advance of a pipeline: milliseconds from the agent's last block of a step to its first of the next one."""
    sessions = Run.objects.filter(pk__in=run_ids).values_list("session_id", flat=True)
    waits: list[float] = []
    for session_id in map(int, sessions):
        turns = Turn.objects.filter(session_id=session_id).order_by("pk").values_list("pk", "first_index")
        spans = [
            list(
                Block.objects.filter(turn_id=pk, index__gt=first)
                .order_by("index")
                .values_list("created_at", flat=True)
            )
            for pk, first in turns
        ]
        waits += [(after[0] - before[-1]).total_seconds() * 1000 for before, after in pairwise(spans)]
    return waits

"""What the faults' tests ask of a site's database, from within a process of that site."""

from __future__ import annotations

import subprocess
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import F, Sum
from django.utils import timezone

from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer.models import OPEN_TURN, Block, Session, Turn
from autofix.hosts import get_host
from autofix.models import (
    AutomationDecision,
    Delivery,
    IdempotencyRecord,
    PullRequest,
    QuotaUsage,
    Run,
    StepExecution,
    WebhookEvent,
)
from autofix.steps import STEPS, Lane, Step, StoppingPoint
from tracker import models as tracker

PIPELINE = [step for step in STEPS if STEPS[step].lane is Lane.PIPELINE]
SIDE = [step for step in STEPS if STEPS[step].lane is Lane.SIDE]


def new_issue(*, announced: bool = False) -> str:
    """A new issue with one event; ``announced`` tells autofix of it as ingestion does."""
    project = tracker.Project.objects.get()
    now = timezone.now()
    with transaction.atomic():
        number = tracker.Issue.objects.count() + 1
        issue = tracker.Issue.objects.create(
            project=project, number=number, grouping_hash=uuid.uuid4().hex * 2, title="KeyError: 'plan'",
            culprit="shop.cart in total", first_seen=now, last_seen=now, times_seen=1,
        )  # fmt: skip
        payload = {"exception": {"values": [{"type": "KeyError", "value": "'plan'"}]}, "platform": "python"}
        tracker.Event.objects.create(
            project=project, issue=issue, event_id=uuid.uuid4().hex, timestamp=now, received=now,
            payload=payload,
        )  # fmt: skip
    if announced:
        from autofix.automation import receive_new_issue  # noqa: PLC0415 - only for this kind of fault

        receive_new_issue(str(issue.pk))
    return str(issue.pk)


def trigger(issue_id: str, stopping_point: str = "open_pr") -> int:
    """Start a run of the issue, as the API does; its id."""
    issue = get_host().resolve_issue(issue_id)
    return trigger_autofix_agent(issue, stopping_point=StoppingPoint(stopping_point)).run.pk


def run_of(issue_id: str) -> int:
    """The id of the issue's newest run, 0 when it has none."""
    return Run.objects.filter(issue_id=issue_id).order_by("-pk").values_list("pk", flat=True).first() or 0


def tune(tuning: str) -> None:
    """Set how readily automation starts runs."""
    apps.get_model("autofix", "ProjectPreference").objects.update(tuning=tuning)


def status(run_id: int) -> str:
    """The run's status."""
    return str(Run.objects.values_list("status", flat=True).get(pk=run_id))


def shift_clock(seconds: float) -> None:
    """Make every stored moment later by so many seconds: as if the clock had been set back by them."""
    for model in apps.get_models():
        # A delivery that waits is due an hour later when the clock is set back: late, and not lost.
        late_only = seconds > 0 and model is Delivery
        if model._meta.app_label in ("autofix", "autofix_explorer") and not late_only:
            for field in model._meta.fields:
                if isinstance(field, models.DateTimeField):
                    moved = model._default_manager.exclude(**{field.name: None})
                    moved.update(**{field.name: F(field.name) + timedelta(seconds=seconds)})


def unfinished(run_id: int) -> list[str]:
    """What of the run and around it is still under way."""
    run = Run.objects.get(pk=run_id)
    waiting = {
        f"run {run.status}": run.is_active,
        "open turns": Turn.objects.filter(status__in=OPEN_TURN).exists(),
        "hooks not called": Turn.objects.filter(hook_called_at=None).exists(),
        "deliveries": Delivery.objects.filter(status="pending").exists(),
        "undecided issues": AutomationDecision.objects.filter(decided_at=None).exists(),
    }
    return [what for what, still in waiting.items() if still]


def events(run_id: int) -> list[str]:
    """The public ids of the run's events in their order."""
    return list(
        WebhookEvent.objects.filter(run=run_id).order_by("sequence").values_list("public_id", flat=True)
    )


def violations(run_id: int, bare: str, status: str = "completed") -> list[str]:
    """Which promises the finished run broke; none is what the tests want."""
    run = Run.objects.get(pk=run_id)
    found = [*_steps(run), *_sequence(run), *_blocks(run), *_pull_requests(run, Path(bare)), *_quota()]
    if run.status != status:
        found.append(f"the run ended as {run.status}: {run.failure_code} {run.failure_detail}")
    return found


def _expected_steps(run: Run) -> list[Step]:
    rank = [point.value for point in StoppingPoint].index(run.stopping_point)
    pipeline = PIPELINE[: min(rank + 1, len(PIPELINE))]
    return [*pipeline, *(SIDE if len(pipeline) > 1 else [])]


def _steps(run: Run) -> list[str]:
    rows = StepExecution.objects.filter(run=run)
    tried = Counter((row.step, row.status) for row in rows)
    expected = Counter((step.value, "completed") for step in _expected_steps(run))
    errors = [f"{row.error_code}: {row.error_detail}" for row in rows if row.error_code]
    return [] if tried == expected else [f"steps: {sorted(tried.items())} {errors}"]


def _sequence(run: Run) -> list[str]:
    rows = list(WebhookEvent.objects.filter(run=run).order_by("sequence"))
    steps = [STEPS[step].event_name for step in _expected_steps(run)]
    types = [f"autofix.{name}_{outcome}" for name in steps for outcome in ("started", "completed")]
    types += ["autofix.pr_created"] * (run.stopping_point == StoppingPoint.OPEN_PR)
    types.append("autofix.run_completed")
    found = []
    if [row.sequence for row in rows] != list(range(1, len(rows) + 1)):
        found.append(f"event sequence: {[row.sequence for row in rows]}")
    if Counter(row.type for row in rows) != Counter(types):
        found.append(f"events: {[row.type for row in rows]}")
    return found


def _blocks(run: Run) -> list[str]:
    found = []
    for session in Session.objects.filter(pk__in=_sessions(run)):
        blocks = list(Block.objects.filter(session=session).order_by("index"))
        indices = [block.index for block in blocks]
        said = Counter(block.content["message"]["content"] for block in blocks)
        if indices != list(range(len(indices))):
            found.append(f"block indices: {indices}")
        found += [f"said {count} times: {text[:60]!r}" for text, count in said.items() if count > 1]
    said_in_turns = Block.objects.filter(turn__session__issue_id=run.issue_id).count()
    if said_in_turns != 4 * len(_expected_steps(run)):
        found.append(f"{said_in_turns} blocks in {len(_expected_steps(run))} turns")
    return found


def _sessions(run: Run) -> set[int]:
    return {int(session) for session in run.steps.values_list("session_id", flat=True) if session}


def _pull_requests(run: Run, bare: Path) -> list[str]:
    rows = list(PullRequest.objects.filter(run=run))
    if run.stopping_point != StoppingPoint.OPEN_PR:
        return [f"{len(rows)} pull requests"] if rows else []
    if len(rows) != 1 or rows[0].state != "completed":
        return [f"pull requests: {[(row.state, row.error_code, row.error_detail) for row in rows]}"]
    refs = _git(bare, "for-each-ref", "--format=%(refname) %(objectname) %(symref)").splitlines()
    mine = [line.split() for line in refs if run.uuid.hex[:8] in line]
    branches = [line for line in mine if line[0].startswith("refs/heads/")]
    opened = [line for line in mine if line[0].startswith("refs/pull/")]
    if len(branches) != 1 or len(opened) != 1 or branches[0][1] != rows[0].commit_sha:
        return [f"refs: {mine} and {rows[0].commit_sha} recorded"]
    return []


def _quota() -> list[str]:
    used = QuotaUsage.objects.aggregate(Sum("used"))["used__sum"] or 0
    return [] if used == Run.objects.count() else [f"quota {used} for {Run.objects.count()} runs"]


def _git(directory: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(directory), *arguments], check=True, capture_output=True, text=True
    ).stdout


def expire_reservations() -> None:
    """Let the time pass for which a request that died holds its idempotency key."""
    IdempotencyRecord.objects.filter(status=None).update(locked_until=timezone.now() - timedelta(minutes=1))


def runs_of(issue_id: str) -> int:
    """How many runs the issue has."""
    return Run.objects.filter(issue_id=issue_id).count()


def blocks_of(run_id: int) -> int:
    """How many blocks the run's session has."""
    return Block.objects.filter(session_id__in=_sessions(Run.objects.get(pk=run_id))).count()


def open_turns(run_id: int) -> list[list[str | None]]:
    """Status and lease of the run's open turns."""
    issue_id = Run.objects.get(pk=run_id).issue_id
    turns = Turn.objects.filter(session__issue_id=issue_id, status__in=OPEN_TURN)
    return [[turn.status, str(turn.lease_expires_at or "") or None] for turn in turns]


def vendor() -> str:
    """Which database this is."""
    return connection.vendor


def drop_connections() -> None:
    """End all other connections to this database, as its restart would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

"""New issues: what automation decides, that it writes down why, and that nothing is started twice or forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from autofix import (
    automation,
    tasks,  # noqa: F401  # a queue finds tasks by name only once they are imported
)
from autofix.autofix_agent import AUTOMATION_REFERRER, trigger_autofix_agent
from autofix.automation import EVENT_WAITS_S, MAX_TRIES, consider_issue, receive_new_issue, wake_stalled
from autofix.hosts import get_host
from autofix.models import (
    AutomationDecision,
    DecisionReason,
    OrganizationSettings,
    ProjectPreference,
    QuotaUsage,
    Run,
    RunStatus,
)
from autofix.testing import WakeupQueue, wakeup_queue
from autofix.wakeups import CONSIDER_ISSUE
from tracker import models as tracker
from tracker.signals import new_issue

pytestmark = pytest.mark.django_db(transaction=True)

FRAME = {
    "filename": "shop/cart.py", "lineno": 9, "function": "total", "in_app": True,
    "context_line": "price = prices[name]", "vars": {"name": "'tea'"},
}  # fmt: skip
Prefer = Callable[..., ProjectPreference]


def payload(kind: str, value: str) -> dict[str, Any]:
    """An event of the Python SDK with one exception raised in own code."""
    exception = {"type": kind, "value": value, "stacktrace": {"frames": [FRAME]}}
    return {"platform": "python", "level": "error", "exception": {"values": [exception]}}


KEY_ERROR = payload("KeyError", "'tea'")
REFUSED = payload("ConnectionRefusedError", "[Errno 111] Connection refused")


@pytest.fixture
def queue() -> Iterator[WakeupQueue]:
    """The wake-ups of this test."""
    with wakeup_queue() as messages:
        yield messages


@pytest.fixture
def issue() -> tracker.Issue:
    """A new issue whose event is not stored yet."""
    acme = tracker.Organization.objects.create(slug="acme", name="Acme")
    shop = tracker.Project.objects.create(organization=acme, slug="shop", name="Shop")
    now = timezone.now()
    return tracker.Issue.objects.create(
        project=shop, number=1, grouping_hash="g", title="KeyError: 'tea'", first_seen=now, last_seen=now
    )


@pytest.fixture
def prefer(issue: tracker.Issue) -> Prefer:
    """Sets what the project wants; by default everything."""

    def wants(tuning: str = "always", stopping_point: str = "open_pr") -> ProjectPreference:
        return ProjectPreference.objects.create(
            organization_id=str(issue.project.organization_id),
            project_id=str(issue.project_id),
            tuning=tuning,
            stopping_point=stopping_point,
        )

    return wants


def store(issue: tracker.Issue, content: dict[str, Any]) -> None:
    """The issue's event arrives."""
    now = timezone.now()
    tracker.Event.objects.create(
        project=issue.project, issue=issue, event_id="e" * 32, timestamp=now, received=now, payload=content
    )


def decide(issue: tracker.Issue, queue: WakeupQueue) -> AutomationDecision:
    """The host announces the issue, the queue brings the wake-ups; the decision that came of it."""
    receive_new_issue(str(issue.pk))
    while queue.waiting(CONSIDER_ISSUE):
        queue.run_next(CONSIDER_ISSUE)
    return AutomationDecision.objects.latest("pk")


def test_a_fixable_issue_starts_a_run(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """A missing key with its evidence starts a run to the pull request; the decision says why and points at the run."""
    prefer()
    store(issue, KEY_ERROR)
    decision = decide(issue, queue)
    run = Run.objects.get()
    assert (decision.started, decision.reason, decision.run) == (True, "started", run)
    assert decision.score is not None
    assert decision.score >= 0.78
    assert "KeyError is a programming error" in decision.detail
    assert (run.stopping_point, run.referrer, run.actor) == ("open_pr", AUTOMATION_REFERRER, "")
    assert (decision.organization_id, decision.project_id) == (run.organization_id, run.project_id)


def test_the_preference_bounds_the_run(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """The best score goes no further than the project wants."""
    prefer(stopping_point="solution")
    store(issue, KEY_ERROR)
    assert decide(issue, queue).stopping_point == "solution"
    assert Run.objects.get().stopping_point == "solution"


def test_always_takes_a_hopeless_issue_to_its_root_cause(
    issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue
) -> None:
    """The preference alone never raises a low score."""
    prefer()
    store(issue, REFUSED)
    assert decide(issue, queue).reason == DecisionReason.STARTED
    assert Run.objects.get().stopping_point == "root_cause"


def test_a_low_score_starts_nothing(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """A refused connection under a cautious tuning: no run, and the score is on record."""
    prefer("medium")
    store(issue, REFUSED)
    decision = decide(issue, queue)
    assert (decision.started, decision.reason) == (False, "low_score")
    assert decision.score is not None
    assert decision.score < 0.4
    assert not Run.objects.exists()


def test_off_is_the_default(issue: tracker.Issue, queue: WakeupQueue) -> None:
    """A project that never said anything gets no runs, and no event is waited for."""
    assert decide(issue, queue).reason == DecisionReason.OFF


def test_ai_disabled(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """The organization's switch comes before everything that reads its data."""
    prefer()
    organization_id = str(issue.project.organization_id)
    OrganizationSettings.objects.create(organization_id=organization_id, ai_enabled=False)
    decision = decide(issue, queue)
    assert (decision.reason, decision.score) == ("ai_disabled", None)


def test_no_quota(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """With the month's runs used up nothing starts, nothing is counted, and the reason is kept."""
    prefer()
    store(issue, KEY_ERROR)
    organization_id = str(issue.project.organization_id)
    OrganizationSettings.objects.create(organization_id=organization_id, quota_runs_per_month=0)
    assert decide(issue, queue).reason == DecisionReason.NO_QUOTA
    assert not Run.objects.exists()
    assert not QuotaUsage.objects.filter(used__gt=0).exists()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (RunStatus.PROCESSING, DecisionReason.RUN_ACTIVE),
        (RunStatus.AWAITING, DecisionReason.RUN_ACTIVE),
        (RunStatus.COMPLETED, DecisionReason.RUN_EXISTS),
        (RunStatus.CANCELLED, DecisionReason.RUN_EXISTS),
    ],
)
def test_a_persons_run_is_left_alone(
    issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue, status: RunStatus, reason: DecisionReason
) -> None:
    """Automation neither joins nor follows a run that somebody started by hand."""
    prefer()
    store(issue, KEY_ERROR)
    run = trigger_autofix_agent(
        get_host().resolve_issue(str(issue.pk)), referrer="api.web", actor="user:1"
    ).run
    Run.objects.filter(pk=run.pk).update(status=status)
    assert decide(issue, queue).reason == reason
    assert Run.objects.get().referrer == "api.web"


def test_an_event_may_come_later(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """Hosts save an issue before its event: the wake-up comes again, later each time, until it is there."""
    prefer()
    receive_new_issue(str(issue.pk))
    assert [queue.run_next(CONSIDER_ISSUE).countdown for _ in range(3)] == [0, 1, 2]
    store(issue, KEY_ERROR)
    queue.run_next(CONSIDER_ISSUE)
    assert AutomationDecision.objects.get().reason == DecisionReason.STARTED
    assert not queue.waiting(CONSIDER_ISSUE)


def test_an_event_that_never_comes(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """The waiting ends, with the reason on record."""
    prefer()
    decision = decide(issue, queue)
    assert (decision.reason, decision.tries) == ("no_event", len(EVENT_WAITS_S))


def test_an_issue_that_is_gone(queue: WakeupQueue) -> None:
    """An issue deleted before anybody looked is a decision, not an error."""
    receive_new_issue("4711")
    queue.drain()
    assert AutomationDecision.objects.get().reason == DecisionReason.NO_ISSUE


def test_announced_twice(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """Announcements that come before the decision are one; a later one within five minutes is a duplicate."""
    prefer()
    store(issue, REFUSED)
    receive_new_issue(str(issue.pk))
    receive_new_issue(str(issue.pk))
    assert AutomationDecision.objects.count() == 1
    assert decide(issue, queue).reason == DecisionReason.STARTED
    assert decide(issue, queue).reason == DecisionReason.DUPLICATE
    AutomationDecision.objects.update(decided_at=timezone.now() - automation.DEDUPE - timedelta(seconds=1))
    assert decide(issue, queue).reason == DecisionReason.RUN_ACTIVE


def test_a_late_second_wake_up_does_nothing(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """The queue may bring a message twice, even an hour later: the decision has fallen."""
    decide(issue, queue)
    AutomationDecision.objects.update(decided_at=timezone.now() - timedelta(hours=1))
    prefer()
    store(issue, KEY_ERROR)
    consider_issue(str(issue.pk))
    assert AutomationDecision.objects.get().reason == DecisionReason.OFF
    assert not Run.objects.exists()


def test_considered_at_once_by_several_workers(
    issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue
) -> None:
    """However many workers get the message at the same time, there is one decision and one run."""
    prefer()
    store(issue, KEY_ERROR)
    receive_new_issue(str(issue.pk))

    def work(_: int) -> None:
        try:
            consider_issue(str(issue.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert AutomationDecision.objects.get().reason == DecisionReason.STARTED
    assert Run.objects.count() == 1


def test_a_crash_leaves_the_decision_open(
    issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies after the run was started and before the decision was stored leaves neither behind."""
    prefer()
    store(issue, KEY_ERROR)
    receive_new_issue(str(issue.pk))
    with monkeypatch.context() as dying:
        dying.setattr(automation, "_close", _die)
        with pytest.raises(SystemExit):
            queue.run_next(CONSIDER_ISSUE)
    assert not Run.objects.exists()
    assert wake_stalled(timezone.now() + automation.GRACE) == 1
    queue.run_next(CONSIDER_ISSUE)
    assert AutomationDecision.objects.get().run == Run.objects.get()


def _die(*_: object) -> None:
    raise SystemExit


def test_a_lost_wake_up_is_sent_again(issue: tracker.Issue, prefer: Prefer, queue: WakeupQueue) -> None:
    """The sweeper finds the open decision once its time is over, not before, and does not pile up messages."""
    prefer()
    store(issue, KEY_ERROR)
    receive_new_issue(str(issue.pk))
    queue.lose()
    assert wake_stalled(timezone.now()) == 0
    later = timezone.now() + automation.GRACE
    assert wake_stalled(later) == 1
    assert wake_stalled(later) == 0
    assert len(queue.waiting(CONSIDER_ISSUE)) == 1
    queue.run_next(CONSIDER_ISSUE)
    assert AutomationDecision.objects.get().reason == DecisionReason.STARTED


def test_an_issue_that_cannot_be_considered_is_given_up(issue: tracker.Issue, queue: WakeupQueue) -> None:
    """An issue on which every worker fails is not woken for ever."""
    receive_new_issue(str(issue.pk))
    queue.lose()
    now = timezone.now()
    for _ in range(MAX_TRIES + 1):
        now += automation.GRACE
        assert wake_stalled(now) == 1
    assert wake_stalled(now + timedelta(days=1)) == 0
    assert len(queue.waiting(CONSIDER_ISSUE)) == MAX_TRIES
    assert AutomationDecision.objects.get().reason == DecisionReason.GAVE_UP


def test_the_host_survives_a_database_that_refuses(
    issue: tracker.Issue,
    queue: WakeupQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """When the announcement cannot be stored the host goes on, the log says so, and the wake-up makes up for it."""

    def refuse(issue_id: str) -> None:
        raise DatabaseError("disk full")

    with monkeypatch.context() as failing:
        failing.setattr(automation, "_announce", refuse)
        receive_new_issue(str(issue.pk))
    assert "new issue not recorded" in caplog.text
    queue.run_next(CONSIDER_ISSUE)
    assert AutomationDecision.objects.get().reason == DecisionReason.OFF


def test_the_trackers_signal_reaches_automation(issue: tracker.Issue, queue: WakeupQueue) -> None:
    """The app listens to its host from the start: a new issue leaves an open decision and a wake-up."""
    new_issue.send(sender=None, issue_id=str(issue.pk))
    assert AutomationDecision.objects.get().decided_at is None
    assert [message.args for message in queue.waiting(CONSIDER_ISSUE)] == [(str(issue.pk),)]

"""New issues: what automation decides, and that it writes down why."""

from __future__ import annotations

import pytest

from autofix.autofix_agent import AUTOMATION_REFERRER, trigger_autofix_agent
from autofix.automation import EVENT_WAITS_S, receive_new_issue
from autofix.hosts import get_host
from autofix.models import (
    AutomationDecision,
    DecisionReason,
    OrganizationSettings,
    QuotaUsage,
    Run,
    RunStatus,
)
from autofix.testing import WakeupQueue
from autofix.wakeups import CONSIDER_ISSUE
from tests.integration.automation.cases import KEY_ERROR, REFUSED, Prefer, decide, store
from tracker import models as tracker

pytestmark = pytest.mark.django_db(transaction=True)


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

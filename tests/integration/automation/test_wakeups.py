"""New issues: nothing is started twice, and nothing is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from autofix import automation
from autofix.automation import MAX_TRIES, consider_issue, receive_new_issue, wake_stalled
from autofix.models import AutomationDecision, DecisionReason, Run
from autofix.testing import WakeupQueue
from autofix.wakeups import CONSIDER_ISSUE
from tests.integration.automation.cases import KEY_ERROR, REFUSED, Prefer, decide, store
from tracker import models as tracker
from tracker.signals import new_issue

pytestmark = pytest.mark.django_db(transaction=True)


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

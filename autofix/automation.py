"""Should this new issue start by itself, and how far may it go?

The host announces an issue; an open :class:`AutomationDecision` is written and a wake-up sent. Whoever is woken reads the
preferences and the event, and closes the decision in the transaction that starts the run. A lost wake-up leaves an open
row behind, which :func:`wake_stalled` finds.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from autofix.autofix_agent import AUTOMATION_REFERRER, check_switches, trigger_autofix_agent
from autofix.exceptions import AIDisabled, Misconfigured, RequestRefused
from autofix.failpoints import failpoint
from autofix.fixability import reach, score
from autofix.hosts import Event, HostIssueNotFound, Issue, get_host
from autofix.models import ACTIVE_RUN, AutomationDecision, DecisionReason, Run
from autofix.models.preferences import Tuning
from autofix.preferences import preference_of
from autofix.steps import Step, StoppingPoint
from autofix.wakeups import CONSIDER_ISSUE, wake

logger = logging.getLogger(__name__)

DEDUPE = timedelta(seconds=300)
"""An issue that is announced again within this time of its last decision is not considered again."""

EVENT_WAITS_S = (1, 2, 5, 10, 20, 40, 80)
"""Seconds between looks for the first event: hosts save an issue before its event, some write events in a later batch."""

GRACE = timedelta(seconds=60)
"""How long after its time a wake-up may still be on its way."""

MAX_TRIES = 12
"""Wake-ups of one decision, whatever became of them: an issue that cannot be considered must not be woken for ever."""

REFUSALS: dict[str, DecisionReason] = {
    "ai_disabled": DecisionReason.AI_DISABLED,
    "no_quota": DecisionReason.NO_QUOTA,
    "run_in_flight": DecisionReason.RUN_ACTIVE,
}


@dataclass(frozen=True)
class Verdict:
    """What was decided, and how far the score would let a run go: None when it lets none start."""

    reason: DecisionReason
    detail: str = ""
    score: float | None = None
    stopping_point: StoppingPoint | None = None


def connect() -> None:
    """Listen for the host's new issues. Without a usable host this does nothing: the system checks report it."""
    try:
        host = get_host()
    except Misconfigured:
        logger.exception("automation is not connected")
        return
    host.connect_new_issue(receive_new_issue)


def receive_new_issue(issue_id: str) -> None:
    """Remember a new issue and send the wake-up.

    The host's own work must not fail because of us: a database that does not take the row is logged, and the wake-up
    writes it.
    """
    try:
        _announce(issue_id)
    except DatabaseError:
        logger.exception("new issue not recorded for automation", extra={"issue_id": issue_id})
    wake(CONSIDER_ISSUE, issue_id)


def consider_issue(issue_id: str) -> None:
    """Decide on a new issue; start its run when the answer is yes.

    While no event is stored it wakes itself again, a bounded number of times. Nothing happens when the decision has fallen
    already, so that it may be called twice, at once or late. Decision and run are one transaction.
    """
    if not AutomationDecision.objects.filter(issue_id=issue_id).exists():
        _announce(issue_id)
    if not _open(issue_id).exists():
        return
    issue = _resolve(issue_id)
    verdict = _judge(issue) if issue else Verdict(DecisionReason.NO_ISSUE)
    with transaction.atomic():
        decision = _open(issue_id).select_for_update().first()
        if decision is None:
            return
        if issue is not None:
            decision.organization_id, decision.project_id = issue.organization_id, issue.project_id
        if _decided_lately(decision):
            _close(decision, Verdict(DecisionReason.DUPLICATE))
        elif verdict.reason is DecisionReason.NO_EVENT and decision.tries < len(EVENT_WAITS_S):
            _wait(decision)
        elif issue is not None and verdict.stopping_point is not None:
            _start(decision, issue, verdict, verdict.stopping_point)
        else:
            _close(decision, verdict)
        failpoint("automation.before_commit")
    failpoint("automation.after_commit")


def wake_stalled(now: datetime) -> int:
    """Wake every issue whose open decision lost its wake-up; the number of them. One that was woken too often is closed."""
    stalled = AutomationDecision.objects.filter(decided_at=None, wake_at__lte=now - GRACE).order_by(
        "wake_at"
    )[:100]
    for decision in stalled:
        with transaction.atomic():
            still_stalled = _open(decision.issue_id).filter(pk=decision.pk, wake_at=decision.wake_at)
            if decision.tries >= MAX_TRIES:
                still_stalled.update(reason=DecisionReason.GAVE_UP, decided_at=now)
            elif still_stalled.update(wake_at=now, tries=F("tries") + 1):
                wake(CONSIDER_ISSUE, decision.issue_id)
    return len(stalled)


def _announce(issue_id: str) -> None:
    AutomationDecision.objects.get_or_create(
        issue_id=issue_id, decided_at=None, defaults={"wake_at": timezone.now()}
    )


def _open(issue_id: str) -> QuerySet[AutomationDecision]:
    """The issue's open decision; the database holds at most one."""
    return AutomationDecision.objects.filter(issue_id=issue_id, decided_at=None)


def _resolve(issue_id: str) -> Issue | None:
    try:
        return get_host().resolve_issue(issue_id)
    except HostIssueNotFound:
        return None


def _judge(issue: Issue) -> Verdict:
    """What the issue itself calls for; whether a run may start now is looked at under the lock."""
    preference = preference_of(issue.organization_id, issue.project_id)
    if preference.tuning == Tuning.OFF:
        return Verdict(DecisionReason.OFF)
    try:
        check_switches(issue, Step.ROOT_CAUSE)
    except AIDisabled as refused:
        return Verdict(DecisionReason.AI_DISABLED, refused.detail)
    event = _event(issue)
    if event is None:
        return Verdict(DecisionReason.NO_EVENT)
    found = score(event, issue)
    stopping_point = reach(found.value, preference.tuning, StoppingPoint(preference.stopping_point))
    reason = DecisionReason.STARTED if stopping_point else DecisionReason.LOW_SCORE
    return Verdict(reason, "; ".join(found.reasons), found.value, stopping_point)


def _event(issue: Issue) -> Event | None:
    host = get_host()
    explaining = host.representative_event(issue) if host.supports_representative_event else None
    return explaining or host.latest_event(issue)


def _decided_lately(decision: AutomationDecision) -> bool:
    since = timezone.now() - DEDUPE
    return AutomationDecision.objects.filter(issue_id=decision.issue_id, decided_at__gte=since).exists()


def _wait(decision: AutomationDecision) -> None:
    countdown = EVENT_WAITS_S[decision.tries]
    decision.tries += 1
    decision.wake_at = timezone.now() + timedelta(seconds=countdown)
    decision.save()
    wake(CONSIDER_ISSUE, decision.issue_id, countdown=countdown)


def _start(
    decision: AutomationDecision, issue: Issue, verdict: Verdict, stopping_point: StoppingPoint
) -> None:
    """Start the run, unless the issue has one: a run that a person started is never joined and never followed up."""
    runs = Run.objects.filter(organization_id=issue.organization_id, issue_id=issue.id)
    if runs.exists():
        is_active = runs.filter(status__in=ACTIVE_RUN).exists()
        reason = DecisionReason.RUN_ACTIVE if is_active else DecisionReason.RUN_EXISTS
        _close(decision, replace(verdict, reason=reason))
        return
    try:
        with transaction.atomic():
            triggered = trigger_autofix_agent(
                issue, Step.ROOT_CAUSE, referrer=AUTOMATION_REFERRER, stopping_point=stopping_point
            )
    except RequestRefused as refused:
        reason = REFUSALS.get(refused.code, DecisionReason.REFUSED)
        _close(decision, replace(verdict, reason=reason, detail=refused.detail))
    else:
        _close(decision, verdict, triggered.run)


def _close(decision: AutomationDecision, verdict: Verdict, run: Run | None = None) -> None:
    decision.reason, decision.detail, decision.score = verdict.reason, verdict.detail, verdict.score
    decision.run, decision.started = run, run is not None
    decision.stopping_point = verdict.stopping_point or ""
    decision.decided_at = timezone.now()
    decision.save()
    logger.info(
        "automation decided",
        extra={"issue_id": decision.issue_id, "reason": decision.reason, "score": decision.score},
    )

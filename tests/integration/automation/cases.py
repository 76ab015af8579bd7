"""Issues and events for the tests of automation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from autofix.automation import receive_new_issue
from autofix.models import AutomationDecision, ProjectPreference
from autofix.testing import WakeupQueue
from autofix.wakeups import CONSIDER_ISSUE
from tracker import models as tracker

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

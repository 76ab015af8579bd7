"""An issue to work on, a queue in this thread, and scripts for the scripted agent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from autofix.explorer import hooks, runner
from autofix.explorer.models import Turn
from autofix.hosts import Issue, get_host
from autofix.models import Run, WebhookEvent
from autofix.testing import WakeupQueue, wakeup_queue
from tracker import models as tracker

Play = Callable[..., None]

ROOT_CAUSE: dict[str, Any] = {
    "one_line_description": "The plan is optional",
    "five_whys": ["It reads a key that is not there"],
    "fixability": {"assessment": "fixable", "reason": "The code reads it unconditionally"},
}
SOLUTION: dict[str, Any] = {
    "one_line_summary": "Read it with a default",
    "steps": [{"title": "Use get", "description": "In Cart.total"}],
}
IMPACT: dict[str, Any] = {
    "one_line_description": "Some carts",
    "impacts": [
        {"label": "carts", "rating": "low", "impact_description": "They fail", "evidence": "1 event"}
    ],
}
TRIAGE: dict[str, Any] = {"suspect_commit": None, "suggested_assignee": None}
PATCH: dict[str, Any] = {
    "repo_name": "acme/shop",
    "diff": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n",
    "patch": {"path": "a.py", "type": "M", "added": 1, "removed": 1},
}


def says(key: str, data: dict[str, Any]) -> dict[str, Any]:
    """A scripted turn that thinks once and writes this artifact."""
    return {
        "blocks": [
            {"message": {"role": "assistant", "content": f"looking into {key}"}},
            {"artifacts": [{"key": key, "data": data, "reason": "done"}]},
        ]
    }


WHOLE_PIPELINE: dict[str, list[dict[str, Any]]] = {
    "root_cause": [says("root_cause", ROOT_CAUSE)],
    "solution": [says("solution", SOLUTION)],
    "code_changes": [{"blocks": [{"message": {"content": "edit"}, "file_patches": [PATCH]}]}],
    "impact_assessment": [says("impact_assessment", IMPACT)],
    "triage": [says("triage", TRIAGE)],
}


@pytest.fixture
def queue() -> Iterator[WakeupQueue]:
    """Wake-ups wait here until the test runs them."""
    with wakeup_queue() as queue:
        yield queue


@pytest.fixture
def issue(db: None) -> Issue:
    """The issue SHOP-1 of the reference tracker, with one event."""
    organization = tracker.Organization.objects.create(slug="acme", name="Acme")
    project = tracker.Project.objects.create(organization=organization, slug="shop", name="Shop")
    now = timezone.now()
    row = tracker.Issue.objects.create(
        project=project,
        number=1,
        grouping_hash="0" * 64,
        title="KeyError: 'plan'",
        culprit="shop.cart in total",
        first_seen=now,
        last_seen=now,
        times_seen=1,
    )
    payload = {"exception": {"values": [{"type": "KeyError", "value": "'plan'"}]}, "platform": "python"}
    tracker.Event.objects.create(
        project=project, issue=row, event_id="e" * 32, timestamp=now, received=now, payload=payload
    )
    return get_host().resolve_issue(str(row.pk))


@pytest.fixture
def play(settings: Settings, tmp_path: Path) -> Play:
    """``play(step=[turn, …])`` makes the scripted agent play these turns instead of the whole pipeline's."""

    def write(**turns: list[dict[str, Any]]) -> None:
        path = tmp_path / "script.json"
        path.write_text(json.dumps({"turns": {**WHOLE_PIPELINE, **turns}}))
        options = {"AGENT": "scripted", "SCRIPT": str(path)}
        settings.AUTOFIX = {**settings.AUTOFIX, "EXPLORER": {"OPTIONS": options}}

    write()
    return write


def run_untold(turn_id: int) -> bool:
    """Run the turn as if its completion hook had never been called; whether it ended."""
    turn = Turn.objects.get(pk=turn_id)
    hook = hooks.get(turn.hook)
    hooks.register(turn.hook, lambda _: None)
    try:
        ended = runner.run_turn(turn_id)
    finally:
        hooks.register(turn.hook, hook)
    Turn.objects.filter(pk=turn_id, ended_at__isnull=False).update(hook_called_at=None)
    return ended


def events_of(run: Run) -> list[str]:
    """The run's events in their order, which has no gaps, without the prefix of their types."""
    rows = WebhookEvent.objects.filter(run=run).order_by("sequence")
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return [row.type.removeprefix("autofix.") for row in rows]


def steps_of(run: Run) -> dict[str, str]:
    """The status of the newest try at each step."""
    return dict(run.steps.values_list("step", "status"))

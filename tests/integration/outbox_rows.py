"""Rows that the webhook tests start from."""

from __future__ import annotations

from typing import Any

from autofix import secrets, webhooks
from autofix.models import Run
from autofix.models.webhooks import Delivery, Endpoint, WebhookEvent

SECRET = "whsec_" + "QUFB" * 10 + "QUE="


def make_run(**fields: Any) -> Run:
    """A run that is under way."""
    defaults = {
        "organization_id": "1", "project_id": "2", "issue_id": "3", "stopping_point": "open_pr",
        "referrer": "api.web", "explorer": "offline",
    }  # fmt: skip
    return Run.objects.create(**{**defaults, **fields})


def make_endpoint(url: str = "https://example.com/hook", **fields: Any) -> Endpoint:
    """An active endpoint of organization 1 that wants everything."""
    return Endpoint.objects.create(
        **{"organization_id": "1", "url": url, "secret": secrets.encrypt(SECRET), **fields}
    )


def record(run: Run, kind: str = "root_cause_started", **data: Any) -> WebhookEvent:
    """The run's next event."""
    event = webhooks.record(
        f"autofix.{kind}",
        key=f"{run.uuid}:{run.event_sequence + 1}",
        organization_id=run.organization_id,
        data=data,
        run=run,
    )
    run.save(update_fields=["event_sequence"])
    return event


def make_due() -> None:
    """Let the time come for everything that waits, and all claims run out."""
    waiting = Delivery.objects.filter(status="pending", next_attempt_at__isnull=False)
    waiting.update(next_attempt_at="2000-01-01T00:00:00Z")
    Delivery.objects.exclude(claimed_until=None).update(claimed_until="2000-01-01T00:00:00Z")

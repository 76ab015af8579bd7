"""What an attempt says about its endpoint: alive, failing, or to be disabled."""

from __future__ import annotations

from datetime import datetime, timedelta

from autofix.delivery import outbox
from autofix.delivery.schedule import Outcome
from autofix.models.webhooks import Delivery, Endpoint, EndpointStatus

FAILING_FOR = timedelta(days=5)


def note(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Remember the outcome at the endpoint, in the caller's transaction; 410 or 5 days without success disable it."""
    endpoint = Endpoint.objects.filter(pk=delivery.endpoint_id)
    if outcome is Outcome.DELIVERED:
        endpoint.update(last_success_at=now, failing_since=None)
        return
    endpoint.filter(failing_since=None).update(failing_since=now)
    if outcome is Outcome.GONE:
        disable(delivery, "The endpoint answered 410 Gone.")
    elif endpoint.filter(failing_since__lte=now - FAILING_FOR).exists():
        disable(delivery, "No delivery succeeded for 5 days.")


def disable(delivery: Delivery, reason: str) -> None:
    """Disable the delivery's endpoint and tell the organization's others. Its pending deliveries wait until it is enabled."""
    endpoint = delivery.endpoint
    changed = (
        Endpoint.objects.filter(pk=endpoint.pk)
        .exclude(status=EndpointStatus.DISABLED)
        .update(status=EndpointStatus.DISABLED, disabled_reason=reason)
    )
    if changed:
        outbox.store(
            outbox.ENDPOINT_DISABLED,
            key=f"endpoint_disabled:{endpoint.pk}:{delivery.pk}:{delivery.fence}",
            organization_id=endpoint.organization_id,
            data={"endpoint": {"id": endpoint.pk, "url": endpoint.url, "reason": reason}},
        )

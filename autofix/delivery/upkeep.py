"""What the relay's tables need now and then: old attempts go, and a clock that was put back delays nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from autofix import conf
from autofix.delivery import breaker
from autofix.models.webhooks import Attempt, Delivery, DeliveryStatus, Endpoint, EndpointStatus

BATCH = 500
TOLERANCE = timedelta(seconds=30)
"""Clocks of several machines are never quite the same."""


def prune_attempts(now: datetime) -> int:
    """Delete up to BATCH attempts that are older than KEEP_ATTEMPTS_DAYS, oldest first; how many went."""
    cutoff = now - timedelta(days=conf.settings().webhooks.keep_attempts_days)
    oldest = Attempt.objects.order_by("pk").values_list("pk", "created_at")[:BATCH]
    old = [pk for pk, created_at in oldest if created_at < cutoff]
    if old:
        Attempt.objects.filter(pk__in=old).delete()
    return len(old)


def bring_forward(now: datetime) -> int:
    """Deliveries that were scheduled in the future: the clock was put back since. Their wait begins now; how many there were.

    A claim of that time ends with its wait, too, and so does the rest of an endpoint whose breaker is open.
    """
    resting = Endpoint.objects.filter(status=EndpointStatus.OPEN)
    resting.filter(open_until__gt=now + breaker.OPEN_FOR + TOLERANCE).update(
        open_until=now + breaker.OPEN_FOR
    )
    scheduled = Delivery.objects.filter(status=DeliveryStatus.PENDING, scheduled_at__gt=now + TOLERANCE)
    rows = scheduled.order_by("pk").select_for_update(skip_locked=True, no_key=True)
    with transaction.atomic():
        found = list(rows.only("next_attempt_at", "claimed_until", "scheduled_at")[:BATCH])
        for row in found:
            ahead = row.scheduled_at - now
            row.next_attempt_at = row.next_attempt_at and row.next_attempt_at - ahead
            row.claimed_until = row.claimed_until and row.claimed_until - ahead
            row.scheduled_at = now
        Delivery.objects.bulk_update(found, ["next_attempt_at", "claimed_until", "scheduled_at"])
    return len(found)

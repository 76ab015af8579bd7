"""Sending again on request: the same event, under the same webhook id, with a fresh schedule."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from autofix.delivery import outbox
from autofix.models.webhooks import Delivery, DeliveryStatus, Endpoint, WebhookEvent
from autofix.wakeups import DELIVER, wake


def replay(delivery: Delivery) -> None:
    """Send this delivery again now, whatever became of it."""
    with transaction.atomic():
        _again(Delivery.objects.filter(pk=delivery.pk))


def recover(endpoint: Endpoint, since: datetime) -> int:
    """Send everything since then that the endpoint wants and has not got; how many deliveries that makes.

    Events that were recorded while the endpoint was disabled, or before it asked for them, get their delivery now.
    """
    with transaction.atomic():
        events = WebhookEvent.objects.filter(organization_id=endpoint.organization_id, created_at__gte=since)
        known = events.exclude(type=outbox.PING).exclude(deliveries__endpoint=endpoint)
        missing = [
            Delivery(event_id=pk, endpoint=endpoint, next_attempt_at=timezone.now())
            for pk, event_type in known.order_by("pk").values_list("pk", "type")
            if outbox.wants(endpoint, event_type)
        ]
        Delivery.objects.bulk_create(missing, ignore_conflicts=True, batch_size=500)
        undelivered = endpoint.deliveries.exclude(status=DeliveryStatus.DELIVERED)
        return _again(undelivered.filter(event__created_at__gte=since))


def _again(deliveries: QuerySet[Delivery]) -> int:
    wake(DELIVER)
    return deliveries.update(
        status=DeliveryStatus.PENDING,
        attempts=0,
        next_attempt_at=timezone.now(),
        delivered_at=None,
        last_error="",
    )

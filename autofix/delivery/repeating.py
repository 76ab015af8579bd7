"""Sending again on request: the same event, under the same webhook id, with a fresh schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from autofix.delivery import lanes, outbox
from autofix.models.runs import Run
from autofix.models.webhooks import Delivery, DeliveryStatus, Endpoint, WebhookEvent
from autofix.wakeups import DELIVER, wake

CHUNK = 500
"""Events of one transaction: short enough that nobody waits for it, and nothing grows with how many there are."""


def replay(delivery: Delivery) -> None:
    """Send this delivery again now, whatever became of it; one that is being sent at this moment is left alone."""
    with transaction.atomic():
        _lock_runs({delivery.run_id})
        _again(Delivery.objects.filter(pk=delivery.pk))
    wake(DELIVER)


def recover(endpoint: Endpoint, since: datetime) -> int:
    """Send everything since then that the endpoint wants and has not got; how many deliveries that makes.

    Events that were recorded while the endpoint was disabled, or before it asked for them, get their delivery now. Works
    in chunks: one that dies half-way has recovered the older half, and asking again does the rest.
    """
    recovered = 0
    for chunk in _chunks(endpoint.organization_id, since):
        with transaction.atomic():
            _lock_runs({event.run_id for event in chunk})
            _add_missing(endpoint, chunk)
            undelivered = endpoint.deliveries.exclude(status=DeliveryStatus.DELIVERED)
            recovered += _again(undelivered.filter(event__in=[event.pk for event in chunk]))
        wake(DELIVER)
    return recovered


def _chunks(organization_id: str, since: datetime) -> Iterator[list[WebhookEvent]]:
    events = WebhookEvent.objects.filter(organization_id=organization_id, created_at__gte=since)
    wanted = events.only("id", "type", "run_id", "sequence").order_by("pk")
    last = 0
    while chunk := list(wanted.filter(pk__gt=last)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _lock_runs(ids: set[int | None]) -> None:
    """As for recording events: deliveries enter the lanes of these runs."""
    runs = (
        Run.objects.filter(pk__in=[pk for pk in ids if pk is not None])
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    list(runs.select_for_update(no_key=True))


def _add_missing(endpoint: Endpoint, events: list[WebhookEvent]) -> None:
    # Pings and the like were for one endpoint; who has a delivery of it already is left out by the database.
    missing = [
        Delivery(
            event=event,
            endpoint=endpoint,
            run_id=event.run_id,
            sequence=event.sequence,
            status=DeliveryStatus.DEAD,
        )
        for event in events
        if event.type != outbox.PING and outbox.wants(endpoint, event.type)
    ]
    Delivery.objects.bulk_create(missing, ignore_conflicts=True)


def _again(deliveries: QuerySet[Delivery]) -> int:
    """Make them pending and due; how many that makes with those that are being sent at this moment."""
    now = timezone.now()
    rows = deliveries.select_related("endpoint").order_by("pk")
    found = list(rows.select_for_update(no_key=True, of=("self",)))
    idle = [row for row in found if row.status != DeliveryStatus.PENDING or not lanes.is_claimed(row, now)]
    laned = [row for row in idle if row.endpoint.ordered and row.run_id is not None]
    fresh = {"status": DeliveryStatus.PENDING, "attempts": 0, "delivered_at": None, "last_error": ""}
    Delivery.objects.filter(pk__in=[row.pk for row in idle]).update(
        **fresh, next_attempt_at=now, scheduled_at=now, claimed_until=None
    )
    Delivery.objects.filter(pk__in=[row.pk for row in laned]).update(next_attempt_at=None)
    lanes.enter(laned, now)
    return len(found)

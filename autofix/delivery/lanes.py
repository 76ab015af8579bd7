"""The order of one run's events at one endpoint: a lane. Of its pending deliveries one may be sent, the others wait behind it.

Who waits has no ``next_attempt_at``. Deliveries enter a lane with their run locked and leave it with their own row locked,
so that none is left waiting behind nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Q

from autofix.delivery import statements
from autofix.delivery.claims import Claimed
from autofix.models.runs import Run
from autofix.models.webhooks import Delivery, DeliveryStatus, Endpoint


def occupied(endpoints: Iterable[Endpoint], run: Run) -> set[int]:
    """The endpoints at which an event of this (locked) run is still pending. Until the transaction ends none of those ends."""
    ordered = [endpoint.pk for endpoint in endpoints if endpoint.ordered]
    if not ordered:
        return set()
    before = Delivery.objects.filter(endpoint__in=ordered, run=run, status=DeliveryStatus.PENDING)
    return set(before.order_by("pk").select_for_update(no_key=True).values_list("endpoint_id", flat=True))


def release(ended: Collection[Delivery | Claimed], now: datetime) -> None:
    """Let the next one go in the lanes of deliveries that have just ended."""
    laned = [delivery.pk for delivery in ended if delivery.run_id is not None]
    if laned:
        moment = statements.moment(now)
        statements.change(statements.RELEASE.format(ids=statements.ids(laned)), [moment, moment])


def release_all(endpoint: Endpoint, now: datetime) -> None:
    """Let everything go: the endpoint does not want its events in order any more."""
    waiting = endpoint.deliveries.filter(status=DeliveryStatus.PENDING, next_attempt_at=None)
    waiting.update(next_attempt_at=now, scheduled_at=now)


def enter(deliveries: Collection[Delivery], now: datetime) -> None:
    """Line up deliveries that have become pending again: in each lane the earliest goes first, now.

    The caller has locked their runs, and their ``next_attempt_at`` is None. One that is being sent at this moment is
    waited for.
    """
    lanes = {(delivery.endpoint_id, delivery.run_id) for delivery in deliveries}
    runs = {run for _, run in lanes}
    going = Delivery.objects.filter(
        endpoint__in={endpoint for endpoint, _ in lanes},
        run__in=runs,
        status=DeliveryStatus.PENDING,
        next_attempt_at__isnull=False,
    )
    locked = list(going.order_by("pk").select_for_update(no_key=True))
    sending = {(row.endpoint_id, row.run_id) for row in locked if is_claimed(row, now)}
    back = [row.pk for row in locked if not is_claimed(row, now)]
    Delivery.objects.filter(pk__in=back).update(next_attempt_at=None)
    release([row for row in deliveries if (row.endpoint_id, row.run_id) not in sending], now)


def is_claimed(delivery: Delivery, now: datetime) -> bool:
    """Whether a relay is at it."""
    return delivery.claimed_until is not None and delivery.claimed_until > now


def unclaimed(now: datetime) -> Q:
    """The same as a condition, the other way round."""
    return Q(claimed_until=None) | Q(claimed_until__lte=now)

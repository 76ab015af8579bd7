"""Claiming what is due: fair between endpoints, never too much at once at one of them, at a cost that no backlog raises.

One relay claims at a time, in a transaction of milliseconds. It walks from endpoint to endpoint through the index of due
deliveries, going on where it stopped the last time, and takes a share from each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Count, F, Min
from django.utils import timezone

from autofix.models.webhooks import Delivery, DeliveryStatus, Endpoint, EndpointStatus

PER_ENDPOINT = 4
PER_ORGANIZATION = 16
CLAIM_S = 60
"""How long a claim holds: four times as long as a whole attempt may take."""
MOST_ENDPOINTS = 1_000
"""How many endpoints are looked at for how late the relay is."""
CLAIMING = 0x6175746F666978
"""Names the lock under which one relay at a time claims."""
FROZEN_MS = 10_000
"""A relay that stops in the middle of claiming, with the lock in its hands, loses its connection after this time."""

# Each step is one look into an index, whatever lies between: the next endpoint with something pending, then whether its
# first delivery is due. Text, because the ORM has no recursive queries.
WALK = """
WITH RECURSIVE walk (endpoint_id) AS (
    SELECT min(endpoint_id) FROM autofix_delivery WHERE status = 'pending' AND endpoint_id > %(after)s
    UNION ALL
    SELECT (SELECT min(d.endpoint_id) FROM autofix_delivery d
            WHERE d.status = 'pending' AND d.endpoint_id > walk.endpoint_id)
    FROM walk WHERE walk.endpoint_id IS NOT NULL
)
SELECT endpoint_id FROM walk
WHERE (SELECT min(d.next_attempt_at) FROM autofix_delivery d
       WHERE d.status = 'pending' AND d.endpoint_id = walk.endpoint_id) <= %(now)s
  AND (SELECT e.status = 'active' OR (e.status = 'open' AND e.open_until <= %(now)s)
       FROM autofix_endpoint e WHERE e.id = walk.endpoint_id)
LIMIT %(limit)s
"""
LOCK = """
SELECT set_config('idle_in_transaction_session_timeout', %s::text, true), pg_advisory_xact_lock(%s)
"""
FIRST_DUE = """SELECT id FROM (
    SELECT id FROM autofix_delivery
    WHERE endpoint_id = %s AND status = 'pending' AND next_attempt_at <= %s ORDER BY next_attempt_at, id LIMIT %s
) AS first_due"""


class Waiting(NamedTuple):
    """An endpoint that something is due for."""

    pk: int
    organization_id: str
    status: str


@dataclass
class Claims:
    """One relay's way round the endpoints."""

    last: int = 0
    """The endpoint that was served last."""
    more: bool = False
    """Whether the last look found as much as was wanted."""

    def take(self, limit: int) -> list[Delivery]:
        """Claim up to ``limit`` due deliveries, committed on return: until the claim runs out they are this caller's."""
        now = timezone.now()
        if limit < 1 or not (self.more or is_due(now)):  # looking first costs no lock
            return []
        with transaction.atomic(durable=True):
            _one_at_a_time()
            claimed = self._take(limit, now)
        self.more = len(claimed) == limit
        return claimed

    def _take(self, limit: int, now: datetime) -> list[Delivery]:
        by_endpoint, by_organization = _in_flight(now)
        enough = limit + len(by_endpoint)
        turn = _waiting(_walk(self.last, now, enough))
        given = shares(turn, by_endpoint, by_organization, limit)
        if sum(given.values()) < limit and self.last:  # once round
            turn += [one for one in _waiting(_walk(0, now, enough)) if one.pk <= self.last]
            given = shares(turn, by_endpoint, by_organization, limit)
        if not given:
            return []
        self.last = list(given)[-1]
        return _claim(_first_due(given, now), now)


def is_due(now: datetime) -> bool:
    """Whether a relay would find something to do."""
    return bool(_walk(0, now, 1))


def oldest_due(now: datetime) -> datetime | None:
    """Since when something has been due that could be sent; None when there is nothing."""
    firsts = (
        Delivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.PENDING).aggregate(
            first=Min("next_attempt_at")
        )["first"]
        for endpoint in _walk(0, now, MOST_ENDPOINTS)
    )
    return min((first for first in firsts if first is not None), default=None)


def shares(
    turn: Iterable[Waiting], by_endpoint: Mapping[int, int], by_organization: Mapping[str, int], limit: int
) -> dict[int, int]:
    """How many deliveries each endpoint may send now: one each, in turn, until ``limit`` or every one's own limit is reached.

    ``by_endpoint`` and ``by_organization`` say what is in flight already. An endpoint whose breaker is open gets a probe.
    """
    given: Counter[int] = Counter()
    organizations = Counter(by_organization)
    waiting = list(turn)
    while waiting and limit:
        still = []
        for endpoint in waiting:
            most = PER_ENDPOINT if endpoint.status == EndpointStatus.ACTIVE else 1
            busy = by_endpoint.get(endpoint.pk, 0) + given[endpoint.pk]
            if not limit or busy >= most or organizations[endpoint.organization_id] >= PER_ORGANIZATION:
                continue
            given[endpoint.pk] += 1
            organizations[endpoint.organization_id] += 1
            limit -= 1
            still.append(endpoint)
        waiting = still
    return dict(+given)


def _walk(after: int, now: datetime, limit: int) -> list[int]:
    """Up to ``limit`` endpoints beyond ``after`` that something is due for, in order."""
    with connection.cursor() as cursor:
        cursor.execute(WALK, {"after": after, "now": _sql(now), "limit": limit})
        return [pk for (pk,) in cursor.fetchall()]


def _waiting(ids: Sequence[int]) -> list[Waiting]:
    rows = Endpoint.objects.filter(pk__in=ids).order_by("pk")
    return [Waiting(*row) for row in rows.values_list("pk", "organization_id", "status")]


def _claim(ids: Sequence[int], now: datetime) -> list[Delivery]:
    due = Delivery.objects.filter(pk__in=ids, status=DeliveryStatus.PENDING, next_attempt_at__lte=now)
    # Databases without SKIP LOCKED (SQLite) ignore it: there the transaction itself is exclusive.
    rows = due.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related(
        "event", "endpoint"
    )
    claimed = list(rows.order_by("next_attempt_at", "pk"))
    until = now + timedelta(seconds=CLAIM_S)
    for delivery in claimed:
        delivery.fence += 1
        delivery.claimed_until = until
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in claimed]).update(
        fence=F("fence") + 1, claimed_until=until, next_attempt_at=until, scheduled_at=now
    )
    return claimed


def _in_flight(now: datetime) -> tuple[Counter[int], Counter[str]]:
    by_endpoint: Counter[int] = Counter()
    by_organization: Counter[str] = Counter()
    rows = Delivery.objects.filter(claimed_until__gt=now).values_list(
        "endpoint_id", "endpoint__organization_id"
    )
    for endpoint, organization, count in rows.annotate(count=Count("pk")).order_by():
        by_endpoint[endpoint] += count
        by_organization[organization] += count
    return by_endpoint, by_organization


def _first_due(given: Mapping[int, int], now: datetime) -> list[int]:
    parameters = [value for endpoint, count in given.items() for value in (endpoint, _sql(now), count)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([FIRST_DUE] * len(given)), parameters)
        return [pk for (pk,) in cursor.fetchall()]


def _sql(moment: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(moment))


def _one_at_a_time() -> None:
    """Wait until no other relay is claiming. SQLite's transactions are one at a time anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [FROZEN_MS, CLAIMING])

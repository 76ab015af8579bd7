"""Claiming what is due: fair between endpoints, never too much at once at one of them, at a cost that no backlog raises.

One relay claims at a time, in a transaction of milliseconds. It walks from endpoint to endpoint through the index of due
deliveries, going on where it stopped the last time, and takes a share from each.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Min
from django.utils import timezone

from autofix.models.webhooks import Delivery, DeliveryStatus, Endpoint, EndpointStatus

PER_ENDPOINT = 4
PER_ORGANIZATION = 16
NO_LIMIT = 1_000_000
CLAIM_S = 60
"""How long a claim holds: four times as long as a whole attempt may take."""
MOST_ENDPOINTS = 1_000
"""How many endpoints are looked at for how late the relay is."""
CLAIMING = 0x6175746F666978
"""Names the lock under which one relay at a time claims."""
FROZEN_MS = 10_000
"""A relay that stops in the middle of claiming, with the lock in its hands, loses its connection after this time."""

# Each step is one look into an index, whatever lies between: the next endpoint with something pending, then whether its
# first delivery is due and one more may be in flight. Who may not have more costs a relay that looks around nothing else.
# Text, because the ORM has no recursive queries.
WALK = """
WITH RECURSIVE walk (endpoint_id) AS (
    SELECT min(endpoint_id) FROM autofix_delivery WHERE status = 'pending' AND endpoint_id > %(after)s
    UNION ALL
    SELECT (SELECT min(d.endpoint_id) FROM autofix_delivery d
            WHERE d.status = 'pending' AND d.endpoint_id > walk.endpoint_id)
    FROM walk WHERE walk.endpoint_id IS NOT NULL
), flying (endpoint_id, organization_id) AS (
    SELECT d.endpoint_id, e.organization_id FROM autofix_delivery d JOIN autofix_endpoint e ON e.id = d.endpoint_id
    WHERE d.claimed_until > %(now)s
)
SELECT endpoint_id FROM walk
WHERE (SELECT min(d.next_attempt_at) FROM autofix_delivery d
       WHERE d.status = 'pending' AND d.endpoint_id = walk.endpoint_id) <= %(now)s
  AND (SELECT e.status = 'active' OR (e.status = 'open' AND e.open_until <= %(now)s)
       FROM autofix_endpoint e WHERE e.id = walk.endpoint_id)
  AND walk.endpoint_id NOT IN (
      SELECT endpoint_id FROM flying GROUP BY endpoint_id HAVING count(*) >= %(per_endpoint)s)
  AND (SELECT e.organization_id FROM autofix_endpoint e WHERE e.id = walk.endpoint_id) NOT IN (
      SELECT organization_id FROM flying GROUP BY organization_id HAVING count(*) >= %(per_organization)s)
LIMIT %(limit)s
"""
LOCK = """
SELECT set_config('idle_in_transaction_session_timeout', %s::text, true), pg_advisory_xact_lock(%s)
"""
FIRST_DUE = """SELECT id FROM (
    SELECT id FROM autofix_delivery
    WHERE endpoint_id = %s AND status = 'pending' AND next_attempt_at <= %s ORDER BY next_attempt_at, id LIMIT %s
) AS first_due"""
# Text, because building three models of each row costs as much as sending it. Databases without SKIP LOCKED (SQLite) need
# none: there the transaction itself is exclusive.
DUE = """
SELECT d.id, d.endpoint_id, d.run_id, d.sequence, d.fence, d.attempts, v.id, v.public_id, v.body
FROM autofix_delivery d JOIN autofix_webhookevent v ON v.id = d.event_id
WHERE d.id IN ({first_due}) AND d.status = 'pending' AND d.next_attempt_at <= %s
ORDER BY d.next_attempt_at, d.id
"""
SKIP_LOCKED = "FOR NO KEY UPDATE OF d SKIP LOCKED"


@dataclass
class Claimed:
    """A delivery that is its relay's until the claim runs out, with what sending it takes. Names as in the models."""

    pk: int
    endpoint: Endpoint
    run_id: int | None
    sequence: int | None
    fence: int
    attempts: int
    event_id: int
    public_id: str
    body: dict[str, Any]

    @property
    def endpoint_id(self) -> int:
        return self.endpoint.pk


@dataclass
class Claims:
    """One relay's way round the endpoints."""

    last: int = 0
    """The endpoint that was served last."""
    more: bool = False
    """Whether the last look found as much as was wanted."""

    def take(self, limit: int) -> list[Claimed]:
        """Claim up to ``limit`` due deliveries, committed on return: until the claim runs out they are this caller's."""
        now = timezone.now()
        if limit < 1 or not (self.more or is_due(now)):  # looking first costs no lock
            return []
        with transaction.atomic(durable=True):
            _one_at_a_time()
            claimed = self._take(limit, now)
        self.more = len(claimed) == limit
        return claimed

    def _take(self, limit: int, now: datetime) -> list[Claimed]:
        by_endpoint, by_organization = _in_flight(now)
        enough = limit + len(by_endpoint)
        turn = _endpoints(_walk(self.last, now, enough))
        given = shares(turn, by_endpoint, by_organization, limit)
        if sum(given.values()) < limit and self.last:  # once round
            turn += [one for one in _endpoints(_walk(0, now, enough)) if one.pk <= self.last]
            given = shares(turn, by_endpoint, by_organization, limit)
        if not given:
            return []
        self.last = list(given)[-1]
        return _claim(given, {one.pk: one for one in turn}, now)


def is_due(now: datetime) -> bool:
    """Whether a relay would find something to do."""
    return bool(_walk(0, now, 1))


def oldest_due(now: datetime) -> datetime | None:
    """Since when something has been due that could be sent; None when there is nothing."""
    firsts = (
        Delivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.PENDING).aggregate(
            first=Min("next_attempt_at")
        )["first"]
        for endpoint in _walk(0, now, MOST_ENDPOINTS, busy_too=True)
    )
    return min((first for first in firsts if first is not None), default=None)


def shares(
    turn: Iterable[Endpoint], by_endpoint: Mapping[int, int], by_organization: Mapping[str, int], limit: int
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


def _walk(after: int, now: datetime, limit: int, *, busy_too: bool = False) -> list[int]:
    """Up to ``limit`` endpoints beyond ``after`` that something is due for, in order; those that may not get more left out."""
    parameters = walk_parameters(after, now, limit)
    if busy_too:
        parameters |= {"per_endpoint": NO_LIMIT, "per_organization": NO_LIMIT}
    with connection.cursor() as cursor:
        cursor.execute(WALK, parameters)
        return [pk for (pk,) in cursor.fetchall()]


def walk_parameters(after: int, now: datetime, limit: int) -> dict[str, Any]:
    """What WALK asks for."""
    limits = {"per_endpoint": PER_ENDPOINT, "per_organization": PER_ORGANIZATION}
    return limits | {"after": after, "now": _sql(now), "limit": limit}


def _endpoints(ids: Sequence[int]) -> list[Endpoint]:
    return list(Endpoint.objects.filter(pk__in=ids).order_by("pk")) if ids else []


def _claim(given: Mapping[int, int], endpoints: Mapping[int, Endpoint], now: datetime) -> list[Claimed]:
    until = now + timedelta(seconds=CLAIM_S)
    claimed = [
        Claimed(
            pk, endpoints[endpoint], run, sequence, fence + 1, attempts, event, public_id, json.loads(body)
        )
        for pk, endpoint, run, sequence, fence, attempts, event, public_id, body in _due(given, now)
    ]
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


def _due(given: Mapping[int, int], now: datetime) -> list[tuple[Any, ...]]:
    """So many rows of each endpoint, locked."""
    moment = _sql(now)
    query = DUE.format(first_due=" UNION ALL ".join([FIRST_DUE] * len(given)))
    parameters = [value for endpoint, count in given.items() for value in (endpoint, moment, count)]
    with connection.cursor() as cursor:
        lock = SKIP_LOCKED if connection.features.has_select_for_update_skip_locked else ""
        cursor.execute(query + lock, [*parameters, moment])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _sql(moment: datetime) -> str:
    return str(connection.ops.adapt_datetimefield_value(moment))


def _one_at_a_time() -> None:
    """Wait until no other relay is claiming. SQLite's transactions are one at a time anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [FROZEN_MS, CLAIMING])

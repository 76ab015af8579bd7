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
from django.db.models import Min
from django.utils import timezone

from autofix import rows
from autofix.delivery import statements
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
    return [pk for (pk,) in statements.fetch_by(statements.WALK, parameters)]


def walk_parameters(after: int, now: datetime, limit: int) -> dict[str, Any]:
    """What ``statements.WALK`` asks for."""
    limits = {"per_endpoint": PER_ENDPOINT, "per_organization": PER_ORGANIZATION}
    return limits | {"after": after, "now": statements.moment(now), "limit": limit}


def _endpoints(ids: Sequence[int]) -> list[Endpoint]:
    return rows.select(Endpoint, pk=tuple(ids)) if ids else []


def _claim(given: Mapping[int, int], endpoints: Mapping[int, Endpoint], now: datetime) -> list[Claimed]:
    until = now + timedelta(seconds=CLAIM_S)
    claimed = [
        Claimed(
            pk, endpoints[endpoint], run, sequence, fence + 1, attempts, event, public_id, json.loads(body)
        )
        for pk, endpoint, run, sequence, fence, attempts, event, public_id, body in _due(given, now)
    ]
    ids = statements.ids(delivery.pk for delivery in claimed)
    if ids:
        moments = [statements.moment(until), statements.moment(until), statements.moment(now)]
        statements.change(statements.CLAIM.format(ids=ids), moments)
    return claimed


def _in_flight(now: datetime) -> tuple[Counter[int], Counter[str]]:
    by_endpoint: Counter[int] = Counter()
    by_organization: Counter[str] = Counter()
    for endpoint, organization, count in statements.fetch_by(
        statements.IN_FLIGHT, {"now": statements.moment(now)}
    ):
        by_endpoint[endpoint] += count
        by_organization[organization] += count
    return by_endpoint, by_organization


def _due(given: Mapping[int, int], now: datetime) -> list[tuple[Any, ...]]:
    """So many rows of each endpoint, locked."""
    firsts = [
        f"SELECT id FROM ({statements.FIRST_DUE.format(endpoint=endpoint, count=count)}) AS first_due"  # noqa: S608 - numbers
        for endpoint, count in given.items()
    ]
    text = statements.DUE.format(first_due=" UNION ALL ".join(firsts), lock=statements.lock(skip=True))
    return statements.fetch(text, [statements.moment(now)] * (len(firsts) + 1))


def _one_at_a_time() -> None:
    """Wait until no other relay is claiming. SQLite's transactions are one at a time anyway."""
    if connection.vendor == "postgresql":
        statements.fetch_by(statements.LOCK, {"frozen_ms": FROZEN_MS, "claiming": CLAIMING})

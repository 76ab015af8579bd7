"""Endpoints and due deliveries in numbers. Imported once Django is set up."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from django.db import connection
from django.utils import timezone

from autofix import secrets, wakeups
from autofix.delivery import bodies, relay
from autofix.models.webhooks import Delivery, Endpoint, EndpointStatus, WebhookEvent
from benchmarks.measuring import cpu_s
from demo.stack import CHECKOUT
from demo.waiting import wait_for

TYPE = "autofix.pr_created"
TEXT = "y" * 1_780
"""Makes a body of 2 KB."""
EVENTS = """
INSERT INTO autofix_webhookevent (public_id, organization_id, key, type, body, created_at)
SELECT made.id, e.organization_id, 'load:' || e.id || ':' || made.id, %(type)s,
       jsonb_set(%(body)s::jsonb, '{id}', to_jsonb(made.id)), now()
FROM generate_series(1, %(count)s) AS n
CROSS JOIN LATERAL (SELECT 'evt_' || replace(gen_random_uuid()::text || left(n::text, 0), '-', '') AS id) AS made
JOIN autofix_endpoint e ON e.id = (%(endpoints)s)[1 + n %% cardinality(%(endpoints)s)]
"""
DELIVERIES = """
INSERT INTO autofix_delivery (event_id, endpoint_id, status, attempts, fence, last_error,
                              next_attempt_at, scheduled_at, created_at)
SELECT v.id, split_part(v.key, ':', 2)::bigint, 'pending', 0, 0, '', now(), now(), now()
FROM autofix_webhookevent v LEFT JOIN autofix_delivery d ON d.event_id = v.id
WHERE d.id IS NULL AND v.key LIKE 'load:%'
"""


def make_endpoints(url: str, count: int, organizations: int) -> list[Endpoint]:
    """Endpoints below this URL, spread over so many organizations."""
    return [
        Endpoint.objects.create(
            organization_id=f"org{number % organizations}",
            url=f"{url}/hook/{number}",
            secret=secrets.encrypt(secrets.new_webhook_secret()),
        )
        for number in range(count)
    ]


def make_due(endpoints: Sequence[Endpoint], count: int) -> None:
    """So many deliveries of 2 KB, due now, spread evenly; the planner's statistics are as autovacuum would leave them."""
    ids = [endpoint.pk for endpoint in endpoints]
    body = json.dumps(_event("").body)
    with connection.cursor() as cursor:
        cursor.execute(EVENTS, {"endpoints": ids, "count": count, "body": body, "type": TYPE})
        cursor.execute(DELIVERIES)
        cursor.execute("VACUUM ANALYZE")


def make_one_due(endpoint: Endpoint) -> None:
    """One more."""
    _make_chunk([endpoint])


def clear() -> None:
    """No endpoint, no event."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE autofix_endpoint, autofix_webhookevent CASCADE")


def _make_chunk(endpoints: Sequence[Endpoint]) -> None:
    now = timezone.now()
    events = WebhookEvent.objects.bulk_create(_event(endpoint.organization_id) for endpoint in endpoints)
    Delivery.objects.bulk_create(
        Delivery(event=event, endpoint=endpoint, next_attempt_at=now)
        for event, endpoint in zip(events, endpoints, strict=True)
    )


def _event(organization_id: str) -> WebhookEvent:
    public_id = f"evt_{uuid.uuid4().hex}"
    body = bodies.standard(
        public_id,
        TYPE,
        timezone.now(),
        organization_id=organization_id,
        run=None,
        sequence=None,
        data={"text": TEXT},
    )
    return WebhookEvent(
        public_id=public_id, organization_id=organization_id, key=public_id, type=TYPE, body=body
    )


def seconds_to_deliver() -> float:
    """How long one relay takes for everything that is due."""
    with patch.object(wakeups, "_publish"), patch.object(relay, "SHIFT_S", 3_600):
        began = time.perf_counter()
        relay.deliver_due()
        return time.perf_counter() - began


@dataclass
class Relays:
    """Relay processes that wait to be woken."""

    started: list[subprocess.Popen[str]]

    def __post_init__(self) -> None:
        self._turn = itertools.cycle(self.started)

    def wake(self) -> None:
        """Wake one of them, each in its turn."""
        stdin = next(self._turn).stdin
        if stdin is not None:
            stdin.write("\n")

    def cpu_s(self) -> float:
        """The processor time that they have used."""
        return sum(cpu_s(process.pid) for process in self.started)


@contextmanager
def relays(count: int) -> Iterator[Relays]:
    """So many relay processes while the block lasts, each in a session of its own."""
    command = [sys.executable, "-m", "benchmarks.webhook_relay"]
    made = Relays(
        [
            subprocess.Popen(
                command, cwd=CHECKOUT, stdin=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
            )
            for _ in range(count)
        ]
    )
    try:
        yield made
    finally:
        for process in made.started:
            process.kill()
            process.communicate()


@contextmanager
def held_back() -> Iterator[None]:
    """No endpoint gets anything before the block has ended."""
    Endpoint.objects.update(status=EndpointStatus.DISABLED)
    yield
    Endpoint.objects.update(status=EndpointStatus.ACTIVE)


def wait_until_delivered(beyond: str = "/hang") -> None:
    """Until nothing is pending, except at the endpoint that hangs."""
    pending = Delivery.objects.filter(status="pending").exclude(endpoint__url__endswith=beyond)
    wait_for(lambda: not pending.exists(), "everything is delivered", timeout_s=300)

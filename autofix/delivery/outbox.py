"""The outbox: an event and its deliveries are written in the transaction in which the thing happened."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Hashable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from autofix import conf, rows
from autofix.asking import knows, tell
from autofix.delivery import bodies, lanes
from autofix.models.runs import Run
from autofix.models.webhooks import Delivery, Endpoint, EndpointFormat, EndpointStatus, WebhookEvent
from autofix.wakeups import DELIVER, wake

PING = "autofix.ping"
ENDPOINT_DISABLED = "autofix.endpoint_disabled"
EVERYTHING = "*"
ENABLED = (EndpointStatus.ACTIVE, EndpointStatus.OPEN)


def questions(organization_id: str) -> list[rows.Statement[Any]]:
    """What storing an event asks, unless it is known, to be asked ahead."""
    if knows(_nobody(organization_id)):
        return []
    return [rows.selecting(Endpoint, organization_id=organization_id, status=ENABLED)]


def store(
    type: str,  # noqa: A002 - the format's own word
    *,
    key: str,
    organization_id: str,
    data: dict[str, Any],
    run: Run | None = None,
    only: Endpoint | None = None,
) -> WebhookEvent:
    """Write the event once per (organization, key), with a delivery for each endpoint that wants it.

    With ``run`` (locked by the caller, who stores it afterwards) it takes the run's next sequence. ``only`` sends it to that
    endpoint, whatever its filter. The number of queries does not depend on the number of endpoints.
    """
    with rows.together():
        columns, _ = _event(type, key, organization_id, data, run)
        event = WebhookEvent(**columns)
        if not rows.insert(event, unless_known_by=("organization_id", "key")):
            return WebhookEvent.objects.get(organization_id=organization_id, key=key)
        _is_stored(event, [only] if only is not None else _takers(organization_id, type), run)
    return event


def store_new(
    type: str,  # noqa: A002 - the format's own word
    *,
    key: str,
    organization_id: str,
    data: dict[str, Any],
    run: Run,
) -> None:
    """The same where the run's lock says that there is none with this key; IntegrityError, now or later, if there is."""
    with rows.together():
        columns, body = _event(type, key, organization_id, data, run)
        takers = _takers(organization_id, type)
        if not takers:
            rows.add_later(WebhookEvent, **{**columns, "body": rows.Json(body)})
            run.event_sequence += 1
            return
        event = WebhookEvent(**columns)
        rows.insert(event)
        _is_stored(event, takers, run)


def _is_stored(event: WebhookEvent, takers: list[Endpoint], run: Run | None) -> None:
    if run is not None:
        run.event_sequence += 1
    _fan_out(event, takers, run)


def ping(endpoint: Endpoint) -> WebhookEvent:
    """Write a test event for this endpoint alone."""
    key = f"ping:{uuid.uuid4()}"
    data = {"endpoint_id": endpoint.pk}
    return store(PING, key=key, organization_id=endpoint.organization_id, data=data, only=endpoint)


def _event(
    event_type: str, key: str, organization_id: str, data: dict[str, Any], run: Run | None
) -> tuple[dict[str, Any], str]:
    """The columns of its row, and the body among them as JSON."""
    public_id = f"evt_{secrets.token_hex(16)}"
    sequence = run.event_sequence + 1 if run is not None else None
    now = timezone.now()
    body, text = bodies.standard(
        public_id, event_type, now, organization_id=organization_id, run=run, sequence=sequence, data=data
    )
    columns = {
        "public_id": public_id,
        "organization_id": organization_id,
        "key": key,
        "type": event_type,
        "run_id": run.pk if run is not None else None,
        "sequence": sequence,
        "body": body,
        "created_at": now,
    }
    return columns, text


def _takers(organization_id: str, event_type: str) -> list[Endpoint]:
    return [endpoint for endpoint in listeners(organization_id) if wants(endpoint, event_type)]


def listeners(organization_id: str) -> list[Endpoint]:
    """The organization's endpoints that take events; a worker that goes on remembers when there are none."""
    # Who was there a moment ago may be gone, and would be written to; that nobody was there may be remembered.
    if knows(_nobody(organization_id)):
        return []
    enabled = rows.select(Endpoint, organization_id=organization_id, status=ENABLED)
    if not enabled:
        tell(_nobody(organization_id), None)
    return enabled


def _nobody(organization_id: str) -> Hashable:
    return "no endpoint", organization_id


def wants(endpoint: Endpoint, event_type: str) -> bool:
    """Whether the endpoint's filter and its format have this type."""
    if endpoint.format == EndpointFormat.SENTRY and event_type not in bodies.SENTRY_TYPES:
        return False
    return EVERYTHING in endpoint.events or event_type in endpoint.events


def _fan_out(event: WebhookEvent, endpoints: Collection[Endpoint], run: Run | None) -> None:
    first_wait = conf.settings().webhooks.schedule[0]
    now = timezone.now()
    due = now + timedelta(seconds=first_wait)
    behind = lanes.occupied(endpoints, run) if run is not None else set()
    deliveries = [
        Delivery(
            event=event,
            endpoint=endpoint,
            run=run,
            sequence=event.sequence,
            next_attempt_at=None if endpoint.pk in behind else due,
            scheduled_at=now,
        )
        for endpoint in endpoints
    ]
    if deliveries:
        Delivery.objects.bulk_create(deliveries)
        wake(DELIVER, countdown=first_wait)

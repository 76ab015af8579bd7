"""The catalogue of webhook events, and ``record``, which writes one into the outbox in the caller's transaction."""

from __future__ import annotations

from typing import Any, Literal

from autofix.delivery import outbox
from autofix.models.runs import Run
from autofix.models.webhooks import Endpoint, WebhookEvent
from autofix.redaction import redact_data
from autofix.steps import STEPS, Step

Outcome = Literal["started", "completed", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("started", "completed", "failed")

PR_CREATED = "autofix.pr_created"
PR_FAILED = "autofix.pr_failed"
RUN_COMPLETED = "autofix.run_completed"
RUN_FAILED = "autofix.run_failed"
RUN_CANCELLED = "autofix.run_cancelled"


def event_type(step: Step, outcome: Outcome) -> str:
    """The type that announces this outcome of this step."""
    return f"autofix.{STEPS[step].event_name}_{outcome}"


EVENT_TYPES: tuple[str, ...] = (
    *(event_type(step, outcome) for step in STEPS for outcome in OUTCOMES),
    PR_CREATED,
    PR_FAILED,
    RUN_COMPLETED,
    RUN_FAILED,
    RUN_CANCELLED,
    outbox.ENDPOINT_DISABLED,
    outbox.PING,
)
"""Everything that an endpoint can ask for."""


def record(
    type: str,  # noqa: A002 - the format's own word
    *,
    key: str,
    organization_id: str,
    data: dict[str, Any],
    run: Run | None = None,
) -> WebhookEvent:
    """Record that something happened, with one delivery for every endpoint that wants it.

    Belongs into the transaction in which it happened, with ``run`` locked: the event takes the run's next sequence, and
    the caller stores the run afterwards.
    ``key`` names the happening within the organization; the same one again changes nothing and returns the first.
    Secrets in ``data`` are blanked. Raises ValueError for a type that is not in the catalogue.
    """
    _refuse_unknown(type)
    return outbox.store(type, key=key, organization_id=organization_id, data=redact_data(data), run=run)


def record_new(
    type: str,  # noqa: A002 - the format's own word
    *,
    key: str,
    organization_id: str,
    data: dict[str, Any],
    run: Run,
) -> None:
    """The same where the run's lock says that it cannot have happened before, so that nobody has to look; then it is an error."""
    _refuse_unknown(type)
    outbox.store_new(type, key=key, organization_id=organization_id, data=redact_data(data), run=run)


def _refuse_unknown(event_type: str) -> None:
    if event_type not in EVENT_TYPES:
        raise ValueError(f"{event_type!r} is not a webhook event; EVENT_TYPES lists them")


def ping(endpoint: Endpoint) -> WebhookEvent:
    """Record one ``autofix.ping`` for this endpoint alone, whatever it asked for."""
    return outbox.ping(endpoint)

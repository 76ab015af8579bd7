"""Delivers what is due: claim in a short transaction, send outside of any, record under the claim's fence.

A relay that dies between sending and recording leaves a claim that runs out; the delivery is then sent again with the same
webhook id. Hence at least once.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from autofix import conf
from autofix.delivery import endpoint_health, transport
from autofix.delivery.composing import compose
from autofix.delivery.schedule import Answer, Outcome, Verdict, judge
from autofix.exceptions import Misconfigured
from autofix.failpoints import failpoint
from autofix.models.webhooks import Attempt, Delivery, DeliveryStatus, EndpointStatus
from autofix.wakeups import DELIVER, wake

logger = logging.getLogger(__name__)

BATCH = 16
CLAIM_S = 60
"""How long a claim holds: a whole attempt takes 15 s at most, and a batch is sent at once."""
WAKE_WITHIN_S = 300
"""A longer wait is left to the sweeper: brokers do not keep far wake-ups well."""


def deliver_due(limit: int = 500) -> int:
    """Attempt what is due, at most ``limit`` deliveries; how many attempts were made. Never inside a transaction."""
    attempted = 0
    while attempted < limit:
        claimed = claim(min(BATCH, limit - attempted))
        if not claimed:
            return attempted
        failpoint("delivery.claimed")
        for delivery, answer in _send(claimed):
            failpoint("delivery.sent")
            record(delivery, answer)
            failpoint("delivery.recorded")
        attempted += len(claimed)
    wake(DELIVER)
    return attempted


def is_due(now: datetime) -> bool:
    """Whether a relay would find something to do."""
    return due(now).exists()


def due(now: datetime) -> QuerySet[Delivery]:
    """Deliveries whose time has come and that nobody is at.

    Of one run's events an endpoint gets the next only when the one before has been delivered or is dead.
    """
    earlier = Delivery.objects.filter(
        endpoint=OuterRef("endpoint"),
        status=DeliveryStatus.PENDING,
        event__run=OuterRef("event__run"),
        event__sequence__lt=OuterRef("event__sequence"),
    )
    return (
        Delivery.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
        .filter(status=DeliveryStatus.PENDING, next_attempt_at__lte=now)
        .exclude(endpoint__status=EndpointStatus.DISABLED)
        .filter(~Exists(earlier))
    )


def claim(limit: int) -> list[Delivery]:
    """Take up to ``limit`` due deliveries, committed on return: until the claim runs out they are this caller's alone."""
    now = timezone.now()
    if not is_due(now):  # reading costs no write lock on SQLite
        return []
    with transaction.atomic(durable=True):
        # Databases without SKIP LOCKED (SQLite) ignore it: there the transaction itself is exclusive.
        rows = due(now).select_for_update(skip_locked=True, of=("self",)).select_related("endpoint", "event")
        claimed = list(rows.order_by("next_attempt_at", "id")[:limit])
        until = now + timedelta(seconds=CLAIM_S)
        for delivery in claimed:
            delivery.fence += 1
            delivery.claimed_until = until
        Delivery.objects.bulk_update(claimed, ["fence", "claimed_until"])
    return claimed


def record(delivery: Delivery, answer: Answer) -> None:
    """Write down the attempt and what becomes of the delivery, unless the claim has passed to another relay."""
    now = timezone.now()
    tried = delivery.attempts + 1
    # Chance spreads the load; nothing secret hangs on it.
    chance = random.random()  # noqa: S311 - not cryptography
    verdict = judge(answer, tried=tried, waits=conf.settings().webhooks.schedule, chance=chance, now=now)
    with transaction.atomic():
        held = Delivery.objects.filter(pk=delivery.pk, fence=delivery.fence, status=DeliveryStatus.PENDING)
        due_again = now + timedelta(seconds=verdict.wait_s)
        if not held.update(
            status=_status(verdict),
            attempts=F("attempts") + 1,
            claimed_until=None,
            next_attempt_at=due_again if verdict.outcome is Outcome.RETRY else None,
            delivered_at=now if verdict.outcome is Outcome.DELIVERED else None,
            last_error=answer.error,
        ):
            logger.warning("attempt not recorded: the claim was lost", extra={"delivery": delivery.pk})
            return
        Attempt.objects.create(
            delivery=delivery,
            number=delivery.fence,
            response_status=answer.status,
            latency_ms=answer.latency_ms,
            response_excerpt=answer.excerpt,
            error=answer.error,
        )
        endpoint_health.note(delivery, verdict.outcome, now)
        if verdict.outcome is Outcome.RETRY and verdict.wait_s <= WAKE_WITHIN_S:
            wake(DELIVER, countdown=verdict.wait_s)


def _status(verdict: Verdict) -> DeliveryStatus:
    match verdict.outcome:
        case Outcome.DELIVERED:
            return DeliveryStatus.DELIVERED
        case Outcome.RETRY:
            return DeliveryStatus.PENDING
        case Outcome.DEAD | Outcome.GONE:
            return DeliveryStatus.DEAD


def _send(claimed: list[Delivery]) -> Iterator[tuple[Delivery, Answer]]:
    """Send the batch at once, so that one that hangs does not hold up the others; answers come as they arrive."""
    with ThreadPoolExecutor(max_workers=len(claimed), thread_name_prefix="autofix-deliver") as threads:
        sending = {threads.submit(_attempt, delivery): delivery for delivery in claimed}
        for answer in as_completed(sending):
            yield sending[answer], answer.result()


def _attempt(delivery: Delivery) -> Answer:
    """One attempt. Runs in a thread of its own and must not touch the database."""
    try:
        request = compose(delivery, timezone.now())
    except Misconfigured:
        logger.exception("delivery cannot be signed", extra={"delivery": delivery.pk})
        return Answer(None, error="The endpoint's secret cannot be read; rotate it.")
    return transport.send(request.url, request.headers, request.body)

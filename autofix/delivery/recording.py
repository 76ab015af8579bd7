"""Writing down what came of attempts, many in one transaction, each under the fence of its claim."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from autofix import conf, rows
from autofix.delivery import endpoint_health, lanes, statements
from autofix.delivery.claims import Claimed
from autofix.delivery.endpoint_health import Tried
from autofix.delivery.schedule import Answer, Outcome, Verdict, judge
from autofix.models.webhooks import Delivery, DeliveryStatus
from autofix.wakeups import DELIVER, wake

logger = logging.getLogger(__name__)

WAKE_WITHIN_S = 300
"""A longer wait is left to the sweeper: brokers do not keep far wake-ups well."""

Judged = tuple[Tried, Verdict]


def record(answered: Collection[tuple[Claimed, Answer]]) -> None:
    """Write down the attempts and what becomes of the deliveries, except where the claim has passed to another relay."""
    now = timezone.now()
    with transaction.atomic():
        judged = [_judge(delivery, answer, now) for delivery, answer in _still_ours(answered)]
        if not judged:
            return
        _end_delivered([tried for tried, verdict in judged if verdict.outcome is Outcome.DELIVERED], now)
        _write_failed([one for one in judged if one[1].outcome is not Outcome.DELIVERED], now)
        _write_attempts([tried for tried, _ in judged], now)
        lanes.release(
            [tried.delivery for tried, verdict in judged if verdict.outcome is not Outcome.RETRY], now
        )
        endpoint_health.note([tried for tried, _ in judged], now)
    for wait_s in _soon(verdict for _, verdict in judged):
        wake(DELIVER, countdown=wait_s)


def _still_ours(answered: Collection[tuple[Claimed, Answer]]) -> list[tuple[Claimed, Answer]]:
    pks = [delivery.pk for delivery, _ in answered]
    text = statements.HELD.format(ids=statements.ids(pks), lock=statements.lock())
    held = {pk: (fence, attempts) for pk, fence, attempts in statements.fetch(text, [])}
    ours = []
    for delivery, answer in answered:
        fence, attempts = held.get(delivery.pk, (None, 0))
        if fence == delivery.fence:
            delivery.attempts = attempts  # a replay meanwhile began its schedule anew
            ours.append((delivery, answer))
        else:
            logger.warning("attempt not recorded: the claim was lost", extra={"delivery": delivery.pk})
    return ours


def _judge(delivery: Claimed, answer: Answer, now: datetime) -> Judged:
    # Chance spreads the load; nothing secret hangs on it.
    chance = random.random()  # noqa: S311 - not cryptography
    waits = conf.settings().webhooks.schedule
    verdict = judge(answer, tried=delivery.attempts + 1, waits=waits, chance=chance, now=now)
    return Tried(delivery, answer, verdict.outcome), verdict


def _end_delivered(delivered: Sequence[Tried], now: datetime) -> None:
    if delivered:
        ids = statements.ids(tried.delivery.pk for tried in delivered)
        statements.change(statements.DELIVERED.format(ids=ids), [statements.moment(now)])


def _write_failed(failed: Sequence[Judged], now: datetime) -> None:
    for tried, verdict in failed:
        again = verdict.outcome is Outcome.RETRY
        changes = {
            "status": DeliveryStatus.PENDING if again else DeliveryStatus.DEAD,
            "attempts": tried.delivery.attempts + 1,  # as it was read when the row was locked
            "claimed_until": None,
            "next_attempt_at": now + timedelta(seconds=verdict.wait_s) if again else None,
            "scheduled_at": now,
            "last_error": tried.answer.error,
        }
        rows.update(Delivery, changes, pk=tried.delivery.pk)


def _write_attempts(attempts: Sequence[Tried], now: datetime) -> None:
    values = [
        (
            tried.delivery.pk,
            tried.delivery.fence,
            tried.answer.status,
            tried.answer.latency_ms,
            tried.answer.excerpt,
            tried.answer.error,
            now,
        )
        for tried in attempts
    ]
    statements.insert_attempts(values)


def _soon(verdicts: Iterable[Verdict]) -> list[float]:
    """When to look again: one wake-up for everything that is due within the same second."""
    waits = [verdict.wait_s for verdict in verdicts if verdict.outcome is Outcome.RETRY]
    latest = {int(wait_s): wait_s for wait_s in sorted(waits) if wait_s <= WAKE_WITHIN_S}
    return list(latest.values())

"""What attempts say about their endpoint: alive, failing, to be left alone for a while, or to be disabled."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from autofix import rows
from autofix.delivery import breaker, outbox, statements
from autofix.delivery.claims import Claimed
from autofix.delivery.schedule import Answer, Outcome
from autofix.models.webhooks import Delivery, Endpoint, EndpointRecord, EndpointStatus
from autofix.wakeups import DELIVER, wake

logger = logging.getLogger(__name__)

FAILING_FOR = timedelta(days=5)
SUCCESS_NOTED_EVERY = timedelta(minutes=1)
"""How exact ``last_success_at`` is: finer would write the endpoint's row for every delivery."""
LATENCIES_MS = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000)
"""Upper bounds of the groups in which ``totals`` counts how long attempts took; the last group has none."""


@dataclass(frozen=True)
class Tried:
    """An attempt that was recorded."""

    delivery: Claimed
    answer: Answer
    outcome: Outcome


def note(tried: Collection[Tried], now: datetime) -> None:
    """Remember the attempts at their endpoints, in the caller's transaction; act where they ask for it."""
    by_endpoint: dict[int, list[Tried]] = {}
    for one in tried:
        by_endpoint.setdefault(one.delivery.endpoint_id, []).append(one)
    windows = _write_records(by_endpoint, now)
    _note_successes(by_endpoint, now)
    for pk, attempts in sorted(by_endpoint.items()):
        # As it was when the delivery was claimed: what is written depends on how the row is now.
        _judge(attempts[0].delivery.endpoint, attempts, windows[pk], now)


def disable(delivery: Claimed | Delivery, reason: str, **only_if: datetime) -> None:
    """Disable the delivery's endpoint and tell the organization's others. Its pending deliveries wait until it is enabled.

    ``only_if``: what its row must say still.
    """
    endpoint = delivery.endpoint
    changed = (
        Endpoint.objects.filter(pk=endpoint.pk, **only_if)
        .exclude(status=EndpointStatus.DISABLED)
        .update(status=EndpointStatus.DISABLED, disabled_reason=reason, open_until=None)
    )
    if changed:
        outbox.store(
            outbox.ENDPOINT_DISABLED,
            key=f"endpoint_disabled:{endpoint.pk}:{delivery.pk}:{delivery.fence}",
            organization_id=endpoint.organization_id,
            data={"endpoint": {"id": endpoint.pk, "url": endpoint.url, "reason": reason}},
        )


def enable(endpoint: Endpoint) -> None:
    """Active again; what was pending when it was disabled is sent now."""
    endpoint.status, endpoint.disabled_reason = EndpointStatus.ACTIVE, ""
    endpoint.failing_since = endpoint.open_until = None
    # Else its first success would open the breaker again.
    EndpointRecord.objects.filter(pk=endpoint.pk).update(recent=[])
    endpoint.save(update_fields=["status", "disabled_reason", "failing_since", "open_until"])
    wake(DELIVER)


def _write_records(by_endpoint: dict[int, list[Tried]], now: datetime) -> dict[int, breaker.Recent]:
    """The window of each endpoint, with these attempts."""
    known = {
        record.pk: (record.recent, record.totals)
        for record in rows.select(EndpointRecord, pk=tuple(by_endpoint), lock=True)
    }
    windows, records = {}, []
    for pk, tried in sorted(by_endpoint.items()):
        recent, totals = known.get(pk, ([], {}))
        delivered = sum(one.outcome is Outcome.DELIVERED for one in tried)
        failed = len(tried) - delivered
        windows[pk] = breaker.noted(recent, now.timestamp(), delivered=delivered, failed=failed)
        for one in tried:
            _count(totals, one.answer)
        records.append((pk, windows[pk], totals))
    statements.write_records(records)
    return windows


def _count(totals: dict[str, list[int]], answer: Answer) -> None:
    """``totals[result]`` is the count, the milliseconds, and the count per group of latencies."""
    total = totals.setdefault(answer.result, [0, 0, *[0] * (len(LATENCIES_MS) + 1)])
    total[0] += 1
    total[1] += answer.latency_ms
    total[2 + sum(answer.latency_ms > bound for bound in LATENCIES_MS)] += 1


def _judge(endpoint: Endpoint, tried: Sequence[Tried], recent: breaker.Recent, now: datetime) -> None:
    gone = next((one for one in tried if one.outcome is Outcome.GONE), None)
    alive = any(one.outcome is Outcome.DELIVERED for one in tried)
    if gone is not None:
        disable(gone.delivery, "The endpoint answered 410 Gone.")
    elif not alive:
        _failing(endpoint, tried[0].delivery, now)
    if alive and endpoint.status == EndpointStatus.OPEN:
        _close(endpoint, recent)
    probed_in_vain = endpoint.status == EndpointStatus.OPEN and not alive
    if probed_in_vain or breaker.trips(recent):
        _open(endpoint, now)


def _note_successes(by_endpoint: dict[int, list[Tried]], now: datetime) -> None:
    worked = [
        tried[0].delivery.endpoint
        for tried in by_endpoint.values()
        if any(one.outcome is Outcome.DELIVERED for one in tried)
    ]
    news = tuple(sorted(endpoint.pk for endpoint in worked if _is_news(endpoint, now)))
    if news:
        rows.update(Endpoint, {"last_success_at": now, "failing_since": None}, pk=news)


def _is_news(endpoint: Endpoint, now: datetime) -> bool:
    last = endpoint.last_success_at
    return endpoint.failing_since is not None or last is None or not last <= now < last + SUCCESS_NOTED_EVERY


def _failing(endpoint: Endpoint, delivery: Claimed, now: datetime) -> None:
    since = endpoint.failing_since
    if since is None or since > now:  # later than now: the clock was put back
        rows.update(Endpoint, {"failing_since": now}, pk=endpoint.pk, failing_since=since)
    elif since <= now - FAILING_FOR:
        # Not by what it was when this was claimed: another attempt may have succeeded since, or somebody enabled it.
        disable(delivery, "No delivery succeeded for 5 days.", failing_since=since)


def _open(endpoint: Endpoint, now: datetime) -> None:
    """Leave the endpoint alone; after a failed probe once more, however few failures the window still has."""
    opened = {"status": EndpointStatus.OPEN, "open_until": now + breaker.OPEN_FOR}
    if rows.update(Endpoint, opened, pk=endpoint.pk, status=outbox.ENABLED):
        logger.warning("webhook endpoint failing: breaker open", extra={"endpoint": endpoint.pk})


def _close(endpoint: Endpoint, recent: breaker.Recent) -> None:
    """The probe succeeded: what failed before does not count any more."""
    closed = {"status": EndpointStatus.ACTIVE, "open_until": None}
    rows.update(Endpoint, closed, pk=endpoint.pk, status=EndpointStatus.OPEN)
    rows.update(EndpointRecord, {"recent": []}, pk=endpoint.pk)
    recent.clear()
    logger.info("webhook endpoint works again: breaker closed", extra={"endpoint": endpoint.pk})

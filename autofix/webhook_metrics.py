"""Prometheus metrics of the webhooks, read from the database: the same from every process, and right after a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import Count
from django.utils import timezone
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from autofix.delivery import claims
from autofix.delivery.endpoint_health import LATENCIES_MS
from autofix.models.webhooks import Delivery, DeliveryStatus, Endpoint, EndpointRecord, EndpointStatus

BOUNDS = [*(f"{bound / 1000:g}" for bound in LATENCIES_MS), "+Inf"]


class WebhookMetrics(Collector):
    """Backlog, age of the oldest due delivery, endpoints by status, attempts by result and how long they took."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        pending = Delivery.objects.filter(status=DeliveryStatus.PENDING)
        yield GaugeMetricFamily(
            "autofix_webhook_backlog",
            "Deliveries that are neither delivered nor dead.",
            value=pending.count(),
        )
        oldest = claims.oldest_due(now)
        age = (now - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily(
            "autofix_webhook_oldest_due_seconds",
            "For how long the oldest delivery that could be sent has been due.",
            value=age,
        )
        yield _endpoints()
        yield from _attempts()


def _endpoints() -> Metric:
    found = dict(Endpoint.objects.values_list("status").annotate(Count("pk")).order_by())
    family = GaugeMetricFamily("autofix_webhook_endpoints", "Webhook endpoints.", labels=["status"])
    for status in EndpointStatus.values:
        family.add_metric([status], found.get(status, 0))
    return family


def _attempts() -> Iterator[Metric]:
    totals: dict[str, Counter[int]] = {}
    for record in EndpointRecord.objects.values_list("totals", flat=True).iterator():
        for result, numbers in record.items():
            totals.setdefault(result, Counter()).update(dict(enumerate(numbers)))
    counts = CounterMetricFamily("autofix_webhook_attempts", "HTTP attempts.", labels=["result"])
    latencies = HistogramMetricFamily(
        "autofix_webhook_attempt_seconds", "How long HTTP attempts took.", labels=["result"]
    )
    for result, total in sorted(totals.items()):
        counts.add_metric([result], total[0])
        reached = [sum(total[2 + j] for j in range(i + 1)) for i in range(len(BOUNDS))]
        latencies.add_metric([result], list(zip(BOUNDS, map(float, reached), strict=True)), total[1] / 1000)
    yield counts
    yield latencies

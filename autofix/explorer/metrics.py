"""Prometheus metrics of turns and model calls, read from the database: the same from every process."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, DurationField, ExpressionWrapper, F, Sum
from prometheus_client.metrics_core import CounterMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from autofix.explorer.models import ModelCall, Turn

TOOK = ExpressionWrapper(F("ended_at") - F("created_at"), output_field=DurationField())


class ExplorerMetrics(Collector):
    """Turns by status and failures by code; model calls by status, with their tokens, cost and latency."""

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        turns = CounterMetricFamily("autofix_turns", "Turns, by where they stand.", labels=["status", "code"])
        for row in Turn.objects.values("status", "error_code").annotate(n=Count("pk")).order_by():
            turns.add_metric([row["status"], row["error_code"]], row["n"])
        yield turns
        yield from _model_calls()


def _model_calls() -> Iterator[Metric]:
    calls = CounterMetricFamily("autofix_model_calls", "Calls of models.", labels=["model", "status", "code"])
    tokens = CounterMetricFamily(
        "autofix_model_tokens", "Tokens of model calls.", labels=["model", "direction"]
    )
    cost = CounterMetricFamily(
        "autofix_model_cost_usd", "What calls cost, where a price is known.", labels=["model"]
    )
    latency = SummaryMetricFamily("autofix_model_call_seconds", "How long calls took.", labels=["model"])
    by_status = ModelCall.objects.values("model", "status", "error_code").annotate(n=Count("pk"))
    for row in by_status.order_by():
        calls.add_metric([row["model"], row["status"], row["error_code"]], row["n"])
    by_model = ModelCall.objects.values("model").annotate(
        given=Sum("input_tokens"),
        got=Sum("output_tokens"),
        cost=Sum("cost_usd"),
        ended=Count("ended_at"),
        took=Sum(TOOK),
    )
    for sums in by_model.order_by():
        tokens.add_metric([sums["model"], "input"], sums["given"])
        tokens.add_metric([sums["model"], "output"], sums["got"])
        cost.add_metric([sums["model"]], sums["cost"] or 0.0)
        seconds = sums["took"].total_seconds() if sums["took"] else 0.0
        latency.add_metric([sums["model"]], sums["ended"], seconds)
    yield from (calls, tokens, cost, latency)

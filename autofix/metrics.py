"""What Prometheus can be told: turns, model calls, tokens, cost, latency, failures by code."""

from __future__ import annotations

from typing import Protocol

from prometheus_client import Counter, Histogram

CALL_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320)

TURNS = Counter("autofix_turns", "Turns that ended, by agent and outcome.", ["agent", "outcome"])
FAILURES = Counter("autofix_turn_failures", "Turns that failed, by code.", ["agent", "code"])
CALLS = Counter("autofix_model_calls", "Calls of models, by what came of them.", ["model", "status"])
TOKENS = Counter("autofix_model_tokens", "Tokens of model calls.", ["model", "direction"])
COST = Counter("autofix_model_cost_usd", "What model calls cost, where the price is known.", ["model"])
LATENCY = Histogram(
    "autofix_model_call_seconds", "How long model calls took.", ["model"], buckets=CALL_SECONDS
)


class Charged(Protocol):
    """What a call used."""

    input_tokens: int
    output_tokens: int
    cost_usd: float | None


def turn_ended(agent: str, outcome: str, code: str = "") -> None:
    """Count a turn, and its failure's code when it has one."""
    TURNS.labels(agent, outcome).inc()
    if code:
        FAILURES.labels(agent, code).inc()


def model_call(model: str, status: str, seconds: float, used: Charged) -> None:
    """Count a call with what it used."""
    CALLS.labels(model, status).inc()
    LATENCY.labels(model).observe(seconds)
    TOKENS.labels(model, "input").inc(used.input_tokens)
    TOKENS.labels(model, "output").inc(used.output_tokens)
    if used.cost_usd:
        COST.labels(model).inc(used.cost_usd)

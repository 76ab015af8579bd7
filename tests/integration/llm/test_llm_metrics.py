"""What operators see of model calls."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from autofix.explorer.metrics import ExplorerMetrics
from tests.integration.llm.conftest import Configure, Investigate
from tests.llm_server import INPUT_TOKENS, ModelServer

pytestmark = pytest.mark.django_db(transaction=True)


def test_turns_calls_tokens_cost_and_failures(
    investigate: Investigate, configure: Configure, model: ModelServer
) -> None:
    """Each is a metric by model, status or code; the sums are the ledger's."""
    configure(TURN={"MAX_REQUESTS": 2}, LLM_PRICES={"scripted": (1.0, 0.0)})
    investigate()
    registry = CollectorRegistry()
    registry.register(ExplorerMetrics())
    told = generate_latest(registry).decode()
    assert 'autofix_turns_total{code="budget_exhausted",status="failed"} 1.0' in told
    assert 'autofix_model_calls_total{code="",model="openai:scripted",status="answered"} 2.0' in told
    assert (
        f'autofix_model_tokens_total{{direction="input",model="openai:scripted"}} {2 * INPUT_TOKENS}.0'
        in told
    )
    assert 'autofix_model_cost_usd_total{model="openai:scripted"} 0.002' in told
    assert 'autofix_model_call_seconds_count{model="openai:scripted"} 2.0' in told


def test_a_line_for_each_call_and_each_turn(
    investigate: Investigate, configure: Configure, model: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has fields to filter and to sum by: model, status, tokens, cost, seconds, and how the turn ended."""
    caplog.set_level(logging.INFO, logger="autofix")
    configure(TURN={"MAX_REQUESTS": 2}, LLM_PRICES={"scripted": (1.0, 0.0)})
    investigate()
    made = [vars(record) for record in caplog.records if record.message == "model call"]
    assert [(call["model"], call["status"], call["input_tokens"]) for call in made] == [
        ("openai:scripted", "answered", INPUT_TOKENS)
    ] * 2
    (turn,) = [vars(record) for record in caplog.records if record.message == "model turn"]
    assert (turn["step"], turn["ended"]) == ("root_cause", "budget_exhausted")
    assert (turn["requests"], turn["input_tokens"], turn["cost_usd"]) == (2, 2 * INPUT_TOKENS, 0.002)
    assert turn["seconds"] >= made[0]["seconds"]

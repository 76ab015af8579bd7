"""What operators see of model calls."""

from __future__ import annotations

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

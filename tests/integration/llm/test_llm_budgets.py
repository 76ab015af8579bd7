"""Money, tokens and calls end where the settings say: at most one call later."""

from __future__ import annotations

import pytest
from django.db import connection

from autofix import autofix_agent
from autofix.explorer import ledger
from autofix.explorer.client import get_client
from autofix.explorer.models import ModelCall
from autofix.hosts import Issue
from autofix.models import Run
from tests.integration.llm import replies
from tests.integration.llm.conftest import Configure, Investigate
from tests.llm_server import INPUT_TOKENS, OUTPUT_TOKENS, Answer, Asked, ModelServer, calls, fails, says

pytestmark = pytest.mark.django_db(transaction=True)
PER_CALL = INPUT_TOKENS + OUTPUT_TOKENS


def endless(asked: Asked) -> Answer:
    """A model that reads on and on."""
    return calls("read_file", path=replies.PATH, start_line=1, end_line=asked.number + 1)


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ({"MAX_REQUESTS": 3}, 3),
        ({"MAX_TOKENS": 3 * PER_CALL - 1}, 3),
        ({"MAX_TOKENS": 3 * PER_CALL + 1}, 4),
        ({"MAX_COST_USD": 0.0031}, 3),
    ],
)
def test_spending_ends_at_the_cap(
    investigate: Investigate, configure: Configure, model: ModelServer, turn: dict[str, float], expected: int
) -> None:
    """Each limit is looked at before each call, so that it is passed by one call at most."""
    configure(TURN=turn, LLM_PRICES={"scripted": (1.0, 1.0)})
    model.respond = endless
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "budget_exhausted")
    assert len(model.asked) == expected
    assert f"{expected} calls and {expected * PER_CALL} tokens" in run.failure_detail
    assert next(iter(turn)) in run.failure_detail
    usage = get_client().turn(run.session_id, run.steps.get().turn_id).usage
    assert usage.requests == expected
    assert usage.cost_usd == pytest.approx(expected * PER_CALL / 1_000_000)


@pytest.mark.parametrize("turn", [{"MAX_REQUESTS": 2}, {"MAX_TOKENS": 1_500}, {"MAX_COST_USD": 0.0015}])
@pytest.mark.parametrize(
    "fault", [Answer(b"{broken"), says("", ("read_file", "{broken")), says("", usage=False), fails(500)]
)
def test_useless_replies_are_charged_too(
    investigate: Investigate,
    configure: Configure,
    model: ModelServer,
    fault: Answer,
    turn: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Malformed, empty and failed replies count like any other: whichever the cap, one call at most passes it."""
    monkeypatch.setattr("autofix.explorer.agents.llm.calls.FIRST_WAIT_S", 0.01)
    configure(TURN=turn, LLM_PRICES={"openai:scripted": (1.0, 1.0)})
    model.respond = lambda _: fault
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "budget_exhausted")
    booked = list(ModelCall.objects.order_by("pk"))
    assert len(model.asked) == len(booked) <= 2
    assert all(call.input_tokens and call.cost_usd for call in booked)
    ((name, limit),) = turn.items()
    spent: dict[str, list[float]] = {
        "MAX_REQUESTS": [1 for _ in booked],
        "MAX_TOKENS": [call.input_tokens + call.output_tokens for call in booked],
        "MAX_COST_USD": [call.cost_usd or 0 for call in booked],
    }
    assert sum(spent[name][:-1]) < limit <= sum(spent[name])


def test_mending_a_result_does_not_renew_the_budget(
    investigate: Investigate, configure: Configure, model: ModelServer
) -> None:
    """Turns in which a step is tried again by the hook share the budget of the first one."""
    configure(TURN={"MAX_REQUESTS": 5})
    model.respond = lambda _: says("I will not write anything down.")
    run = investigate()
    assert run.status == "error"
    assert len(model.asked) <= 5


def test_a_cap_on_money_needs_a_price(
    investigate: Investigate, configure: Configure, model: ModelServer
) -> None:
    """With MAX_COST_USD and no price, nothing is asked: a cap that cannot hold is none."""
    configure(TURN={"MAX_COST_USD": 1.0})
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "agent_unavailable")
    assert "LLM_PRICES" in run.failure_detail
    assert model.asked == []


def test_sums_by_project_and_organization(investigate: Investigate, shop: Issue, model: ModelServer) -> None:
    """The ledger adds up per turn, project and organization, and nobody sees another's."""
    investigate("solution")
    count = len(model.asked)
    whole = ledger.spent_by_project(shop.organization_id)
    assert whole.requests == count
    assert ledger.spent_by_project(shop.organization_id, shop.project_id) == whole
    assert ledger.spent_by_project(shop.organization_id, "another").requests == 0
    assert ledger.spent_by_project("another").requests == 0


def test_a_cancelled_call_is_charged(investigate: Investigate, shop: Issue, model: ModelServer) -> None:
    """Cancelled while the model thinks: the call is given up, and its estimate stands in every sum."""

    def respond(_: Asked) -> Answer:
        try:
            autofix_agent.cancel_run(shop, Run.objects.get().pk)
        finally:
            connection.close()  # this is a thread of the server's
        return Answer(says("too late").body, wait_s=5)

    model.respond = respond
    run = investigate()
    assert run.status == "cancelled"
    call = ModelCall.objects.get()
    assert (call.status, call.estimated) == ("abandoned", True)
    assert call.input_tokens > 0
    sums = (
        get_client().usage(run.session_id),
        ledger.spent_by_project(shop.organization_id, shop.project_id),
    )
    assert {(usage.requests, usage.input_tokens) for usage in sums} == {(1, call.input_tokens)}
    assert get_client().turn(run.session_id, run.steps.get().turn_id).usage == sums[0]

"""Who is asked: a known provider by its name, with nothing but a key; and what happens where the library is missing."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django.fixtures import Settings

from autofix.checks import check_autofix
from autofix.explorer.agents.llm import calls as asking
from autofix.explorer.models import ModelCall
from tests.integration.llm import replies
from tests.integration.llm.conftest import Configure, Investigate
from tests.llm_server import INPUT_TOKENS, OUTPUT_TOKENS, Answer, ModelServer, fails

pytestmark = pytest.mark.django_db(transaction=True)
DONE = replies.written("root_cause", replies.ROOT_CAUSE)


def in_anthropics_words(answer: Answer) -> Answer:
    """The calls of an answer as Anthropic's API sends them."""
    called = [
        {"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": replies.parsed(arguments)}
        for n, (name, arguments) in enumerate(answer.called)
    ]
    usage = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": called}
    return Answer(message | {"stop_reason": "tool_use", "stop_sequence": None, "usage": usage})


@pytest.mark.parametrize(
    ("name", "address", "done"),
    [
        ("openai-chat:gpt-5", "OPENAI_BASE_URL", DONE),
        ("anthropic:claude-sonnet-5", "ANTHROPIC_BASE_URL", in_anthropics_words(DONE)),
    ],
)
def test_a_known_provider(
    investigate: Investigate,
    configure: Configure,
    model: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    address: str,
    done: Answer,
) -> None:
    """Its own protocol and the library's prices; its client tries nothing again that the ledger does not know."""
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.01)
    monkeypatch.setenv(address, model.url.removesuffix("/v1") if "anthropic" in name else model.url)
    configure(LLM_MODEL=name, LLM_BASE_URL="", TURN={"MAX_COST_USD": 1.0})
    broken = [fails(500)] * 2
    model.respond = lambda _: broken.pop() if broken else done
    run = investigate()
    assert run.status == "completed", run.failure_detail
    assert len(model.asked) == ModelCall.objects.count() == 3
    answered = ModelCall.objects.get(status="answered")
    assert (answered.input_tokens, answered.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
    assert answered.cost_usd


def test_without_the_extra(
    investigate: Investigate, configure: Configure, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check says at start what to install; whoever starts in spite of it gets a failed step with the reason."""
    for gone in [found for found in sys.modules if found.partition(".")[0] == "pydantic_ai"]:
        monkeypatch.delitem(sys.modules, gone)
    monkeypatch.delitem(sys.modules, asking.LIBRARY, raising=False)
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)  # as Python marks what cannot be imported
    found: list[Any] = [message for message in check_autofix() if message.id == "autofix.E010"]
    assert [message.hint for message in found] == ["pip install 'django-autofix[llm]'"]
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "agent_unavailable")
    assert "extra 'llm'" in run.failure_detail


@pytest.mark.parametrize(
    ("options", "knows", "found"),
    [
        pytest.param({}, {"scripted"}, [], id="all is well"),
        pytest.param(
            {"LLM_API_KEY": "wrong"}, {"scripted"}, ["The key for the model 'scripted' is refused"], id="key"
        ),
        pytest.param({"LLM_MODEL": "scripted, gone"}, {"scripted"}, ["knows no model 'gone'"], id="model"),
        pytest.param({}, None, [], id="a server that lists none"),
        pytest.param({"LLM_BASE_URL": "http://127.0.0.1:9/v1"}, None, [], id="nobody there"),
    ],
)
def test_a_wrong_key_and_an_unknown_model_are_check_errors(
    configure: Configure,
    model: ModelServer,
    options: dict[str, Any],
    knows: set[str] | None,
    found: list[str],
) -> None:
    """``check --deploy`` asks the provider; a server that tells nothing, or is down, is no error of the settings."""
    model.knows = knows
    configure(**options)
    with pytest.raises(SystemCheckError) if found else nullcontext() as raised:
        call_command("check", "--deploy", "--tag", "autofix")
    told = str(raised.value) if raised else ""
    assert [part for part in found if part not in told] == []
    assert ("autofix.E019" in told) == bool(found)
    assert model.asked == []

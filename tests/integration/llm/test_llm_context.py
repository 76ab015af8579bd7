"""A full context: old answers of tools make room, and nothing else ever does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autofix.explorer.agents.llm.conversation import CHARS_PER_TOKEN
from autofix.explorer.client import get_client
from autofix.explorer.models import ModelCall
from autofix.hosts import Issue
from autofix.models import Repository
from tests.integration.llm import replies
from tests.integration.llm.conftest import Configure, Investigate
from tests.llm_server import Answer, Asked, ModelServer, calls, calls_in, fails
from tests.pipeline import SOLUTION
from tests.repositories import ANN, SHOP, Snapshot, bare_repository

pytestmark = pytest.mark.django_db(transaction=True)
LEFT_OUT = "[left out to save room"
LINES = 100
CONTEXT_TOKENS = 16_000
READS = 10


@pytest.fixture
def shop(shop: Issue, tmp_path: Path) -> Issue:
    """A shop with a long file whose every line can be told from the others."""
    text = "".join(f"# line {n} of the long file {'x' * 50}\n" for n in range(1, READS * LINES + 1))
    repository = bare_repository(tmp_path / "long", [*SHOP, Snapshot({"shop/long.py": text}, "Long", ANN, 4)])
    Repository.objects.filter(project_id=shop.project_id).update(url=repository.url)
    return shop


def reads(first: int, count: int) -> list[Answer]:
    """Calls that read that many parts of the long file, from this part on."""
    return [
        calls("read_file", path="shop/long.py", start_line=n * LINES + 1, end_line=(n + 1) * LINES)
        for n in range(first, first + count)
    ]


def characters(asked: Asked) -> int:
    """How many characters the provider was sent."""
    return len(json.dumps(asked.body, ensure_ascii=False))


def test_older_tool_results_make_room(
    investigate: Investigate, shop: Issue, configure: Configure, model: ModelServer
) -> None:
    """The oldest go first; prompts, the model's own words, its artifacts and the newest result stay to the letter."""
    configure(LLM_CONTEXT_TOKENS=CONTEXT_TOKENS)
    model.respond = replies.whole_pipeline(
        root_cause=[*reads(0, 5), replies.written("root_cause", replies.ROOT_CAUSE)],
        solution=[*reads(5, 5), replies.written("solution", SOLUTION)],
    )
    run = investigate("solution")
    assert run.status == "completed", run.failure_detail
    assert max(map(characters, model.asked)) <= CONTEXT_TOKENS * CHARS_PER_TOKEN * 1.1

    main = [asked for asked in model.asked if asked.step in ("root_cause", "solution")]
    messages = main[-1].messages
    results = [str(message["content"]) for message in messages if message["role"] == "tool"]
    assert len(results) == 11
    long = [result for result in results if "is recorded" not in result]
    gone = [LEFT_OUT in result for result in long]
    assert gone == sorted(gone, reverse=True)
    assert 2 <= sum(gone) < len(gone)
    assert f"line {READS * LINES} of" in long[-1]

    asked_for = [message for message in messages if message["role"] == "user"]
    assert asked_for[0] == main[0].messages[1]
    assert [message for message in main[-2].messages if message["role"] == "user"] == asked_for
    said = [call for message in messages if message["role"] == "assistant" for call in calls_in(message)]
    played = [*reads(0, 5), replies.written("root_cause", replies.ROOT_CAUSE), *reads(5, 5)]
    expected = [call for answer in played for call in answer.called]
    assert [(name, replies.parsed(given)) for name, given in said] == [
        (name, replies.parsed(given)) for name, given in expected
    ]

    stored = "".join(block.message.content for block in get_client().state(run.session_id).blocks)
    assert LEFT_OUT not in stored
    assert all(f"line {n} of" in stored for n in range(1, READS * LINES + 1))


def test_what_the_provider_takes_is_learned(
    investigate: Investigate, shop: Issue, configure: Configure, model: ModelServer
) -> None:
    """A provider that takes less than was configured refuses a few times, not before every call; the step completes."""
    configure(LLM_CONTEXT_TOKENS=4 * CONTEXT_TOKENS)
    script = replies.whole_pipeline(
        root_cause=[*reads(0, READS), replies.written("root_cause", replies.ROOT_CAUSE)]
    )
    too_long = fails(400, "maximum context length exceeded", code="context_length_exceeded")
    limit = CONTEXT_TOKENS * CHARS_PER_TOKEN
    model.respond = lambda asked: too_long if characters(asked) > limit else script(asked)
    run = investigate()
    assert run.status == "completed", run.failure_detail
    refused = ModelCall.objects.filter(status="failed", error_code="too_long")
    assert 1 <= refused.count() <= 4
    assert not any(call.input_tokens for call in refused)


def test_a_task_that_never_fits(investigate: Investigate, configure: Configure, model: ModelServer) -> None:
    """A prompt that is longer than the context fails as such; nothing of it is silently cut."""
    configure(LLM_CONTEXT_TOKENS=4_000)
    run = investigate(user_context="x" * 9_999)
    assert (run.status, run.failure_code) == ("error", "context_overflow")
    assert model.asked == []

"""Whatever a model or its provider does wrong ends the step with a typed reason, or does not matter."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.db import connection

from autofix import autofix_agent
from autofix.explorer.agents.llm import calls as asking
from autofix.explorer.models import ModelCall
from autofix.hosts import Issue
from autofix.models import Run
from tests.integration.llm import replies
from tests.integration.llm.conftest import Configure, Investigate
from tests.llm_server import Answer, Asked, ModelServer, calls, fails, says

pytestmark = pytest.mark.django_db(transaction=True)
DONE = replies.written("root_cause", replies.ROOT_CAUSE)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are what the provider asks for, or next to nothing."""
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.01)


def after(times: int, fault: Answer) -> Callable[[Asked], Answer]:
    """The fault so many times, then the result."""
    left = [fault] * times

    def respond(asked: Asked) -> Answer:
        return left.pop() if left else DONE

    return respond


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fails(429, Retry_After="0"), id="too many requests"),
        pytest.param(fails(500), id="broken server"),
        pytest.param(fails(503, Retry_After="0"), id="overloaded"),
        pytest.param(Answer(b"", 0), id="hangs up"),
        pytest.param(Answer(b"{not json"), id="malformed body"),
        pytest.param(Answer({"choices": []}), id="no choice"),
        pytest.param(says(""), id="empty reply"),
        pytest.param(says("The price is missing."), id="text instead of the artifact"),
        pytest.param(calls("run_shell", command="id"), id="unknown tool"),
        pytest.param(says("", ("read_file", "{not json")), id="malformed arguments"),
        pytest.param(says("", ("read_file", '["a list"]')), id="arguments of another kind"),
        pytest.param(says("no\0thing"), id="a text that no database takes"),
        pytest.param(says("no\ud800thing"), id="half a character"),
        pytest.param(calls("log", containing="no\0thing"), id="an argument that no program takes"),
        pytest.param(calls("no\0thing"), id="the name of a tool that no database takes"),
    ],
)
def test_a_passing_fault_does_not_matter(investigate: Investigate, model: ModelServer, fault: Answer) -> None:
    """Twice in a row, and the step still completes."""
    model.respond = after(2, fault)
    run = investigate()
    assert run.status == "completed", (run.failure_code, run.failure_detail)
    assert ModelCall.objects.count() == 3


@pytest.mark.parametrize(
    ("status", "given"),
    [
        pytest.param(429, lambda: "1", id="seconds"),
        pytest.param(503, lambda: "1", id="a broken server's"),
        pytest.param(
            429, lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True), id="a date"
        ),
    ],
)
def test_a_pause_that_is_asked_for_is_kept(
    investigate: Investigate, model: ModelServer, status: int, given: Callable[[], str]
) -> None:
    """Retry-After, in either of its forms: nothing is asked before its end, though our own pause would be shorter."""
    refusals: list[float] = []

    def respond(_: Asked) -> Answer:
        if refusals:
            return DONE
        refusals.append(time.monotonic())
        return fails(status, Retry_After=given())

    model.respond = respond
    run = investigate()
    assert run.status == "completed", run.failure_detail
    first, second = model.asked
    # A date has no fractions of a second: of three, two are left.
    assert second.at - first.at >= 1
    assert ModelCall.objects.filter(status="failed", error_code="transient").count() == 1


def test_cancelling_ends_a_pause(investigate: Investigate, shop: Issue, model: ModelServer) -> None:
    """A pause that the provider asks for is not slept through: the turn lets go of it when its run is cancelled."""

    def respond(_: Asked) -> Answer:
        try:
            autofix_agent.cancel_run(shop, Run.objects.get().pk)
        finally:
            connection.close()  # this is a thread of the server's
        return fails(429, Retry_After="600")

    model.respond = respond
    run = investigate()
    assert run.status == "cancelled"
    assert len(model.asked) == 1
    assert ModelCall.objects.get().status in ("failed", "abandoned")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(fails(429), "model_unavailable", id="too many requests"),
        pytest.param(fails(500), "model_unavailable", id="broken server"),
        pytest.param(Answer(b"", 0), "model_unavailable", id="hangs up"),
        pytest.param(fails(401, "wrong key"), "model_refused", id="wrong key"),
        pytest.param(fails(403, "no\0key"), "model_refused", id="a refusal that no database takes"),
        pytest.param(fails(404, "no such model"), "model_refused", id="unknown model"),
        pytest.param(fails(400, "bad request"), "model_refused", id="bad request"),
        pytest.param(Answer(b"<html>"), "model_incoherent", id="malformed body"),
        pytest.param(says(""), "model_incoherent", id="empty reply"),
        pytest.param(says("I think so."), "no_artifact", id="never writes the artifact"),
        pytest.param(calls("read_file", path=replies.PATH), "agent_stuck", id="the same call for ever"),
        pytest.param(
            fails(400, "maximum context length exceeded", code="context_length_exceeded"),
            "context_overflow",
            id="too long",
        ),
        pytest.param(fails(429, Retry_After="3600"), "model_unavailable", id="asks for an hour"),
    ],
)
def test_a_lasting_fault_has_a_typed_end(
    investigate: Investigate, configure: Configure, model: ModelServer, fault: Answer, code: str
) -> None:
    """The step fails with the code of what went wrong, within few calls and without a traceback."""
    model.respond = lambda _: fault
    run = investigate()
    assert (run.status, run.failure_code) == ("error", code), run.failure_detail
    assert len(model.asked) <= 18
    assert ModelCall.objects.filter(status="started").count() == 0


def test_nobody_is_there(investigate: Investigate, configure: Configure) -> None:
    """An address where nothing listens: tried a few times with pauses, then said."""
    configure(LLM_BASE_URL="http://127.0.0.1:9/v1")
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "model_unavailable"), run.failure_detail
    assert ModelCall.objects.filter(status="failed", error_code="transient").count() == asking.MAX_TRANSIENT


def test_a_refusal_does_not_tell_the_key(
    investigate: Investigate, configure: Configure, model: ModelServer
) -> None:
    """A provider that repeats the key in its error does not bring it into a run, whatever the key looks like."""
    configure(LLM_API_KEY="opaque7words")
    model.respond = lambda _: fails(401, "there is nobody with opaque7words here")
    run = investigate()
    assert run.failure_code == "model_refused"
    assert "there is nobody with [redacted] here" in run.failure_detail


def test_nothing_that_is_tried_is_possible(investigate: Investigate, model: ModelServer) -> None:
    """A model that calls one impossible thing after the other is stopped."""
    model.respond = lambda asked: calls("read_file", path=f"{asked.number}.py")
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "agent_stuck")
    assert len(model.asked) <= 12


def test_the_third_same_call_is_answered_with_words(investigate: Investigate, model: ModelServer) -> None:
    """The model is told once that it repeats itself, and goes on when it listens."""
    script = [calls("read_file", path=replies.PATH)] * 3 + [DONE]
    model.respond = replies.whole_pipeline(root_cause=script)
    run = investigate()
    assert run.status == "completed", run.failure_detail
    assert "you have made this very call 3 times" in model.asked[-1].text


def test_a_model_that_does_not_answer_in_time(
    investigate: Investigate, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that hangs is given up, booked by its estimate, and tried again."""
    monkeypatch.setattr(asking, "CALL_TIMEOUT_S", 0.3)
    hanging = [Answer(DONE.body, wait_s=2)]
    model.respond = lambda _: hanging.pop() if hanging else DONE
    run = investigate()
    assert run.status == "completed", run.failure_detail
    lost = ModelCall.objects.get(status="failed")
    assert lost.estimated
    assert lost.input_tokens > 0


def test_the_turns_deadline_ends_a_hanging_call(
    investigate: Investigate, configure: Configure, model: ModelServer
) -> None:
    """A model that never answers cannot hold a turn beyond its time."""
    configure(TURN={"TIMEOUT_S": 3})
    model.respond = lambda _: Answer(DONE.body, wait_s=8)
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "timeout")
    # The library's own time-out and the turn's are equally long; either may be the first to strike.
    assert ModelCall.objects.get().status in ("abandoned", "failed")


def test_the_next_model_is_asked(investigate: Investigate, configure: Configure, model: ModelServer) -> None:
    """A model that is refused or broken is skipped; the ledger says which one answered."""
    configure(LLM_MODEL="openai:gone, broken, openai:good")
    faults = {"gone": fails(404), "broken": fails(500)}
    model.respond = lambda asked: faults.get(asked.body["model"], DONE)
    run = investigate()
    assert run.status == "completed", run.failure_detail
    booked = list(ModelCall.objects.order_by("pk").values_list("model", "status"))
    assert booked == [
        ("openai:gone", "failed"), ("broken", "failed"), ("broken", "failed"), ("openai:good", "answered"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fault", [pytest.param(fails(401), id="refused"), pytest.param(Answer(b"<html>"), id="unreadable")]
)
@pytest.mark.parametrize("names", ["openai:useless, openai:good", "openai:good, openai:useless"])
def test_a_useless_model_leaves_the_others(
    investigate: Investigate, configure: Configure, model: ModelServer, names: str, fault: Answer
) -> None:
    """Before or behind a model that is broken for a moment: whoever will not do is skipped, and the other one is asked again."""
    configure(LLM_MODEL=names)
    wobbles = [fails(500)] * 2
    model.respond = lambda asked: (
        fault if asked.body["model"] == "useless" else wobbles.pop() if wobbles else DONE
    )
    run = investigate()
    assert run.status == "completed", run.failure_detail
    assert model.asked[-1].body["model"] == "good"
    assert "useless" in [asked.body["model"] for asked in model.asked]


def test_none_of_the_models_will_do(
    investigate: Investigate, configure: Configure, model: ModelServer
) -> None:
    """Each is asked, none twice, and the step fails with the last one's reason."""
    configure(LLM_MODEL="openai:first, openai:second")
    model.respond = lambda asked: fails(404, f"no {asked.body['model']}")
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "model_refused")
    assert "no second" in run.failure_detail
    assert [asked.body["model"] for asked in model.asked] == ["first", "second"]


def test_a_long_pause_is_another_models_chance(
    investigate: Investigate, configure: Configure, model: ModelServer
) -> None:
    """Asked to come back in ten minutes, the next model is asked at once; the first one rests as long as it wishes."""
    configure(LLM_MODEL="openai:busy, openai:good")
    wobbles = [fails(500)] * 2
    model.respond = lambda asked: (
        fails(429, Retry_After="600")
        if asked.body["model"] == "busy"
        else wobbles.pop()
        if len(wobbles) == 2
        else DONE
    )
    run = investigate()
    assert run.status == "completed", run.failure_detail
    assert [asked.body["model"] for asked in model.asked] == ["busy", "good", "good"]

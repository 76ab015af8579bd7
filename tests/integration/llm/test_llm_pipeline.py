"""The agent that asks a model, through whole runs against a scripted model over real HTTP."""

from __future__ import annotations

import pytest

from autofix.explorer.client import get_client
from autofix.explorer.models import ModelCall
from autofix.models import PullRequest
from tests.integration.llm import replies
from tests.integration.llm.conftest import Investigate
from tests.llm_server import INPUT_TOKENS, OUTPUT_TOKENS, ModelServer
from tests.pipeline import IMPACT, SOLUTION, TRIAGE, events_of, steps_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_whole_pipeline(investigate: Investigate, model: ModelServer) -> None:
    """Tools are called, invalid artifacts repaired within the turn, a file edited, a pull request opened."""
    run = investigate("open_pr")
    assert run.status == "completed", run.failure_detail
    assert set(steps_of(run).values()) == {"completed"}
    artifacts = {step.step: step.artifact for step in run.steps.all() if step.artifact}
    assert artifacts == {
        "root_cause": replies.ROOT_CAUSE | {"evidence": [replies.CITATION | {"pointer": ""}]},
        "solution": SOLUTION,
        "impact_assessment": IMPACT,
        "triage": TRIAGE,
    }
    assert run.steps.filter(repairs__gt=0).count() == 0
    pull_request = PullRequest.objects.get(run=run)
    assert pull_request.state == "completed", pull_request.error_detail
    assert len(events_of(run)) == 12
    answers = [
        b.message.content for b in get_client().state(run.session_id).blocks if b.message.role == "tool_use"
    ]
    assert [answer for answer in answers if answer.startswith("Refused:")] == [
        answer for answer in answers if "five_whys" in answer or "Citation 1" in answer
    ]
    assert len(model.asked) == sum(len(answers) for answers in replies.SCRIPT.values())


def test_each_call_is_booked_and_summed_up(investigate: Investigate, model: ModelServer) -> None:
    """The ledger has one row per request; its sums are the turn's, the step's and the run's usage."""
    run = investigate("root_cause")
    count = len(model.asked)
    assert ModelCall.objects.filter(status="answered", estimated=False).count() == count == 6
    step = run.steps.get()
    usage = get_client().turn(run.session_id, step.turn_id).usage
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (
        6,
        6 * INPUT_TOKENS,
        6 * OUTPUT_TOKENS,
    )
    assert usage.cost_usd is None


def test_tools_are_described_to_the_model(investigate: Investigate, model: ModelServer) -> None:
    """Every request names the tools of its step only: no editing before the code changes, results of the step and earlier."""
    investigate("code_changes")
    by_step = {asked.step: set(asked.tools) for asked in model.asked}
    assert "replace_text" in by_step["code_changes"]
    assert "replace_text" not in by_step["root_cause"] | by_step["solution"]
    writing = {
        step: sorted(t for t in tools if t.startswith("artifact_write_")) for step, tools in by_step.items()
    }
    assert writing == {
        "root_cause": ["artifact_write_root_cause"],
        "solution": ["artifact_write_root_cause", "artifact_write_solution"],
        "code_changes": ["artifact_write_root_cause", "artifact_write_solution"],
        "impact_assessment": ["artifact_write_impact_assessment"],
        "triage": ["artifact_write_triage"],
    }
    tool = next(t for t in model.asked[0].body["tools"] if t["function"]["name"] == "read_file")
    assert "Lines of a file" in tool["function"]["description"]
    assert set(tool["function"]["parameters"]["properties"]) == {
        "path",
        "start_line",
        "end_line",
        "repo_name",
    }

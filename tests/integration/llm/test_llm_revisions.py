"""Later evidence may prove an earlier result wrong."""

from __future__ import annotations

import pytest

from autofix.models import WebhookEvent
from tests.integration.llm import replies
from tests.integration.llm.conftest import Investigate
from tests.llm_server import ModelServer
from tests.pipeline import SOLUTION, events_of

pytestmark = pytest.mark.django_db(transaction=True)
BETTER = {**replies.ROOT_CAUSE, "one_line_description": "The price list is incomplete"}


def test_the_newest_artifact_wins_and_is_announced_again(
    investigate: Investigate, model: ModelServer
) -> None:
    """A root cause that the solution's turn writes again replaces the first one, with an event of a higher sequence."""
    solution = [replies.written("root_cause", BETTER), replies.written("solution", SOLUTION)]
    model.respond = replies.whole_pipeline(solution=solution)
    run = investigate("solution")
    assert run.status == "completed", run.failure_detail
    artifact = run.steps.get(step="root_cause").artifact
    assert artifact is not None
    assert artifact["one_line_description"] == BETTER["one_line_description"]
    happened = events_of(run)
    assert happened.count("root_cause_completed") == 2
    second = (
        WebhookEvent.objects.filter(run=run, type="autofix.root_cause_completed").order_by("sequence").last()
    )
    assert second is not None
    assert second.body["data"]["root_cause"]["one_line_description"] == BETTER["one_line_description"]
    assert (
        happened.index("solution_started") < (second.sequence or 0) - 1 < happened.index("solution_completed")
    )


def test_an_unproven_revision_changes_nothing(investigate: Investigate, model: ModelServer) -> None:
    """A revised root cause with a quote that is not there is refused inside the turn."""
    solution = [replies.written("root_cause", replies.WRONG_CITATION), replies.written("solution", SOLUTION)]
    model.respond = replies.whole_pipeline(solution=solution)
    run = investigate("solution")
    assert run.status == "completed", run.failure_detail
    assert events_of(run).count("root_cause_completed") == 1

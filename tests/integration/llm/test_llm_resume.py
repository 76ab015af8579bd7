"""A worker may vanish between an answer and the block that keeps it: nothing is done twice that shows."""

from __future__ import annotations

from typing import Any

import pytest

from autofix import autofix_agent
from autofix.explorer import leases
from autofix.explorer.client import get_client
from autofix.explorer.models import Block, ModelCall
from autofix.explorer.state import latest_patches
from autofix.hosts import Issue
from autofix.models import ProjectPreference
from autofix.steps import StoppingPoint
from autofix.testing import WakeupQueue
from tests.integration.llm import replies
from tests.integration.llm.conftest import Investigate
from tests.llm_server import Answer, ModelServer, calls, says
from tests.pipeline import SOLUTION, events_of
from tests.repositories import CART

pytestmark = pytest.mark.django_db(transaction=True)
STEPS: dict[str, list[Answer]] = {
    "root_cause": [calls("event_details"), replies.written("root_cause", replies.ROOT_CAUSE)],
    "solution": [replies.written("solution", SOLUTION)],
    "code_changes": [
        replies.EDIT,
        calls("write_file", path="shop/new.py", text="x = 1\n"),
        calls("delete_file", path="README.md"),
        says("Done."),
    ],
}
ANSWERS = sum(map(len, STEPS.values()))
BLOCKS = 2 * ANSWERS - 1
"""Each answer and what each tool gave; the last answer calls none."""


class Vanished(BaseException):
    """The worker is no more."""


def vanish_at(number: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the worker vanish before its n-th block is stored; the list gets the role of that block's message."""
    kept, count, lost = leases.append, 0, list[str]()

    def append(lease: leases.Lease, content: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if count == number:
            lost.append(content["message"]["role"])
            raise Vanished
        kept(lease, content)

    monkeypatch.setattr(leases, "append", append)
    return lost


def test_no_call_counts_as_finished_before_its_answer_is_stored(
    investigate: Investigate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is killed leaves no booked answer without its block, so none is paid again; a stored one is booked next."""
    kept, finished = leases.append, list[tuple[int, int]]()

    def append(lease: leases.Lease, content: dict[str, Any]) -> None:
        stored = Block.objects.filter(turn=lease.turn_id, content__message__role="assistant").count()
        finished.append((ModelCall.objects.filter(status="answered").count(), stored))
        kept(lease, content)

    monkeypatch.setattr(leases, "append", append)
    run = investigate()
    assert run.status == "completed", run.failure_detail
    assert len(finished) > len(replies.SCRIPT["root_cause"])
    assert [counts for counts in finished if counts[0] != counts[1]] == []
    assert ModelCall.objects.filter(status="answered").count() == len(replies.SCRIPT["root_cause"])


@pytest.mark.parametrize("number", range(1, BLOCKS + 1))
def test_a_worker_that_vanishes_before_a_block_is_stored(
    shop: Issue, queue: WakeupQueue, model: ModelServer, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """An answer is asked for once more, a tool runs once more: the same results, edits, events, and no other call is repeated."""
    mine = {"organization_id": shop.organization_id, "project_id": shop.project_id}
    ProjectPreference.objects.create(**mine, side_steps=[])
    model.respond = replies.whole_pipeline(**STEPS)
    lost = vanish_at(number, monkeypatch)
    run = autofix_agent.trigger_autofix_agent(shop, stopping_point=StoppingPoint.CODE_CHANGES).run
    with pytest.raises(Vanished):
        queue.drain()
    queue.drain()
    run.refresh_from_db()
    assert run.status == "completed", run.failure_detail
    again = lost.count("assistant")
    assert lost in (["assistant"], ["tool_use"])
    assert len(model.asked) == ModelCall.objects.count() == ANSWERS + again

    blocks = get_client().state(run.session_id).blocks
    assert len([block for block in blocks if block.message.role != "user"]) == BLOCKS
    changed = {patch.patch.path: patch for patch in latest_patches(blocks)}
    assert {path: patch.patch.type for path, patch in changed.items()} == {
        replies.PATH: "M",
        "shop/new.py": "A",
        "README.md": "D",
    }
    line = CART.splitlines()[1]
    assert f"-{line}\n+{line.replace('prices[name]', 'prices.get(name, 0)')}\n" in changed[replies.PATH].diff
    artifacts = {step.step: step.artifact for step in run.steps.all() if step.artifact}
    assert set(artifacts) == {"root_cause", "solution"}
    assert len(events_of(run)) == len(set(events_of(run))) == 7

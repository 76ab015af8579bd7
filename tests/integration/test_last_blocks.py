"""The last block of a turn is stored with the turn's end."""

from __future__ import annotations

import pytest

from autofix import rows, step_executions
from autofix.autofix_agent import trigger_autofix_agent
from autofix.exceptions import AgentFailed
from autofix.explorer import hooks, leases
from autofix.explorer.models import Block, Turn, TurnStatus
from autofix.hosts import Issue
from autofix.models import Run
from autofix.steps import StoppingPoint
from autofix.testing import WakeupQueue
from tests.integration.turns import lapse, thought
from tests.pipeline import PATCH, Play

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def turn(issue: Issue, queue: WakeupQueue, play: Play) -> Turn:
    """An open turn that no worker has taken."""
    trigger_autofix_agent(issue)
    return Turn.objects.get()


def test_a_last_block_is_stored_with_the_end(turn: Turn) -> None:
    """Whoever has it sees the end with it, and who lost the turn stores neither."""
    first = leases.claim(turn.pk)
    assert first is not None
    lapse(turn)
    second = leases.claim(turn.pk)
    assert second is not None
    for lease in (first, second):
        leases.append_last(lease, thought("done"))
        lease.turn.status = TurnStatus.FAILED
    assert Block.objects.count() == 1
    with pytest.raises(leases.LeaseLost):
        hooks.end(first)
    assert Block.objects.count() == 1
    hooks.end(second)
    turn.refresh_from_db()
    assert (turn.status, turn.end_index) == (TurnStatus.FAILED, 2)
    assert [b.content["message"]["content"] for b in Block.objects.order_by("index")] == [
        turn.prompt,
        "done",
    ]


def test_a_last_block_is_kept_when_its_result_cannot_be_recorded(
    turn: Turn, queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step fails with a reason, and what the agent said last is there to be read."""

    def fail(*_: object, **__: object) -> None:
        raise ValueError("a bug of ours")

    monkeypatch.setattr(step_executions, "complete", fail)
    queue.drain()
    assert Run.objects.get().failure_code == "internal_error"
    assert [bool(b.content["artifacts"]) for b in Block.objects.order_by("index")] == [False, False, True]
    turn.refresh_from_db()
    assert turn.end_index == 3


def test_a_last_block_stands_and_falls_with_the_end(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no hook has anything to record, since the run was deleted meanwhile."""
    lease = leases.claim(turn.pk)
    assert lease is not None
    Run.objects.all().delete()
    lease.turn.status = TurnStatus.COMPLETED
    leases.append_last(lease, thought("done"))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rows, "add_later", die)
        with pytest.raises(KeyboardInterrupt):
            hooks.end(lease)
    turn.refresh_from_db()
    assert (turn.status, turn.end_index, Block.objects.count()) == (TurnStatus.RUNNING, 1, 1)
    hooks.end(lease)
    turn.refresh_from_db()
    assert (turn.status, turn.end_index, Block.objects.count()) == (TurnStatus.COMPLETED, 2, 2)


@pytest.mark.parametrize("is_last", [True, False])
def test_a_patch_that_no_database_stores_fails_its_step(
    issue: Issue, queue: WakeupQueue, play: Play, is_last: bool
) -> None:
    """Once, with a reason, whether it is the last block or not."""
    patched = {"message": {"content": "edit"}, "file_patches": [{**PATCH, "diff": "diff \0"}]}
    play(code_changes=[{"blocks": [patched, *([] if is_last else [{"message": {"content": "more"}}])]}])
    trigger_autofix_agent(issue, stopping_point=StoppingPoint.CODE_CHANGES)
    queue.drain()
    run = Run.objects.get()
    assert (run.status, run.failure_code) == ("error", AgentFailed.code)
    assert "no database stores" in run.failure_detail
    assert Turn.objects.latest("pk").fence == 1

"""What a request, a block and an advance cost the database: fixed numbers of statements, whatever there is already."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer import hooks, leases, runner
from autofix.explorer.models import Block, Session, Turn
from autofix.explorer.state import BlockContent, Message
from autofix.hosts import Issue
from autofix.models import ProjectPreference, Run
from autofix.steps import StoppingPoint
from autofix.testing import WakeupQueue
from tests.integration.api.conftest import Caller
from tests.pipeline import Play

pytestmark = pytest.mark.django_db(transaction=True)
POST = 36  # three more for the organization's first run of a month
TURN = 6
BLOCK = 5
HOOK = 26
UNCHANGED = 8


def lengthen(session: Session, length: int) -> None:
    """Give the session so many blocks."""
    missing = range(session.next_index, length)
    Block.objects.bulk_create(Block(session=session, index=index, content={}) for index in missing)
    Session.objects.filter(pk=session.pk).update(next_index=max(length, session.next_index))


def commits(statements: CaptureQueriesContext) -> int:
    return sum(1 for query in statements.captured_queries if query["sql"] == "COMMIT")


@pytest.mark.parametrize("earlier", [1, 5])
def test_a_post_commits_once(api: Caller, queue: WakeupQueue, play: Play, earlier: int) -> None:
    """Starting a run is one transaction of a fixed number of statements, however many runs the issue has had."""
    for _ in range(earlier):
        assert api.post().status == 202
        queue.lose()
        Run.objects.update(status="completed")
    with CaptureQueriesContext(connection) as statements:
        assert api.post().status == 202
    assert commits(statements) == 1
    assert len(statements) == POST


@pytest.mark.parametrize("length", [0, 300])
def test_an_advance_costs_the_same_however_long_the_session(
    issue: Issue, queue: WakeupQueue, play: Play, length: int
) -> None:
    """A turn of two blocks, and its hook up to the next step, whatever stands before them."""
    mine = {"organization_id": issue.organization_id, "project_id": issue.project_id}
    ProjectPreference.objects.create(**mine, side_steps=[])
    trigger_autofix_agent(issue, stopping_point=StoppingPoint.CODE_CHANGES)
    turn = Turn.objects.get()
    lengthen(turn.session, length)
    Turn.objects.update(first_index=Session.objects.get().next_index - 1)
    with CaptureQueriesContext(connection) as worked:
        assert runner.run_turn(turn.pk)
    with CaptureQueriesContext(connection) as hooked:
        hooks.call_completion_hook(turn.pk)
    assert Turn.objects.latest("pk").metadata["step"] == "solution"
    assert (len(worked), len(hooked)) == (TURN + 2 * BLOCK, HOOK)
    assert commits(hooked) == 1


@pytest.mark.parametrize("length", [10, 10_000])
def test_a_block_costs_the_same_however_many_there_are(
    issue: Issue, queue: WakeupQueue, play: Play, length: int
) -> None:
    """The 10,000th block costs the statements of the 10th, and they name no other block."""
    trigger_autofix_agent(issue)
    turn = Turn.objects.get()
    lengthen(turn.session, length - 1)
    lease = leases.claim(turn.pk)
    assert lease is not None
    with CaptureQueriesContext(connection) as statements:
        leases.append(lease, BlockContent(message=Message(content="next")))
    assert len(statements) == BLOCK
    assert [q["sql"].split()[0] for q in statements.captured_queries] == [
        "BEGIN",
        "UPDATE",
        "INSERT",
        "UPDATE",
        "COMMIT",
    ]
    assert Session.objects.get().next_index == length


@pytest.mark.parametrize("length", [10, 1_000])
def test_an_unchanged_run_is_told_so_without_its_blocks(
    api: Caller, queue: WakeupQueue, play: Play, length: int
) -> None:
    """GET with the ETag that it gave reads no block, and costs the same for 10 blocks and for 1,000."""
    assert api.post().status == 202
    lengthen(Session.objects.get(), length)
    tag = api.get().headers["ETag"]
    with CaptureQueriesContext(connection) as statements:
        assert api.get(headers={"If-None-Match": tag}).status == 304
    assert len(statements) == UNCHANGED
    assert not any(Block._meta.db_table in query["sql"] for query in statements.captured_queries)

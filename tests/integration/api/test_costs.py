"""What a request, a block and an advance cost the database: fixed numbers of trips, whatever there is already."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from autofix import rows
from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer import leases, runner
from autofix.explorer.models import Block, Session, Turn
from autofix.explorer.state import BlockContent, Message
from autofix.hosts import Issue
from autofix.models import ProjectPreference, Run
from autofix.steps import StoppingPoint
from autofix.testing import WakeupQueue
from tests.integration.api.conftest import Caller
from tests.pipeline import Play
from tests.trips import sent

pytestmark = pytest.mark.django_db(transaction=True)
# Trips to the database: (where several statements travel together, elsewhere).
POST = (25, 29)  # two more for the first run of a month
TURN = (7, 27)
"""With its last block and its completion hook, up to the next step; the host finds its issue twice."""
BLOCK = (1, 2)
UNCHANGED = (8, 8)


def trips(of: tuple[int, int]) -> int:
    return of[0] if rows.takes_several() else of[1]


def lengthen(session: Session, length: int) -> None:
    """Give the session so many blocks."""
    Block.objects.bulk_create(
        Block(session=session, index=index, content={}) for index in range(session.blocks.count(), length)
    )


def commits(statements: CaptureQueriesContext) -> int:
    return sum(1 for query in statements.captured_queries if query["sql"] == "COMMIT")


@pytest.mark.parametrize("earlier", [1, 5])
def test_a_post_commits_once(api: Caller, queue: WakeupQueue, play: Play, earlier: int) -> None:
    """Starting a run is one transaction of a fixed number of trips, however many runs the issue has had."""
    for _ in range(earlier):
        assert api.post().status == 202
        queue.lose()
        Run.objects.update(status="completed")
    with CaptureQueriesContext(connection) as statements:
        assert api.post().status == 202
    assert commits(statements) == 1
    assert len(sent(statements)) == trips(POST)


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
    end = turn.session.blocks.count()
    Turn.objects.update(first_index=end - 1, end_index=end)
    with CaptureQueriesContext(connection) as worked:
        assert runner.run_turn(turn.pk)
    assert Turn.objects.latest("pk").metadata["step"] == "solution"
    assert len(sent(worked)) == trips(TURN) + trips(BLOCK)


@pytest.mark.parametrize("length", [10, 10_000])
def test_a_block_costs_the_same_however_many_there_are(
    issue: Issue, queue: WakeupQueue, play: Play, length: int
) -> None:
    """The 10,000th block costs what the 10th did, and they name no other block."""
    trigger_autofix_agent(issue)
    turn = Turn.objects.get()
    lengthen(turn.session, length)
    Turn.objects.update(end_index=length)
    lease = leases.claim(turn.pk)
    assert lease is not None
    block = BlockContent(message=Message(content="next")).model_dump(mode="json")
    with CaptureQueriesContext(connection) as statements:
        leases.append(lease, block)
    assert len(sent(statements)) == trips(BLOCK)
    words = [text.split()[0] for text in "; ".join(sent(statements)).split("; ")]
    assert words == ["UPDATE", "INSERT"]
    assert Block.objects.latest("index").index == length


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
    assert len(sent(statements)) == trips(UNCHANGED)
    assert not any(Block._meta.db_table in query["sql"] for query in statements.captured_queries)

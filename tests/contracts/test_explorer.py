"""What every explorer must do, whoever runs the turns: the suite of the explorer port."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from autofix.explorer import hooks
from autofix.explorer.client import ExplorerClient, TurnRequest
from autofix.explorer.local import LocalExplorer
from autofix.hosts import Issue
from autofix.testing import WakeupQueue

pytestmark = pytest.mark.django_db(transaction=True)
HOOK = "tests.hook"


@pytest.fixture
def calls() -> list[tuple[str, str, str]]:
    """What the completion hook was told."""
    calls: list[tuple[str, str, str]] = []
    hooks.register(HOOK, lambda end: calls.append((end.organization_id, end.session_id, end.turn.id)))
    return calls


@pytest.fixture(params=[LocalExplorer])
def explorer(
    request: pytest.FixtureRequest,
    issue: Issue,
    play: object,
    queue: WakeupQueue,
) -> ExplorerClient:
    """Each explorer in turn, with the scripted agent behind it."""
    client: ExplorerClient = request.param()
    return client


def request(key: str, step: str = "root_cause", attempt: int = 1) -> TurnRequest:
    return TurnRequest(
        key=key,
        prompt=f"find the {step}",
        hook=HOOK,
        artifact_key=step,
        metadata={"step": step, "attempt": attempt},
    )


def test_turn_leaves_its_blocks_and_calls_the_hook(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """The prompt is the first block, the agent's follow without gaps, and the hook hears of the end."""
    session = explorer.start_session(issue, [])
    turn = explorer.start_turn(session, request("k1")).id
    queue.drain()
    state = explorer.state(session)
    assert [block.index for block in state.blocks] == [0, 1, 2]
    assert (state.blocks[0].message.role, state.blocks[0].message.content) == ("user", "find the root_cause")
    assert state.blocks[2].artifacts[0].key == "root_cause"
    assert state.status == "completed"
    assert calls == [(issue.organization_id, session, turn)]


def test_same_key_is_the_same_turn(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """Starting twice, before and after the end, gives one turn and one prompt."""
    session = explorer.start_session(issue, [])
    first = explorer.start_turn(session, request("k1")).id
    assert explorer.start_turn(session, request("k1")).id == first
    queue.drain()
    assert explorer.start_turn(session, request("k1")).id == first
    queue.drain()
    assert len(explorer.state(session).blocks) == 3


def test_turn_knows_its_blocks(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """Each turn's range covers its own blocks and no others."""
    session = explorer.start_session(issue, [])
    first = explorer.start_turn(session, request("k1")).id
    queue.drain()
    second = explorer.start_turn(session, request("k2", "solution")).id
    queue.drain()
    ranges = [(t.first_index, t.end_index) for t in (explorer.turn(session, t) for t in (first, second))]
    assert ranges == [(0, 3), (3, 6)]
    own = explorer.blocks(session, second)
    assert [block.index for block in own] == [3, 4, 5]


def test_blocks_that_change_files_are_found_by_themselves(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """What a session has changed is read without its other blocks, in a fork as well."""
    session = explorer.start_session(issue, [])
    for key, step in (("k1", "root_cause"), ("k2", "code_changes")):
        explorer.start_turn(session, request(key, step))
        queue.drain()
    patched = explorer.patched_blocks(session)
    assert patched == [block for block in explorer.state(session).blocks if block.file_patches] != []
    in_fork = explorer.patched_blocks(explorer.fork(session, 100))
    assert [block.file_patches for block in in_fork] == [block.file_patches for block in patched]


def test_since_gives_later_blocks_only(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """Who has seen index 1 gets what comes after it."""
    session = explorer.start_session(issue, [])
    explorer.start_turn(session, request("k1"))
    queue.drain()
    assert [block.index for block in explorer.state(session, since=1).blocks] == [2]


def test_version_changes_with_the_session_only(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """Reading changes nothing; a turn does."""
    session = explorer.start_session(issue, [])
    before = explorer.version(session)
    explorer.state(session)
    assert explorer.version(session) == before
    explorer.start_turn(session, request("k1"))
    assert explorer.version(session) != before


def test_rewind_drops_blocks_and_the_next_follow_without_gap(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """From the index on nothing is left; past the end is a ValueError."""
    session = explorer.start_session(issue, [])
    explorer.start_turn(session, request("k1"))
    queue.drain()
    with pytest.raises(ValueError, match="3 blocks"):
        explorer.rewind(session, 4)
    explorer.rewind(session, 1)
    explorer.start_turn(session, request("k2", "solution"))
    queue.drain()
    assert [block.index for block in explorer.state(session).blocks] == [0, 1, 2, 3]


def test_fork_goes_its_own_way(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """A fork begins with the blocks below the index; afterwards neither session sees the other's."""
    if not explorer.can_fork:
        pytest.skip("this explorer cannot fork and says so")
    session = explorer.start_session(issue, [])
    explorer.start_turn(session, request("k1"))
    queue.drain()
    fork = explorer.fork(session, 2)
    explorer.start_turn(fork, request("k2", "triage"))
    explorer.rewind(session, 0)
    queue.drain()
    texts = [block.message.content for block in explorer.state(fork).blocks]
    assert texts[:3] == ["find the root_cause", "looking into root_cause", "find the triage"]
    assert explorer.state(session).blocks == []


def test_cancelled_turn_takes_no_more_blocks(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """A turn that was cancelled before it began ends with its prompt alone; cancelling again does nothing."""
    session = explorer.start_session(issue, [])
    turn = explorer.start_turn(session, request("k1")).id
    explorer.cancel_turn(turn)
    explorer.cancel_turn(turn)
    queue.drain()
    assert explorer.turn(session, turn).status == "cancelled"
    assert len(explorer.state(session).blocks) == 1


def test_failed_turn_says_why(
    explorer: ExplorerClient, issue: Issue, queue: WakeupQueue, calls: list[tuple[str, str, str]]
) -> None:
    """An agent that cannot go on leaves a code and a sentence, and the hook is called all the same."""
    session = explorer.start_session(issue, [])
    turn = explorer.start_turn(session, request("k1", "no_such_step")).id
    queue.drain()
    state = explorer.turn(session, turn)
    assert (state.status, state.error_code) == ("failed", "agent_error")
    assert "no_such_step" in state.error_detail
    assert len(calls) == 1


def test_check_says_why_it_cannot_work(explorer: ExplorerClient, settings: Settings, tmp_path: Path) -> None:
    """A usable explorer has nothing to say; an unusable one says it in a sentence."""
    assert explorer.check() == ""
    options = {"AGENT": "scripted", "SCRIPT": str(tmp_path / "nowhere.json")}
    settings.AUTOFIX = {**settings.AUTOFIX, "EXPLORER": {"OPTIONS": options}}
    assert "script" in explorer.check()

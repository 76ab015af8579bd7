"""The offline agent on a real program: its crash as a real SDK reports it, its history as git tells it, all five turns."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from autofix.artifact_schemas import Citation, RootCauseArtifact
from autofix.citations import unresolved
from autofix.exceptions import AgentFailed
from autofix.explorer.agents.base import TurnBrief
from autofix.explorer.agents.offline import OfflineAgent
from autofix.explorer.state import Message
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.workspace import open_workspace, pin_repositories
from autofix.hosts.memory import MemoryHost
from autofix.steps import STEPS, Step
from tests.integration.crashing_shop import CrashingShop, all_of, artifact_of, run, state, tell
from tests.repositories import local_roots


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashingShop]:
    """The shop's repository, its program on disk, and the event of its crash."""
    folder = tmp_path_factory.mktemp("shop")
    with local_roots(folder):
        yield CrashingShop(folder)


def test_the_root_cause_is_proven_line_by_line(world: CrashingShop) -> None:
    """The lookup and the guard that went are named; every citation holds in the repository and in the event."""
    found = RootCauseArtifact.model_validate(artifact_of(world.turn(Step.ROOT_CAUSE)))
    assert found.fixability.assessment == "fixable"
    assert found.relevant_repo == "acme/shop"
    assert "coupon" in found.one_line_description
    assert {"code", "event"} == {citation.kind for citation in found.evidence}
    assert broken(world, found.evidence) == []


def broken(world: CrashingShop, citations: list[Citation]) -> list[str]:
    """The citations that do not hold."""
    return unresolved(
        citations, read_code=lambda _repo, path: (world.program / path).read_text(), event=world.payload
    )


def test_what_was_read_can_be_read_again(world: CrashingShop) -> None:
    """Before the artifact come the event, the frames and the code, each asked for and answered."""
    blocks = world.turn(Step.ROOT_CAUSE)
    calls = [
        call.function
        for block in blocks
        for call in block.message.tool_calls
        if block.message.role == "assistant"
    ]
    assert calls[:3] == ["read_event", "map_frames", "read_code"]
    assert "shop/pricing.py:9 discount" in "\n".join(block.message.content for block in blocks)


def test_every_artifact_fits_its_schema(world: CrashingShop) -> None:
    """Each step that owes an artifact gives one that validates."""
    for step, spec in STEPS.items():
        if spec.artifact is not None:
            spec.artifact.model_validate(artifact_of(world.turn(step)))


def test_triage_names_the_commit_that_took_the_guard_away(world: CrashingShop) -> None:
    """Not the newest commit; the owner of the file is the assignee."""
    found = artifact_of(world.turn(Step.TRIAGE))
    assert found["suspect_commit"]["message"].startswith("Never more than the total")
    assert found["suspect_commit"]["author_email"] == "ben@example.com"
    assert found["suggested_assignee"]["name"] == "@acme/till"
    assert "CODEOWNERS line 1" in found["suggested_assignee"]["why"]


def test_the_patch_mends_the_program(world: CrashingShop, tmp_path: Path) -> None:
    """The diff applies, the program no longer crashes, and the coupon that is known still counts."""
    (patch,) = world.turn(Step.CODE_CHANGES)[-1].file_patches
    assert (patch.repo_name, patch.patch.path, patch.patch.added, patch.patch.removed) == (
        "acme/shop",
        "shop/pricing.py",
        2,
        0,
    )
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "--quiet", str(world.program), str(copy)], check=True)
    subprocess.run(["git", "apply", "-"], input=patch.diff, text=True, check=True, cwd=copy)
    assert (run(copy, "gone").stdout, run(copy, "NEWS5").stdout, run(copy, "").stdout) == (
        "2000\n",
        "1900\n",
        "2000\n",
    )


@pytest.mark.parametrize("step", list(STEPS))
def test_a_turn_goes_on_where_another_worker_died(world: CrashingShop, step: Step) -> None:
    """The same input gives the same blocks; those that are stored already are not told again."""
    whole = world.turn(step)
    assert world.turn(step) == whole
    for told in range(1, len(whole) + 1):
        assert world.turn(step, told=told) == whole[told:]


def test_an_edit_that_is_there_already_is_told_again(world: CrashingShop) -> None:
    """A worker that died after writing: the next one finds its edit in the worktree and gives the same patch."""
    pins = pin_repositories([world.repository], "")
    with open_workspace("twice", [world.repository], pins, []) as checkouts:
        first = world.blocks(Step.CODE_CHANGES, checkouts)
        assert world.blocks(Step.CODE_CHANGES, checkouts) == first
        checkouts["acme/shop"].write("shop/pricing.py", "# somebody's own change\n")
        (abstained,) = world.blocks(Step.CODE_CHANGES, checkouts)
    assert abstained.file_patches == []
    assert "changed_already" in abstained.message.content


def test_without_a_repository_the_event_still_speaks(world: CrashingShop) -> None:
    """A typed, honest root cause, no suspect, no patch."""
    found = artifact_of(world.turn(Step.ROOT_CAUSE, repositories=()))
    assert found["fixability"]["assessment"] == "needs_more_context"
    assert "No repository" in found["fixability"]["reason"]
    assert artifact_of(world.turn(Step.TRIAGE, repositories=())) == {
        "suspect_commit": None,
        "suggested_assignee": None,
    }
    (said,) = world.turn(Step.CODE_CHANGES, repositories=())
    assert said.file_patches == []
    assert "no_repository" in said.message.content


def test_an_issue_without_event_is_said_to_be_one(world: CrashingShop) -> None:
    """With a title there is something to say; without one the turn fails with a code."""
    titled = world.host.add_issue(world.project, title="It broke")
    found = artifact_of(world.turn(Step.ROOT_CAUSE, issue=titled))
    assert found["fixability"]["assessment"] == "needs_more_context"
    blank = world.host.add_issue(world.project, title=" ")
    with pytest.raises(AgentFailed) as failure:
        world.turn(Step.ROOT_CAUSE, issue=blank)
    assert failure.value.code == "no_evidence"


def test_a_prompt_of_another_kind_is_refused(world: CrashingShop) -> None:
    """A question in free words is nothing for an agent without a model: it says so, with a code."""
    toolbox = Toolbox(world.issue, world.host, {})
    with pytest.raises(AgentFailed) as failure:
        all_of(OfflineAgent().run(TurnBrief("Why?", None, can_edit=False), [], 0, toolbox))
    assert failure.value.code == "unsupported_step"


def test_a_session_stays_with_its_event(world: CrashingShop) -> None:
    """A newer event that arrives between two blocks, or between two steps, changes nothing of what is told."""
    host = MemoryHost()
    project = host.add_project(host.add_organization("acme"), "shop")
    issue = host.add_issue(project, world.payload)
    first = host.events(issue)[0]
    pins = pin_repositories([world.repository], "")
    with open_workspace("stays", [world.repository], pins, []) as checkouts:
        whole = tell(Step.ROOT_CAUSE, host, issue, checkouts)
        host.add_event(issue, {"event_id": "f" * 32, "message": "Something else"})
        stored = [state(0, Message(role="user", content="Look into it.")), state(1, whole[0].message)]
        brief = TurnBrief("Look into it.", "root_cause", can_edit=False)
        rest = all_of(OfflineAgent().run(brief, stored, 0, Toolbox(issue, host, checkouts)))
    assert rest == whole[1:]
    assert {block.message.metadata["event_id"] for block in whole} == {first.id}


def test_only_files_that_are_edited_are_written(world: CrashingShop) -> None:
    """Looking into an event makes no worktree, and an edit makes one file of it: a large repository costs no more."""
    pins = pin_repositories([world.repository], "")
    with open_workspace("lean", [world.repository], pins, []) as checkouts:
        world.blocks(Step.ROOT_CAUSE, checkouts)
        folder = checkouts["acme/shop"]._folder
        assert not folder.exists()
        world.blocks(Step.CODE_CHANGES, checkouts)
        written = [
            str(path.relative_to(folder / "tree")) for path in (folder / "tree").rglob("*") if path.is_file()
        ]
    assert written == ["shop/pricing.py"]

"""What a run looks like from outside, and what reading it costs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer.client import get_client
from autofix.explorer.models import Turn
from autofix.hosts import Issue
from autofix.models import PullRequest, Run
from autofix.steps import Step, StoppingPoint
from autofix.streaming import RunStream
from autofix.testing import WakeupQueue
from autofix.wakeups import RUN_TURN
from tests.integration.api.conftest import Caller
from tests.pipeline import IMPACT, PATCH, ROOT_CAUSE, SOLUTION, Play, says

pytestmark = pytest.mark.django_db(transaction=True)
CODE = StoppingPoint.CODE_CHANGES


@pytest.fixture
def finished(issue: Issue, queue: WakeupQueue, play: Play) -> Run:
    """A run that came to its stopping point."""
    run = trigger_autofix_agent(issue, stopping_point=CODE, referrer="api.web").run
    queue.drain()
    run.refresh_from_db()
    return run


def events(text: bytes) -> list[tuple[str, str, dict[str, Any]]]:
    """Server-sent events as (id, name, data)."""
    frames = [frame for frame in text.decode().split("\n\n") if frame.startswith("id: ")]
    found = []
    for frame in frames:
        lines = dict(line.split(": ", 1) for line in frame.splitlines())
        found.append((lines["id"], lines["event"], json.loads(lines["data"])))
    return found


def test_no_run_yet(api: Caller) -> None:
    """An issue without runs has a state, too: null. Reading starts nothing."""
    assert api.get().body == {"autofix": None}
    assert api.get("runs/").body == {"next": None, "previous": None, "results": []}
    assert (api.get("diff/").status, api.get("stream/").status) == (404, 404)
    assert not Run.objects.exists()


def test_the_whole_state(api: Caller, finished: Run) -> None:
    """A finished run shows the keys of the reference, and what each step found."""
    state = api.get().body["autofix"]
    assert set(state) == {
        "run_id", "run_uuid", "status", "stopping_point", "referrer", "explorer", "current_step", "updated_at", "steps",
        "artifacts", "code_changes", "blocks", "pending_user_input", "repo_pr_states", "coding_agents", "failure", "usage",
        "stop_reason",
    }  # fmt: skip
    assert (state["run_id"], state["run_uuid"]) == (finished.pk, str(finished.uuid))
    assert (state["status"], state["failure"], state["pending_user_input"]) == ("completed", None, None)
    assert (state["explorer"], state["referrer"], state["current_step"]) == (
        "scripted",
        "api.web",
        "code_changes",
    )
    assert [step["sequence"] for step in state["steps"]] == [1, 2, 3, 4, 5]
    assert set(state["steps"][0]) == {
        "sequence", "step", "lane", "status", "referrer", "attempt", "started_at", "completed_at", "error",
    }  # fmt: skip
    assert set(state["artifacts"]) == {"root_cause", "solution", "impact_assessment", "triage"}
    assert state["artifacts"]["solution"] == SOLUTION
    assert state["artifacts"]["impact_assessment"]["impacts"][0]["label"] == IMPACT["impacts"][0]["label"]
    assert state["code_changes"] == {"acme/shop": [{**PATCH["patch"], "diff": PATCH["diff"]}]}
    assert [block["index"] for block in state["blocks"]] == list(range(len(state["blocks"])))
    first = state["blocks"][0]
    assert set(first) == {"id", "index", "timestamp", "loading", "message", "artifacts", "file_patches"}
    assert first["message"]["role"] == "user"
    assert first["message"]["metadata"]["step"] == "root_cause"
    assert state["usage"] == {"requests": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": None}


def test_both_urls_show_the_same(api: Caller, issue: Issue, finished: Run) -> None:
    """With and without the organization, by id and by short id."""
    states = [
        api.get(f"{start}/{name}/autofix/").body
        for start in ("organizations/acme/issues", f"organizations/{issue.organization_id}/issues", "issues")
        for name in (issue.id, issue.short_id)
    ]
    assert all(state == states[0] for state in states)


def test_since_leaves_out_blocks_only(api: Caller, finished: Run) -> None:
    """``since`` shortens the list of blocks; what was made of them stays whole."""
    whole = api.get().body["autofix"]
    later = api.get(since=2).body["autofix"]
    assert later.pop("blocks") == whole.pop("blocks")[3:]
    assert later == whole


def test_unchanged_is_304_without_reading_blocks(api: Caller, finished: Run) -> None:
    """The ETag is strong, stands for what was asked, and is checked without a look at the blocks."""
    first = api.get()
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    with CaptureQueriesContext(connection) as queries:
        again = api.get(headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert not [query["sql"] for query in queries if "autofix_explorer_block" in query["sql"]]
    assert api.get(headers={"If-None-Match": tag}, since=0).status == 200
    assert api.get(headers={"If-None-Match": '"other"'}).status == 200


def test_each_change_changes_the_tag(api: Caller, issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """Started, each block, each step, cancelled: no change hides behind an old tag."""
    run = trigger_autofix_agent(issue, stopping_point=CODE).run
    seen = [api.get().headers["ETag"]]
    while queue.messages:
        queue.messages.pop(0).run()
        answer = api.get()
        body = answer.body["autofix"]
        seen.append(
            f"{answer.headers['ETag']} {body['status']} {len(body['blocks'])} {len(body['artifacts'])}"
        )
    tags = [entry.split(" ")[0] for entry in seen]
    states = [entry.split(" ", 1)[1:] for entry in seen]
    for index in range(1, len(seen)):
        assert (tags[index] != tags[index - 1]) or states[index] == states[index - 1]
    assert len(set(tags)) > 4
    assert api.get(run_id=run.pk).status == 200


def test_a_failed_run_says_why(api: Caller, issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A step without a result fails with a reason, and so does the run."""
    play(root_cause=[{"blocks": [], "end": "error", "error": "The model went away."}])
    trigger_autofix_agent(issue)
    queue.drain()
    state = api.get().body["autofix"]
    assert state["status"] == "error"
    assert state["failure"] == state["steps"][0]["error"]
    assert state["failure"]["detail"] == "The model went away."


def test_usage_is_that_of_all_turns(api: Caller, finished: Run) -> None:
    """What was spent is summed over every turn of the run's session and its forks."""
    spent = {"requests": 1, "input_tokens": 10, "output_tokens": 2, "cost_usd": 0.5}
    turns = Turn.objects.update(usage=spent)
    assert turns == 5
    assert api.get().body["autofix"]["usage"] == {
        "requests": 5, "input_tokens": 50, "output_tokens": 10, "cost_usd": 2.5,
    }  # fmt: skip


def test_a_question_and_its_answer(api: Caller, issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A question is shown, a wrong answer is refused, the right one sets the run going again."""
    asked = {"id": "q1", "input_type": "question", "data": {"text": "Which plan?"}}
    play(
        root_cause=[
            {"end": "awaiting_user_input", "pending_user_input": asked},
            says("root_cause", ROOT_CAUSE),
        ]
    )
    run = trigger_autofix_agent(issue).run
    queue.drain()
    state = api.get().body["autofix"]
    assert (state["status"], state["pending_user_input"]) == ("awaiting_user_input", asked)
    wrong = api.post("update/", {"run_id": run.pk, "payload": {"type": "answer", "id": "q2", "data": "x"}})
    assert (wrong.status, wrong.code) == (400, "invalid")
    right = api.post(
        "update/", {"runId": run.pk, "payload": {"type": "answer", "id": "q1", "data": {"plan": "gold"}}}
    )
    assert (right.status, right.body["status"]) == (202, "processing")
    queue.drain()
    state = api.get().body["autofix"]
    assert (state["status"], state["pending_user_input"]) == ("completed", None)
    assert any('{"plan": "gold"}' in block["message"]["content"] for block in state["blocks"])


def test_a_message_goes_on_with_the_run(api: Caller, finished: Run, queue: WakeupQueue) -> None:
    """A message to an idle run makes its last step run once more with these words."""
    answer = api.post(
        "update/", {"run_id": finished.pk, "payload": {"type": "user_message", "text": "Use get, please"}}
    )
    assert (answer.status, answer.body["step"]) == (202, "code_changes")
    assert any(
        "Use get, please" in block["message"]["content"] for block in api.get().body["autofix"]["blocks"]
    )
    no_question = api.post(
        "update/", {"run_id": finished.pk, "payload": {"type": "answer", "id": "q", "data": 1}}
    )
    assert (no_question.status, no_question.code) == (409, "not_running")


def test_cancel(api: Caller, issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """A cancelled run stays cancelled whatever its worker still says; cancelling twice is no error."""
    run = trigger_autofix_agent(issue).run
    for _ in range(2):
        answer = api.post("cancel/", {"run_id": run.pk})
        assert (answer.status, answer.body["status"], answer.body["run_id"]) == (202, "cancelled", run.pk)
    queue.drain()
    state = api.get().body["autofix"]
    assert (state["status"], state["steps"][0]["status"], state["artifacts"]) == (
        "cancelled",
        "cancelled",
        {},
    )


def test_runs_are_paged_newest_first(api: Caller, issue: Issue) -> None:
    """Following ``next`` shows every run once, newest first."""
    made = [
        Run.objects.create(
            organization_id=issue.organization_id, project_id=issue.project_id, issue_id=issue.id,
            stopping_point="root_cause", referrer="api.web", status="completed", explorer="scripted",
        ).pk
        for _ in range(60)
    ]  # fmt: skip
    seen: list[int] = []
    query: dict[str, str] = {}
    while True:
        page = api.ask("GET", "runs/", query=query).body
        seen += [run["run_id"] for run in page["results"]]
        if page["next"] is None:
            break
        query = {"cursor": page["next"].split("cursor=")[1].replace("%3D", "=")}
    assert seen == made[::-1]


def test_diff_applies(api: Caller, finished: Run, tmp_path: Path) -> None:
    """``git apply`` takes the diff; another repository's name gives nothing of it."""
    answer = api.get("diff/", run_id=finished.pk, headers={"Accept": "text/x-diff"})
    assert answer.headers["Content-Type"] == "text/x-diff; charset=utf-8"
    (tmp_path / "a.py").write_text("x = 1\n")
    subprocess.run(["git", "apply", "-"], input=answer.content, cwd=tmp_path, check=True)
    assert (tmp_path / "a.py").read_text() == "x = 2\n"
    assert api.get("diff/", repo_name="acme/shop").content == answer.content
    assert api.get("diff/", repo_name="acme/other").content == b""
    refused = api.get("diff/", run_id=0, headers={"Accept": "text/x-diff"})
    assert (refused.status, refused.headers["Content-Type"], refused.code) == (
        404,
        "application/json",
        "not_found",
    )


def test_pull_requests_are_shown(api: Caller, finished: Run) -> None:
    """A pull request under way is the current step; its failure has a reason."""
    row = PullRequest.objects.create(
        run=finished, repo_name="acme/shop", provider="local", branch="autofix/x"
    )
    state = api.get().body["autofix"]
    assert state["current_step"] == "open_pr"
    assert state["repo_pr_states"]["acme/shop"] == {
        "repo_name": "acme/shop", "branch_name": "autofix/x", "pr_number": None, "pr_url": None, "pr_id": None,
        "commit_sha": None, "pr_creation_status": "creating", "pr_creation_error": None, "title": "", "description": "",
    }  # fmt: skip
    PullRequest.objects.filter(pk=row.pk).update(state="error", error_code="push_failed", error_detail="No.")
    shown = api.get().body["autofix"]["repo_pr_states"]["acme/shop"]
    assert (shown["pr_creation_status"], shown["pr_creation_error"]) == ("error", "No.")


def test_a_stream_tells_everything_and_ends(api: Caller, finished: Run) -> None:
    """A finished run's stream has each block and step once and the run last; told again from its end, it is 204."""
    answer = api.get("stream/", headers={"Accept": "text/event-stream"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    told = events(answer.content)
    state = api.get().body["autofix"]
    assert [data for _, name, data in told if name == "block"] == state["blocks"]
    assert [data for _, name, data in told if name == "step"] == state["steps"]
    assert [name for _, name, _ in told][-1] == "run"
    assert told[-1][2]["status"] == "completed"
    assert api.get("stream/", headers={"Last-Event-ID": told[-1][0]}).status == 204
    cut_off = told[2][0]
    rest = events(api.get("stream/", headers={"Last-Event-ID": cut_off}).content)
    assert [data for _, name, data in rest if name == "block"] == state["blocks"][3:]
    assert len(events(api.get("stream/", headers={"Last-Event-ID": "-1.0.x"}).content)) == len(told)


def test_a_stream_follows_rewinds(issue: Issue, queue: WakeupQueue, play: Play) -> None:
    """Blocks that come under indices which were told before a rewind are told; each look tells only what is new."""
    run = trigger_autofix_agent(issue).run
    queue.drain()
    stream = RunStream(run.pk)
    assert events(stream.news().encode())
    assert (stream.news(), stream.ended) == ("", True)
    trigger_autofix_agent(issue, Step.ROOT_CAUSE, run_id=run.pk, insert_index=1)
    told = events(stream.news().encode())
    assert [data["index"] for _, name, data in told if name == "block"] == [1]
    assert not stream.ended
    queue.run_next(RUN_TURN)
    told = events(stream.news().encode())
    blocks = get_client().state(Run.objects.get().session_id).blocks
    assert [data["id"] for _, name, data in told if name == "block"] == [block.id for block in blocks[2:]]

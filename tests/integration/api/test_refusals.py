"""Bad input: each row of the contract's table of answers, with its status and code, and nothing stored."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from autofix.autofix_agent import trigger_autofix_agent
from autofix.hosts import Issue
from autofix.models import OrganizationSettings, PullRequest, Run
from autofix.steps import StoppingPoint
from autofix.testing import WakeupQueue
from tests.integration.api.conftest import Caller, Join, Rows
from tests.pipeline import Play
from tracker import models as tracker

pytestmark = pytest.mark.django_db
commits = pytest.mark.django_db(transaction=True)  # wake-ups are sent on commit
NEW_RUN = {"step": "root_cause"}


def test_no_or_wrong_token(api: Caller, rows: Rows) -> None:
    """Without an identity: 401 with a challenge, before the body is looked at."""
    before = rows()
    for token, code in (("", "not_authenticated"), ("wrong", "authentication_failed")):
        answer = Caller(token, base=api.base).ask("POST", "", body="[")
        assert (answer.status, answer.code) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert rows() == before


def test_session_only_hosts_answer_401_too(api: Caller, settings: Settings) -> None:
    """A session names no challenge of its own, and the answer is 401 all the same."""
    classes = ["rest_framework.authentication.SessionAuthentication"]
    settings.AUTOFIX = {**settings.AUTOFIX, "AUTHENTICATION_CLASSES": classes}
    answer = Caller("", base=api.base).get()
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Session")


def test_a_strangers_issue_is_like_none(api: Caller, join: Join, rows: Rows) -> None:
    """Another organization's issue and one that does not exist are answered alike, byte by byte."""
    stranger = join("eve", organization="evil")
    before = rows()
    for path in ("", "runs/", "diff/", "stream/", "setup/"):
        theirs = stranger.get(path)
        missing = stranger.get(f"organizations/acme/issues/SHOP-999/autofix/{path}")
        assert (theirs.status, theirs.code) == (404, "not_found")
        assert theirs.content == missing.content
    for path in ("", "cancel/", "update/"):
        theirs = stranger.post(path, {})
        missing = stranger.post(f"organizations/acme/issues/SHOP-999/autofix/{path}", {})
        assert (theirs.status, theirs.code) == (404, "not_found")
        assert theirs.content == missing.content
    assert rows() == before


@pytest.mark.parametrize(
    "path",
    [
        "organizations/nobody/issues/SHOP-1/autofix/",
        "issues/SHOP%00/autofix/",
        "issues/999999999999999999999999/autofix/",
    ],
)
def test_paths_that_lead_nowhere(api: Caller, path: str) -> None:
    """Whatever stands in the URL, the answer is 404."""
    answer = api.get(path)
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_member_without_the_scope(api: Caller, join: Join, rows: Rows) -> None:
    """Who may read but not write gets 403, not 404; who may not read either cannot read."""
    reader = join("rita", scopes=["issue:read"])
    before = rows()
    assert reader.get().status == 200
    for path in ("", "cancel/", "update/"):
        answer = reader.post(path, NEW_RUN)
        assert (answer.status, answer.code) == (403, "permission_denied")
    blind = join("bob", scopes=["project:read"])
    assert (blind.get().status, blind.get().code) == (403, "permission_denied")
    assert rows() == before


@pytest.mark.parametrize(
    ("switch", "body", "code"),
    [
        ("ai_enabled", NEW_RUN, "ai_disabled"),
        ("ai_enabled", {"step": "code_changes"}, "ai_disabled"),
        ("coding_enabled", {"step": "code_changes"}, "coding_disabled"),
    ],
)
def test_switched_off(
    api: Caller, issue: Issue, rows: Rows, switch: str, body: dict[str, Any], code: str
) -> None:
    """What the organization does not want is refused with 403."""
    OrganizationSettings.objects.create(organization_id=issue.organization_id, **{switch: False})
    before = rows()
    answer = api.post("", body)
    assert (answer.status, answer.code) == (403, code)
    assert rows() == before


def test_no_quota(api: Caller, issue: Issue, rows: Rows) -> None:
    """A new run beyond the quota is 402."""
    OrganizationSettings.objects.create(organization_id=issue.organization_id, quota_runs_per_month=0)
    before = rows()
    answer = api.post("", NEW_RUN)
    assert (answer.status, answer.code) == (402, "no_quota")
    assert rows() == before


def test_in_flight(api: Caller, issue: Issue, queue: WakeupQueue, play: Play, rows: Rows) -> None:
    """A new run beside an active one and a second step in the pipeline are 409, with the active run's id."""
    run = trigger_autofix_agent(issue).run
    before = rows()
    for body in (NEW_RUN, {"run_id": run.pk, "step": "solution"}, {"run_id": run.pk, "insert_index": 0}):
        answer = api.post("", body)
        assert (answer.status, answer.code, answer.body["run_id"]) == (409, "run_in_flight", run.pk)
    assert rows() == before


def test_a_run_of_another_issue(
    api: Caller, issue: Issue, queue: WakeupQueue, play: Play, rows: Rows
) -> None:
    """A run's id counts only under its own issue."""
    run = trigger_autofix_agent(issue).run
    other = tracker.Issue.objects.get(pk=issue.id)
    other.pk, other.number, other.grouping_hash = None, 2, "1" * 64
    other.save()
    path = "organizations/acme/issues/SHOP-2/autofix/"
    before = rows()
    for answer in (
        api.post(path, {"run_id": run.pk}),
        api.post(f"{path}cancel/", {"run_id": run.pk}),
        api.post(f"{path}update/", {"run_id": run.pk, "payload": {"type": "user_message", "text": "hello"}}),
        api.get(path, run_id=run.pk),
        api.get(f"{path}diff/", run_id=run.pk),
        api.get(f"{path}stream/", run_id=run.pk),
        api.post("", {"run_id": 0}),
        api.post("", {"run_id": -5}),
    ):
        assert (answer.status, answer.code) == (404, "not_found")
    assert rows() == before


@commits
def test_an_index_past_the_end(api: Caller, issue: Issue, queue: WakeupQueue, play: Play, rows: Rows) -> None:
    """There is nothing to drop past the session's end: 400."""
    run = trigger_autofix_agent(issue).run
    queue.drain()
    before = rows()
    answer = api.post("", {"run_id": run.pk, "insert_index": 1_000})
    assert (answer.status, answer.code, list(answer.body["errors"])) == (400, "invalid", ["insert_index"])
    assert rows() == before


@commits
def test_pull_requests_that_cannot_be(
    api: Caller, issue: Issue, queue: WakeupQueue, play: Play, rows: Rows
) -> None:
    """Nothing to push, and no rewind below an open pull request: 409."""
    run = trigger_autofix_agent(issue).run
    queue.drain()
    before = rows()
    answer = api.post("", {"run_id": run.pk, "step": "open_pr"})
    assert (answer.status, answer.code) == (409, "nothing_to_push")
    assert rows() == before
    PullRequest.objects.create(
        run=run, repo_name="acme/shop", provider="local", branch="b", state="completed"
    )
    before = rows()
    answer = api.post("", {"run_id": run.pk, "insert_index": 0})
    assert (answer.status, answer.code) == (409, "pull_request_exists")
    assert rows() == before


@commits
def test_a_hand_off_that_nobody_takes(
    api: Caller, issue: Issue, queue: WakeupQueue, play: Play, rows: Rows
) -> None:
    """No coding agent is configured: 400 names the field."""
    run = trigger_autofix_agent(issue).run
    queue.drain()
    before = rows()
    for field, value in (("provider", "claude"), ("integration_id", 7)):
        answer = api.post("", {"run_id": run.pk, "step": "coding_agent_handoff", field: value})
        assert (answer.status, answer.code, list(answer.body["errors"])) == (400, "invalid", [field])
    assert rows() == before


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"run_id": "x"}),
        ("", {"since": "x"}),
        ("", {"since": "-2"}),
        ("", {"run_id": "1\0"}),
        ("runs/", {"cursor": "cD1hYmM="}),
        ("diff/", {"run_id": str(2**63)}),
        ("diff/", {"repo_name": "x" * 300}),
        ("stream/", {"run_id": "1.5"}),
    ],
)
def test_bad_queries(api: Caller, path: str, query: dict[str, str]) -> None:
    """A bad query is 400."""
    answer = api.ask("GET", path, query=query)
    assert (answer.status, answer.code) == (400, "invalid"), answer.content


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("cancel/", {}, "run_id"),
        ("update/", {"run_id": 1}, "payload"),
        ("update/", {"run_id": 1, "payload": "hello"}, "payload"),
        ("update/", {"run_id": 1, "payload": {"type": "shout"}}, "payload.type"),
        ("update/", {"run_id": 1, "payload": {"type": "user_message", "text": " "}}, "payload.text"),
        ("update/", {"run_id": 1, "payload": {"type": "answer", "id": "q"}}, "payload.data"),
    ],
)
def test_bad_calls(api: Caller, path: str, body: Any, named: str, rows: Rows) -> None:
    """Cancel and update refuse what they cannot understand, nested fields by their path."""
    before = rows()
    answer = api.post(path, body)
    assert (answer.status, answer.code) == (400, "invalid"), answer.content
    assert named in answer.body["errors"]
    assert rows() == before


def test_other_methods_and_media_types(api: Caller) -> None:
    """405 and 406 have the same body as every refusal."""
    answer = api.ask("DELETE", "")
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    answer = api.get(headers={"Accept": "text/html"})
    assert (answer.status, answer.code) == (406, "not_acceptable")


def test_what_nobody_foresaw(api: Caller, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """An error of ours is 500, logged with its traceback, and says nothing of its inside."""
    settings.AUTOFIX = {**settings.AUTOFIX, "HOST": "no.such.Host"}
    answer = api.get()
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "no.such" not in answer.content.decode()
    assert any("no.such" in str(record.exc_info) for record in caplog.records)


def test_a_referrer_is_never_refused(api: Caller, queue: WakeupQueue, play: Play) -> None:
    """An unknown word, or what is no word at all, is stored as ``unknown``."""
    for referrer, stored in (
        ("api.cli", "api.cli"),
        ("nobody", "unknown"),
        (["x"], "unknown"),
        (None, "unknown"),
    ):
        answer = api.post("", {"referrer": referrer})
        assert answer.status == 202, answer.content
        assert Run.objects.get(pk=answer.body["run_id"]).referrer == stored
        api.post("cancel/", {"run_id": answer.body["run_id"]})


def test_a_stopping_point_starts_at_the_beginning(api: Caller, queue: WakeupQueue, play: Play) -> None:
    """A stopping point without a run forces the first step, whatever step was named; camelCase keys are taken."""
    answer = api.post("", {"step": "solution", "stoppingPoint": "code_changes"})
    assert (answer.status, answer.body["step"], answer.body["status"]) == (202, "root_cause", "processing")
    assert Run.objects.get().stopping_point == StoppingPoint.CODE_CHANGES

"""Callbacks of a remote explorer: signed, by registered names, and without effect when there is nothing to do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel
from pytest_django.fixtures import Settings

from autofix.autofix_agent import trigger_autofix_agent
from autofix.explorer import hooks
from autofix.explorer.tools.custom import HostTool
from autofix.hosts import Issue
from autofix.models import StepExecution
from autofix.rpc_endpoints import signature
from autofix.testing import WakeupQueue
from tests.integration.api.conftest import Answer, Caller
from tests.pipeline import Play

pytestmark = pytest.mark.django_db
SECRET = "shared with the explorer"
HOOK = "tests.hook"


class Since(BaseModel):
    """What the host's tool is told."""

    days: int


def _deploys(issue: Issue, since: Since) -> str:
    return f"{issue.short_id}: {1 // (since.days - 13)} deploys, Authorization: Bearer abcdefgh12345"


deploys = HostTool("When was it deployed?", Since, _deploys)


@pytest.fixture
def calls(settings: Settings, play: Play, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """The calls of a registered hook; the secret is set."""
    options = {**settings.AUTOFIX["EXPLORER"]["OPTIONS"], "SECRET": SECRET}
    settings.AUTOFIX = {**settings.AUTOFIX, "EXPLORER": {"OPTIONS": options}}
    seen: list[tuple[str, str, str]] = []
    monkeypatch.setitem(
        hooks._hooks, HOOK, lambda end: seen.append((end.organization_id, end.session_id, end.turn.id))
    )
    return seen


def call(method: str, body: Any, *, secret: str = SECRET, sent: bytes | None = None) -> Answer:
    raw = json.dumps(body).encode()
    headers = {"Authorization": signature(raw, secret)}
    return Caller("").ask(
        "POST", f"internal/seer-rpc/{method}/", body=raw if sent is None else sent, headers=headers
    )


def test_the_hook_is_called_for_the_active_turn(issue: Issue, queue: WakeupQueue, calls: list[Any]) -> None:
    """Organization, session and turn reach the hook; a session that is nobody's changes nothing."""
    run = trigger_autofix_agent(issue).run
    step = StepExecution.objects.get()
    args = {"module_path": HOOK, "organization_id": run.organization_id, "run_id": step.session_id}
    assert call("call_on_completion_hook", {"args": args}).status == 200
    assert calls == [(run.organization_id, step.session_id, step.turn_id)]
    for other in ({"run_id": "999"}, {"organization_id": "999"}):
        assert call("call_on_completion_hook", {"args": {**args, **other}}).status == 200
    assert len(calls) == 1


def test_wrong_signatures(settings: Settings, calls: list[Any]) -> None:
    """Another secret, another body, no body, no signature, no secret of ours: 403."""
    body = {"args": {"module_path": HOOK, "organization_id": "1", "run_id": "1"}}
    method = "call_on_completion_hook"
    answers = [
        call(method, body, secret="guessed"),
        call(method, body, sent=b'{"args": {}}'),
        call(method, body, sent=b""),
        Caller("").post(f"internal/seer-rpc/{method}/", body),
        Caller("").ask("POST", f"internal/seer-rpc/{method}/", body=b"[", headers={"Authorization": "é"}),
    ]
    settings.AUTOFIX = {**settings.AUTOFIX, "EXPLORER": {"OPTIONS": {}}}
    answers.append(call(method, body, secret=""))
    assert [(answer.status, answer.code) for answer in answers] == [(403, "permission_denied")] * len(answers)
    assert calls == []


def test_unknown_names_and_bad_arguments(calls: list[Any]) -> None:
    """Names that no registry holds are 404, an import path is only a name; bad arguments are 400."""
    args = {"module_path": "os.system", "organization_id": "1", "run_id": "1"}
    assert call("call_on_completion_hook", {"args": args}).status == 404
    assert call("delete_everything", {"args": args}).status == 404
    bad: tuple[dict[str, Any], ...] = (
        {"args": []},
        {"args": {}},
        {"no": "args"},
        {"args": {**args, "run_id": {}}},
    )
    for body in bad:
        answer = call("call_on_completion_hook", body)
        assert (answer.status, answer.code) == (400, "invalid")
    assert calls == []


def test_a_hosts_tool_is_called(
    issue: Issue, queue: WakeupQueue, calls: list[Any], settings: Settings
) -> None:
    """It answers about the session's issue, in words; wrong parameters and a tool that breaks are words, too."""
    settings.AUTOFIX = {**settings.AUTOFIX, "TOOLS": {"deploys": f"{__name__}.deploys"}}
    run = trigger_autofix_agent(issue).run
    session = StepExecution.objects.get().session_id
    named = {"module_path": "deploys", "organization_id": run.organization_id, "run_id": session}

    def answer(**changes: Any) -> Any:
        return call("call_custom_tool", {"args": named | changes})

    assert answer(days=14).body == f"{issue.short_id}: 1 deploys, Authorization: Bearer [redacted]"
    assert "days" in answer().body
    assert answer(days=13).body == "Refused: the tool failed (ZeroDivisionError)."
    others = ({"module_path": f"{__name__}.deploys"}, {"organization_id": "999"}, {"run_id": "999"})
    assert [answer(days=14, **other).status for other in others] == [404] * 3
    StepExecution.objects.update(status="completed")
    assert answer(days=14).status == 404

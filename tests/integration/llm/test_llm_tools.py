"""The tools that only a model has: its own kind of event, outlines, and what a host adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import override_settings
from pydantic import BaseModel, Field
from pytest_django.fixtures import Settings

from autofix.checks import check_autofix
from autofix.explorer.client import get_client
from autofix.explorer.state import latest_patches
from autofix.explorer.tools.custom import HostTool
from autofix.explorer.tools.events import CHARS_PER_TOKEN, in_budget
from autofix.hosts import Issue
from autofix.hosts.normalise import normalise_event
from autofix.models import Repository
from autofix.redaction import redact
from tests.integration.llm import replies
from tests.integration.llm.conftest import Configure, Investigate
from tests.llm_server import ModelServer, calls, says
from tests.repositories import ANN, SHOP, Snapshot, bare_repository
from tracker import models as tracker

pytestmark = pytest.mark.django_db(transaction=True)
DONE = replies.written("root_cause", replies.ROOT_CAUSE)


class Since(BaseModel):
    """What the host's tool is told."""

    days: int = Field(default=7, ge=1, description="how far back")


def _deploys(issue: Issue, since: Since) -> str:
    if since.days == 13:
        raise RuntimeError("out of luck")
    return f"{issue.short_id}: 2 deploys in {since.days} days"


async def _awaited_deploys(issue: Issue, since: Since) -> str:
    assert await tracker.Event.objects.filter(issue_id=issue.id).aexists()
    return await sync_to_async(_deploys)(issue, since)


deploys = HostTool("When was it deployed?", Since, _deploys)
awaited_deploys = HostTool("When was it deployed?", Since, _awaited_deploys)


@pytest.mark.parametrize("kind", ["deploys", "awaited_deploys"])
def test_a_hosts_own_tool(
    investigate: Investigate, settings: Settings, model: ModelServer, kind: str
) -> None:
    """Plain or asynchronous: offered with its parameters, called with valid ones only, may break without breaking the turn."""
    settings.AUTOFIX = {**settings.AUTOFIX, "TOOLS": {"deploys": f"{__name__}.{kind}"}}
    given = [calls("deploys", days=3), calls("deploys", days=0), calls("deploys", days=13), DONE]
    model.respond = replies.whole_pipeline(root_cause=given)
    run = investigate()
    assert run.status == "completed", run.failure_detail
    offered = next(t for t in model.asked[0].body["tools"] if t["function"]["name"] == "deploys")
    assert offered["function"]["parameters"]["properties"]["days"]["description"] == "how far back"
    heard = model.asked[-1].text
    assert "SHOP-1: 2 deploys in 3 days" in heard
    assert "greater than or equal to 1" in heard
    assert "the tool failed (RuntimeError)" in heard


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("deploys", "no.such"), ("deploys", "json.dumps"), ("read_file", f"{__name__}.deploys"),
        ("artifact_write_x", f"{__name__}.deploys"), ("when deployed?", f"{__name__}.deploys"),
    ],
)  # fmt: skip
def test_a_hosts_tool_that_cannot_be_had(
    investigate: Investigate, settings: Settings, model: ModelServer, name: str, path: str
) -> None:
    """Not there, no tool, in the place of one of ours, or named as no provider takes it: a check's error and a typed failure."""
    settings.AUTOFIX = {**settings.AUTOFIX, "TOOLS": {name: path}}
    assert [message.id for message in check_autofix()] == ["autofix.E017"]
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "agent_unavailable")
    assert name in run.failure_detail
    assert model.asked == []


def test_outline(investigate: Investigate, model: ModelServer) -> None:
    """Definitions with their lines; a kind of file without a grammar is refused with the list of those that have one."""
    looks = [calls("outline", path=replies.PATH), calls("outline", path="README.md"), DONE]
    model.respond = replies.whole_pipeline(root_cause=looks)
    run = investigate()
    assert run.status == "completed", run.failure_detail
    assert "1-2\\\\tdef total(prices, names)" in model.asked[-1].text.replace("\\t", "\\\\t")
    assert "There is no outline for this kind of file" in model.asked[-1].text


def test_blanked_secrets_are_not_written_into_code(
    investigate: Investigate, shop: Issue, model: ModelServer, tmp_path: Path
) -> None:
    """A model that was shown a file with a blank, or makes a secret up, cannot put the blank in the secret's place."""
    settings = "token = 'abcdefgh12345'\nlimit = 1\n"
    files = {"shop/settings.py": settings, "shop/blank.py": "BLANK = '[redacted]'\n"}
    repository = bare_repository(tmp_path / "secrets", [*SHOP, Snapshot(files, "Settings", ANN, 4)])
    Repository.objects.filter(project_id=shop.project_id).update(url=repository.url)
    edits = [
        calls("write_file", path="shop/settings.py", text=settings.replace("limit = 1", "limit = 2")),
        calls("write_file", path="shop/new.py", text=settings),
        calls("replace_text", path="shop/settings.py", old="limit = 1", new="password = 'hunter22'"),
        calls("replace_text", path="shop/settings.py", old="limit = 1", new="limit = 2"),
        calls("write_file", path="shop/blank.py", text="BLANK = '[redacted]'\nNONE = ''\n"),
        says("Done."),
    ]
    model.respond = replies.whole_pipeline(root_cause=[DONE], code_changes=edits)
    run = investigate("code_changes")
    assert run.status == "completed", run.failure_detail
    blocks = get_client().state(run.session_id).blocks
    answers = [block.message.content for block in blocks if block.message.role == "tool_use"]
    assert ["Refused: The text has [redacted]" in answer for answer in answers[-5:]] == [True] * 3 + [
        False
    ] * 2
    patches = {patch.patch.path: patch.diff for patch in latest_patches(blocks)}
    assert set(patches) == {"shop/settings.py", "shop/blank.py"}
    assert "-limit = 1\n+limit = 2" in patches["shop/settings.py"]
    assert "[redacted]" not in patches["shop/settings.py"]


def _big_event() -> dict[str, Any]:
    library = [
        {"filename": f"lib/{n}.py", "lineno": n, "in_app": False, "function": "f"} for n in range(1, 100)
    ]
    own = [
        {"filename": f"shop/{n}.py", "lineno": n, "in_app": True, "function": "g", "vars": {"x": "v" * 300}}
        for n in range(1, 11)
    ]
    crumbs = [{"category": "http", "message": "m" * 200} for _ in range(60)]
    values = [{"type": "KeyError", "value": "'x'", "stacktrace": {"frames": [*library, *own]}}]
    return {"exception": {"values": values}, "breadcrumbs": {"values": crumbs}, "tags": {"shop": "north"}}


@pytest.mark.parametrize(
    ("tokens", "kept", "gone"),
    [
        (20_000, ["x = v", "lib/9.py", "breadcrumb "], []),
        (7_300, ["lib/9.py", "breadcrumb ", "1 locals left out; event_value('/exception"], ["x = v"]),
        (5_000, ["breadcrumb ", "frames of libraries left out"], ["x = v", "lib/9.py"]),
        (
            1_000,
            ["shop/10.py", "60 breadcrumbs left out; event_value('/breadcrumbs')"],
            ["x = v", "lib/9.py"],
        ),
        (100, ["more characters"], []),
    ],
)
def test_an_event_in_a_budget(tokens: int, kept: list[str], gone: list[str]) -> None:
    """Locals go first, then frames of libraries, then breadcrumbs; each leaves a mark that says how to see it."""
    told = in_budget(normalise_event(_big_event()), tokens)
    assert len(told) <= tokens * CHARS_PER_TOKEN + 100
    assert [part for part in kept if part not in told] == []
    assert [part for part in gone if part in told] == []


def test_a_budget_does_not_part_a_secret() -> None:
    """Wherever an event's text is cut, no beginning of a password is left."""
    tags = {f"t{n}": "v" * 300 for n in range(10)}
    event = normalise_event({"message": f"{'x' * 1_300} password='{'hunter22' * 3}'", "tags": tags})
    told = [redact(in_budget(event, tokens)) for tokens in range(440, 500)]
    assert [text for text in told if "hunter" in text] == []
    assert [text for text in told if "[redacted]" in text] != []


@pytest.mark.parametrize(
    ("options", "more", "expected"),
    [
        ({"LLM_MODEL": "nobody:x"}, {}, "autofix.E010"),
        ({"LLM_MODEL": "openai:gpt-5"}, {}, "autofix.E010"),
        ({"LLM_MODEL": ""}, {}, "autofix.E010"),
        (
            {"LLM_MODEL": "m", "LLM_BASE_URL": "http://127.0.0.1:1/v1"},
            {"TURN": {"MAX_COST_USD": 1}},
            "autofix.E018",
        ),
        (
            {"LLM_MODEL": "m", "LLM_BASE_URL": "http://127.0.0.1:1/v1", "LLM_PRICES": "m=dear"},
            {},
            "autofix.E001",
        ),
        (
            {"LLM_MODEL": "m", "LLM_BASE_URL": "http://127.0.0.1:1/v1"},
            {"TOOLS": {"a": "no.such"}},
            "autofix.E017",
        ),
        (
            {"LLM_MODEL": "m", "LLM_BASE_URL": "http://127.0.0.1:1/v1"},
            {"TOOLS": {"a": "json.dumps"}},
            "autofix.E017",
        ),
    ],
)
def test_what_is_wrong_is_a_check_message(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    more: dict[str, Any],
    expected: str,
) -> None:
    """An unknown provider, a missing key, model, price or tool is reported at start with an id and a hint."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    changed = {**settings.AUTOFIX, "EXPLORER": {"OPTIONS": {"AGENT": "llm", **options}}, **more}
    with override_settings(AUTOFIX=changed):
        found = check_autofix()
    assert expected in [message.id for message in found]
    assert all(message.hint for message in found)


def test_an_unknown_model_is_a_typed_failure(investigate: Investigate, configure: Configure) -> None:
    """Whoever starts in spite of the check gets a failed step with the reason, and no traceback."""
    configure(LLM_MODEL="nobody:x", LLM_BASE_URL="")
    run = investigate()
    assert (run.status, run.failure_code) == ("error", "agent_unavailable")
    assert "nobody:x" in run.failure_detail

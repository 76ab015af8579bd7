"""A model that obeys whatever it reads still cannot act outside of its run: what was tried is in ``injections``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autofix.explorer.client import get_client
from autofix.explorer.state import latest_patches
from autofix.explorer.tools.answers import is_refusal
from autofix.explorer.tools.telemetry import MAX_PART
from autofix.fences import UNTRUSTED_CLOSE, UNTRUSTED_OPEN
from autofix.hosts import Issue, get_host
from autofix.models import Repository
from tests.integration.llm import injections, replies
from tests.integration.llm.conftest import Configure, Investigate
from tests.llm_server import Answer, ModelServer, calls, says
from tests.repositories import ANN, SHOP, Snapshot, bare_repository
from tracker import models as tracker

pytestmark = pytest.mark.django_db(transaction=True)
HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u3164\ufe00-\ufe0f\U000e0000-\U000e0fff]")
DONE = replies.written("root_cause", {**replies.ROOT_CAUSE, "evidence": []})


@pytest.fixture
def shop(issue: Issue, configure: Configure, tmp_path: Path) -> Issue:
    """An issue, an event and a repository that are full of orders to the model."""
    evil = Snapshot(
        {"shop/evil.py": injections.CODE, injections.FILE_NAME: "x = 1\n", ".env": "A=1\n", ".gitlab-ci.yml": "a: 1\n"},
        injections.CLOSED, ANN, 4, links={"shop/link.py": "/etc/passwd"},
    )  # fmt: skip
    repository = bare_repository(tmp_path / "evil", [*SHOP, evil])
    Repository.objects.create(
        organization_id=issue.organization_id,
        project_id=issue.project_id,
        name=repository.name,
        provider=repository.provider,
        url=repository.url,
    )
    tracker.Issue.objects.filter(pk=issue.id).update(title=injections.TITLE, culprit=injections.BIDI)
    tracker.Event.objects.update(payload=injections.EVENT)
    return get_host().resolve_issue(issue.id)


def played(*answers: Answer) -> list[Answer]:
    """These, a harmless call between each two so that refusals in a row do not end the turn early, then the result."""
    apart = [
        [answer, calls("read_file", path=replies.PATH, end_line=n + 1)] for n, answer in enumerate(answers)
    ]
    return [answer for pair in apart for answer in pair]


def test_orders_reach_the_model_as_data_only(investigate: Investigate, model: ModelServer) -> None:
    """In every request, each order stands inside a fence whose end it cannot forge, and no invisible character is left."""
    model.respond = replies.whole_pipeline(root_cause=[*injections.READS, DONE])
    run = investigate()
    assert run.status == "completed", run.failure_detail
    seen = 0
    for message in model.asked[-1].messages:
        content = str(message.get("content") or "")
        outside = re.sub(f"{UNTRUSTED_OPEN}\n.*?\n{UNTRUSTED_CLOSE}", "", content, flags=re.DOTALL)
        assert injections.ORDER not in outside
        assert not HIDDEN.search(content)
        seen += content.count(injections.ORDER)
    assert seen >= 8
    assert "\\\\U000e0149\\\\U000e0167" in model.asked[-1].text  # the unseen order, spelt out


def test_an_obedient_model_is_refused_everything(
    investigate: Investigate, model: ModelServer, tmp_path: Path
) -> None:
    """Reading elsewhere, writing elsewhere, other repositories, other issues, shells and networks: no tool does it."""
    attempts = played(*injections.ATTEMPTS)
    model.respond = replies.whole_pipeline(
        root_cause=[DONE], code_changes=[*attempts, replies.EDIT, says("Done.")]
    )
    run = investigate("code_changes")
    assert run.status == "completed", run.failure_detail
    blocks = get_client().state(run.session_id).blocks
    answers = [block.message for block in blocks if block.message.role == "tool_use"]
    tried = [str(answer.called) for answer in injections.ATTEMPTS]
    given = {
        str([(call.function, call.args) for call in block.message.tool_calls]): blocks[n + 1].message.content
        for n, block in enumerate(blocks)
        if block.message.tool_calls
    }
    possible = {attempt: given[attempt] for attempt in tried if not harmless(given[attempt])}
    assert possible == {}
    assert [patch.patch.path for patch in latest_patches(blocks)] == [replies.PATH]
    assert "root:" not in "".join(answer.content for answer in answers)
    assert not list(tmp_path.rglob("escape.py"))


def harmless(answer: str) -> bool:
    """Refused, or there was nothing to be had."""
    return is_refusal(answer) or answer in ("No commit found.", "The event has nothing at '/../../etc'.")


def test_a_secret_in_an_event_reaches_nobody(
    investigate: Investigate, shop: Issue, model: ModelServer
) -> None:
    """Not the model, not a block, not a webhook: neither from the event nor from the title."""
    secret = "sk-ant-" + "api03-aaaabbbbccccddddeeee"
    tracker.Issue.objects.filter(pk=shop.id).update(title=f"Bad key {secret}")
    tracker.Event.objects.update(payload={"message": f"key {secret}", "extra": {"password": "hunter22"}})
    leaking = {**replies.ROOT_CAUSE, "evidence": [], "one_line_description": f"The key {secret} is wrong"}
    model.respond = replies.whole_pipeline(
        root_cause=[
            calls("event_details"), calls("event_value", pointer="/extra"), calls("event_value", pointer="/message"),
            replies.written("root_cause", leaking),
        ]
    )  # fmt: skip
    run = investigate(user_context=f"I think {secret} is wrong")
    assert run.status == "completed", run.failure_detail
    sent = "".join(asked.text for asked in model.asked)
    stored = get_client().state(run.session_id).model_dump_json()
    announced = str(list(run.events.values_list("body", flat=True)))
    for where in (sent, stored, announced):
        assert "api03" not in where
        assert "hunter22" not in where
    assert "[redacted]" in announced


def test_a_secret_in_parts_reaches_nobody(
    investigate: Investigate, shop: Issue, model: ModelServer, tmp_path: Path
) -> None:
    """Lines from within a private key, a search that finds one, their blame, and a long value that is read in parts."""
    body = [f"MIIEow{n:02}{'Qk' * 24}" for n in range(30)]
    pem = "\n".join(
        ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----", "after = 1", ""]
    )
    repository = bare_repository(tmp_path / "keys", [*SHOP, Snapshot({"conf/key.py": pem}, "A key", ANN, 4)])
    Repository.objects.filter(project_id=shop.project_id).update(url=repository.url)
    long = "x" * (MAX_PART - 12) + " password='hunter22hunter22' " + "y" * 100
    tracker.Event.objects.update(payload={"extra": {"long": long}})
    model.respond = replies.whole_pipeline(
        root_cause=[
            calls("read_file", path="conf/key.py", start_line=3, end_line=33), calls("search_code", pattern="MIIEow"),
            calls("blame", path="conf/key.py", start_line=5, end_line=33), calls("event_value", pointer="/extra/long"),
            calls("event_value", pointer="/extra/long", from_character=MAX_PART), DONE,
        ]
    )  # fmt: skip
    run = investigate()
    assert run.status == "completed", run.failure_detail
    sent = "".join(asked.text for asked in model.asked)
    for part in ("QkQkQk", "hunter", "nter22"):
        assert part not in sent
    assert "33\\tafter = 1" in sent
    assert "more; ask from_character 30000]" in sent


def test_a_secret_is_blanked_before_it_is_cut(
    investigate: Investigate, shop: Issue, model: ModelServer, tmp_path: Path
) -> None:
    """Under a name that tells it, or across the place where a long text is cut: in locals, breadcrumbs, tags, messages, code."""
    secret = "hunter22" * 3
    at_the_end = f"password='{secret}'"
    frame = {
        "filename": "shop/cart.js", "lineno": 2, "in_app": True, "context_line": f"{'x' * 380} {at_the_end}",
        "vars": {"password": "hunter22", "config": {"pad": "x" * 370, "password": secret}, "text": f"{'x' * 380} {at_the_end}"},
    }  # fmt: skip
    event = {
        "message": f"{'x' * 1_980} {at_the_end}", "tags": {"session_id": secret}, "extra": {"password": 'a"hunter22'},
        "breadcrumbs": {"values": [{"category": "c", "message": "m", "data": {"pad": "x" * 360, "api_key": secret}}]},
        "exception": {"values": [{"type": "E", "value": f"{'x' * 1_980} {at_the_end}", "stacktrace": {"frames": [frame]}}]},
    }  # fmt: skip
    long = f"{'x = 1;' * 60} needle; password = '{secret}'\n"
    wide = f"def f({'x, ' * 45} {at_the_end}): ...\n"
    files = {
        "conf/long.py": long,
        "conf/wide.py": wide,
        "conf/whole.py": f"{'x' * 31_970} password = '{secret}'",
    }
    repository = bare_repository(tmp_path / "long", [*SHOP, Snapshot(files, "Long lines", ANN, 4)])
    Repository.objects.filter(project_id=shop.project_id).update(url=repository.url)
    tracker.Event.objects.update(payload=event)
    frames = "/exception/values/0/stacktrace/frames/0/vars"
    looks = [
        calls("event_details"),
        calls("event_value", pointer=f"{frames}/password"), calls("event_value", pointer="/tags/session_id"),
        calls("event_value", pointer="/extra"), calls("search_code", pattern="needle"), calls("outline", path="conf/wide.py"),
        calls("read_file", path="conf/whole.py"),
    ]  # fmt: skip
    model.respond = replies.whole_pipeline(root_cause=[*looks, DONE])
    run = investigate()
    assert run.status == "completed", run.failure_detail
    assert len(model.asked) == len(looks) + 1
    assert "hunter" not in model.asked[-1].text
    answers = [message["content"] for message in model.asked[-1].messages if message["role"] == "tool"]
    assert [n for n, answer in enumerate(answers) if "[red" not in answer] == []

"""What strangers write is shown as text and leaves the page as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from demo.program import REPOSITORY, git
from demo.waiting import wait_for
from tests.acceptance.site import Site
from tests.browser.visits import open_issue, start, state

SCRIPT = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'>"
REVERSED = "\u202egnp.exe\u202c"
LONG = "x" * 10_000
EVIL = f"{SCRIPT} {REVERSED} a\u200bb `{SCRIPT}` שלום"
PATH = "shop/<img src=x onerror=alert(1)>\u202e.py"


CITED = "shop/<b>\u202ecited.py"
CODE = [f"# {SCRIPT}", f"# {REVERSED} a\u200bb", LONG, "</td></table><h1>out</h1>"]


def hostile_commit(site: Site, folder: Path) -> str:
    """A release of the program whose file names, code, author and message are hostile; its sha."""
    git(folder, "clone", "-q", str(site.program.bare), "desk")
    desk = folder / "desk"
    (desk / CITED).write_text("\n".join(CODE) + "\n", encoding="utf-8")
    git(desk, "add", "--all")
    who = {
        "GIT_AUTHOR_NAME": SCRIPT,
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "c",
        "GIT_COMMITTER_EMAIL": "c@d",
    }
    git(desk, "commit", "-q", "--message", EVIL, **who)
    git(desk, "push", "-q", "origin", "HEAD:refs/heads/hostile")
    return git(desk, "rev-parse", "HEAD").strip()


def hostile_evidence() -> list[dict[str, Any]]:
    """Citations that hold: the quotes are really there."""
    code = {"kind": "code", "repo_name": REPOSITORY, "path": CITED}
    lines = [
        code | {"start_line": number, "end_line": number, "quote": line}
        for number, line in enumerate(CODE, 1)
    ]
    return [*lines, {"kind": "event", "pointer": "/exception/values/0/value", "quote": LONG}]


def hostile_event() -> dict[str, Any]:
    """What an SDK sends around the error: every text of frame, locals, tags and breadcrumbs is hostile."""
    frame = {
        "filename": PATH, "module": EVIL, "function": EVIL, "lineno": 3, "in_app": True,
        "pre_context": [SCRIPT, REVERSED], "context_line": LONG, "post_context": ["</pre></details><h1>out</h1>"],
        "vars": {EVIL: EVIL, "long": LONG},
    }  # fmt: skip
    library = frame | {"in_app": False}
    error = {"type": EVIL[:200], "value": LONG, "stacktrace": {"frames": [library, frame]}}
    crumb = {"timestamp": EVIL, "category": EVIL, "level": SCRIPT, "message": EVIL, "data": {EVIL: LONG}}
    return {
        "exception": {"values": [error]},
        "environment": SCRIPT[:60],
        "transaction": EVIL[:200],
        "tags": {"colour": EVIL[:200], "<b>bold</b>": LONG[:200]},
        "breadcrumbs": [crumb, crumb | {"message": LONG}],
    }


def hostile_turns() -> dict[str, list[dict[str, Any]]]:
    """Every text of every artifact, citation, block and diff is hostile."""
    root_cause = {
        "one_line_description": EVIL,
        "five_whys": [EVIL, LONG, "\u0301" * 500],
        "reproduction_steps": [EVIL],
        "relevant_repo": SCRIPT,
        "fixability": {"assessment": "fixable", "reason": EVIL},
        "evidence": hostile_evidence(),
    }
    commit = {
        "sha": "abcdef1", "repo_name": SCRIPT, "message": EVIL, "author_name": EVIL, "author_email": SCRIPT,
        "committed_date": "2026-01-01", "description": LONG,
    }  # fmt: skip
    triage = {"suspect_commit": commit, "suggested_assignee": {"name": EVIL, "email": SCRIPT, "why": LONG}}
    impact = {"label": EVIL, "rating": "high", "impact_description": LONG, "evidence": EVIL}
    impacts = {"one_line_description": EVIL, "impacts": [impact]}
    solution = {"one_line_summary": EVIL, "steps": [{"title": EVIL, "description": LONG}]}
    head = f"diff --git a/{PATH} b/{PATH}\nnew file mode 100644\n--- /dev/null\n+++ b/{PATH}\n"
    diff = f"{head}@@ -0,0 +1,2 @@\n+{SCRIPT}{REVERSED}\n+{LONG}\n"
    patch = {
        "repo_name": REPOSITORY,
        "diff": diff,
        "patch": {"path": PATH, "type": "A", "added": 2, "removed": 0},
    }
    call = {"function": SCRIPT, "args": f'{{"path": "{LONG}"}}'}
    talk = {"message": {"role": "assistant", "content": EVIL + LONG, "tool_calls": [call]}}

    def result(step: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"blocks": [talk, {"artifacts": [{"key": step, "data": data, "reason": EVIL}]}]}]

    return {
        "root_cause": result("root_cause", root_cause),
        "solution": result("solution", solution),
        "code_changes": [{"blocks": [{"message": {"content": EVIL}, "file_patches": [patch]}]}],
        "impact_assessment": result("impact_assessment", impacts),
        "triage": result("triage", triage),
    }


@pytest.fixture
def loaded(scripted_page: Page) -> list[str]:
    """What the page asked for, and what it wanted to say by itself."""
    asked: list[str] = []
    scripted_page.on("request", lambda request: asked.append(request.url))
    scripted_page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    return asked


def expect_text_only(page: Page, site: Site, path: str, loaded: list[str]) -> None:
    """At every width the page is no wider than its window, nothing hostile ran or was loaded, nothing turns the text round."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(site.stack.base_url + path)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
        expect(page.get_by_text("<script>window.pwned=1</script>").first).to_be_visible()
        assert page.evaluate("window.pwned") is None
        text = page.locator("main").inner_text()
        assert not {"\u202e", "\u200b"} & set(text)
        assert "U+202E" in text
    ours = site.stack.base_url
    assert [url for url in loaded if not url.startswith(ours) or url.endswith("/x")] == []


def test_hostile_content_stays_text_and_breaks_no_layout(
    scripted_page: Page, scripted_site: Site, loaded: list[str], tmp_path: Path
) -> None:
    """A run of an agent that wishes us ill, over a commit of somebody who does: list, issue, citations, diff, pull request."""
    scripted_site.play(hostile_turns())
    release = hostile_commit(scripted_site, tmp_path)
    issue = scripted_site.report(EVIL[:200], LONG, release=release, **hostile_event())
    panel = open_issue(scripted_page, scripted_site, issue)
    start(panel, "open_pr", note=EVIL)
    expect(state(panel)).to_have_text("Done")
    expect(panel.get_by_role("article", name="Triage")).to_be_visible()
    expect_text_only(scripted_page, scripted_site, "/organizations/acme/issues/", loaded)
    expect_text_only(scripted_page, scripted_site, f"/organizations/acme/issues/{issue}/", loaded)
    expect(panel.locator(".af-cited")).to_have_count(len(CODE))
    expect(panel.locator(".af-cited").nth(1)).to_contain_text("U+202E")
    expect(panel.get_by_role("article", name="Root cause").locator("h1")).to_have_count(0)
    for place in (".exception", ".variables", ".tag", ".crumbs"):
        expect(scripted_page.locator(place, has_text="<script>").first).to_be_visible()
    expect(scripted_page.locator(":is(.exception, .beside) :is(h1, script, img)")).to_have_count(0)
    pull = panel.get_by_role("article", name="Pull request")
    expect(pull.get_by_text("<script>window.pwned=1</script>").first).to_be_visible()


def test_what_an_endpoint_answers_stays_text(
    scripted_page: Page, scripted_site: Site, loaded: list[str]
) -> None:
    """The error page of a consumer, and its address, on the page of deliveries."""
    scripted_site.receiver.complaint = f"{EVIL}\n{LONG[:3_000]}".encode()
    made = scripted_site.api.call(
        "POST", "autofix/webhooks/", {"url": f"{scripted_site.receiver.url}/<script>window.pwned=1</script>"}
    )
    page = f"autofix/webhooks/{made['id']}/"
    scripted_site.api.call("POST", f"{page}test/", {})
    wait_for(
        lambda: scripted_site.api.call("GET", f"{page}deliveries/")["results"][0]["attempts"],
        "an attempt is made",
    )
    expect_text_only(
        scripted_page, scripted_site, f"/autofix/organizations/acme/webhooks/{made['id']}/", loaded
    )
    expect(scripted_page.locator(".af-deliveries pre")).to_contain_text("<img src=x")
    scripted_page.get_by_role("button", name="Delete the endpoint").click()
    scripted_site.receiver.complaint = b""

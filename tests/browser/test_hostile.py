"""What strangers write is shown as text and leaves the page as it is."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from demo.program import REPOSITORY
from tests.acceptance.site import Site
from tests.browser.visits import open_issue, start, state

SCRIPT = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'>"
REVERSED = "\u202egnp.exe\u202c"
LONG = "x" * 9_000
EVIL = f"{SCRIPT} {REVERSED} a\u200bb `{SCRIPT}` שלום"
PATH = "shop/<img src=x onerror=alert(1)>\u202e.py"


def hostile_turns() -> dict[str, list[dict[str, Any]]]:
    """Every text of every artifact, block and diff is hostile."""
    root_cause = {
        "one_line_description": EVIL,
        "five_whys": [EVIL, LONG, "\u0301" * 500],
        "reproduction_steps": [EVIL],
        "relevant_repo": SCRIPT,
        "fixability": {"assessment": "fixable", "reason": EVIL},
        "evidence": [],
    }
    commit = {
        "sha": "abcdef1", "repo_name": SCRIPT, "message": EVIL, "author_name": EVIL, "author_email": SCRIPT,
        "committed_date": "2026-01-01", "description": LONG,
    }  # fmt: skip
    triage = {"suspect_commit": commit, "suggested_assignee": {"name": EVIL, "email": SCRIPT, "why": LONG}}
    impact = {"label": EVIL, "rating": "high", "impact_description": LONG, "evidence": EVIL}
    impacts = {"one_line_description": EVIL, "impacts": [impact]}
    solution = {"one_line_summary": EVIL, "steps": [{"title": EVIL, "description": LONG}]}
    diff = f"diff --git a/{PATH} b/{PATH}\n--- /dev/null\n+++ b/{PATH}\n@@ -0,0 +1,2 @@\n+{SCRIPT}{REVERSED}\n+{LONG}\n"
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


def test_hostile_content_stays_text_and_breaks_no_layout(scripted_page: Page, scripted_site: Site) -> None:
    """Nothing of it runs or loads; what turns the reading direction round is named; no page becomes wider than its window."""
    loaded: list[str] = []
    scripted_page.on("request", lambda request: loaded.append(request.url))
    scripted_page.on("dialog", lambda dialog: loaded.append(f"dialog {dialog.message}"))
    scripted_site.play(hostile_turns())
    issue = scripted_site.report(EVIL[:200], LONG)
    panel = open_issue(scripted_page, scripted_site, issue)
    start(panel, "code_changes", note=EVIL)
    expect(state(panel)).to_have_text("Done")
    expect(panel.get_by_role("article", name="Triage")).to_be_visible()
    panel.get_by_text("The investigation").click()
    for width in (1280, 390):
        scripted_page.set_viewport_size({"width": width, "height": 900})
        for path in (f"issues/{issue}/", "issues/"):
            scripted_page.goto(f"{scripted_site.stack.base_url}/organizations/acme/{path}")
            assert scripted_page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            expect(scripted_page.get_by_text("<script>window.pwned=1</script>").first).to_be_visible()
    assert scripted_page.evaluate("window.pwned") is None
    ours = scripted_site.stack.base_url
    assert [url for url in loaded if not url.startswith(ours) or url.endswith("/x")] == []
    scripted_page.goto(f"{ours}/organizations/acme/issues/{issue}/")
    text = scripted_page.locator("#autofix").inner_text()
    assert "\u202e" not in text
    assert "U+202E" in text

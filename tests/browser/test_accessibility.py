"""Every page against the rules of WCAG A and AA, and against its own weight."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from demo.waiting import wait_for
from tests.acceptance import scripts
from tests.acceptance.site import Site
from tests.browser.rules import violations
from tests.browser.visits import open_issue, sign_in, state

MOST_BYTES = 150_000
QUESTION = {"id": "q1", "data": {"question": "Which voucher is meant?", "options": ["MAY15", "JUNE15"]}}
STATUSES = {"failed": "error", "asking": "awaiting_user_input", "cancelled": "cancelled"}


@pytest.fixture(scope="package")
def finished_issue(scripted_site: Site) -> str:
    """An issue with a whole run."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    issue = scripted_site.new_issue()
    run = scripted_site.api.start(issue, stopping_point="open_pr")["run_id"]
    scripted_site.wait_for_end(issue, run)
    return issue


@pytest.fixture(scope="package")
def unfinished_issues(scripted_site: Site) -> dict[str, str]:
    """An issue without a run, and one each whose run failed, asks, was cancelled and works."""
    turns: dict[str, list[dict[str, Any]]] = {
        "failed": [{"blocks": [scripts.said("No.")], "end": "error", "error": "I give up."}],
        "asking": [{"blocks": [], "end": "awaiting_user_input", "pending_user_input": QUESTION}],
        "cancelled": scripts.hanging()["root_cause"],
        "working": scripts.hanging()["root_cause"],
    }
    issues = {"without a run": scripted_site.new_issue()}
    for name, turn in turns.items():
        scripted_site.play({**scripts.whole_run(scripted_site.program), "root_cause": turn})
        issues[name] = scripted_site.new_issue()
        run = scripted_site.api.start(issues[name])["run_id"]
        if name == "cancelled":
            wait_for(partial(has_spoken, scripted_site, issues[name], run), "the agent has begun")
            scripted_site.api.call("POST", f"issues/{issues[name]}/autofix/cancel/", {"run_id": run})
        wait_for(partial(has_begun, scripted_site, issues[name], run, name), f"the run is {name}")
    return issues


def has_spoken(site: Site, issue: str, run_id: int) -> bool:
    """Is there something of the agent's in the run?"""
    return len(site.run(issue, run_id)["blocks"]) > 1


def has_begun(site: Site, issue: str, run_id: int, name: str) -> bool:
    """Does the run stand as its name says?"""
    run = site.run(issue, run_id)
    return STATUSES.get(name, "running") in (
        run["status"],
        *(step["status"] for step in run["steps"]),
    )


def test_no_page_breaks_a_rule(
    page: Page, scripted_site: Site, finished_issue: str, unfinished_issues: dict[str, str]
) -> None:
    """Log-in, lists, an issue in every state, settings, webhooks, an endpoint, the API, nothing: no violation in any look."""
    base = scripted_site.stack.base_url
    page.goto(f"{base}/login/")
    found = {"login": violations(page)}
    sign_in(page, scripted_site)
    issues = "/organizations/acme/issues/"
    paths = [
        "/nothing/like/it/", issues, f"{issues}?q=nothing+like+it",
        *(f"{issues}{issue}/" for issue in [finished_issue, *unfinished_issues.values()]),
        "/autofix/projects/acme/shop/settings/", "/autofix/organizations/acme/webhooks/", "/api/docs/",
    ]  # fmt: skip
    for path in paths:
        page.goto(base + path)
        found[path] = violations(page)
    page.goto(f"{base}/autofix/organizations/acme/webhooks/")
    page.get_by_role("link", name=scripted_site.receiver.url).click()
    expect(page.get_by_role("heading", name="Deliveries")).to_be_visible()
    found["endpoint"] = violations(page)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_the_page_is_light_and_loads_nothing_from_elsewhere(
    scripted_page: Page, scripted_site: Site, finished_issue: str
) -> None:
    """Less than 150 KB uncompressed with everything it loads, all of it from the site itself."""
    sizes: dict[str, int] = {}
    scripted_page.on("response", lambda answer: sizes.update({answer.url: 0}))
    panel = open_issue(scripted_page, scripted_site, finished_issue)
    expect(state(panel)).to_have_text("Done")
    scripted_page.wait_for_load_state("networkidle")
    for url in sizes:
        answer = scripted_page.request.get(url)
        sizes[url] = len(answer.body())
    assert all(url.startswith(scripted_site.stack.base_url) for url in sizes)
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_the_panel_is_used_by_keyboard(scripted_page: Page, scripted_site: Site) -> None:
    """From the heading, Tab leads through the form in its order, Enter starts the run, and the next Tab goes on from there."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
    panel.get_by_label("How far").focus()
    scripted_page.keyboard.press("Tab")
    expect(panel.get_by_label("A note for the agent")).to_be_focused()
    scripted_page.keyboard.press("Tab")
    expect(panel.get_by_role("button", name="Start Autofix")).to_be_focused()
    scripted_page.keyboard.press("Enter")
    expect(state(panel)).to_have_text("Done")
    expect(panel.get_by_role("heading", name="Autofix", exact=True)).to_be_focused()

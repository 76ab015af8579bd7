"""Every page against the rules of WCAG A and AA, and against its own weight."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.acceptance import scripts
from tests.acceptance.site import Site
from tests.browser.visits import open_issue, sign_in, state

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
MOST_BYTES = 150_000


def violations(page: Page) -> list[str]:
    """What axe finds wrong, each with its first element."""
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found]


@pytest.fixture(scope="package")
def finished_issue(scripted_site: Site) -> str:
    """An issue with a whole run."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    issue = scripted_site.new_issue()
    run = scripted_site.api.start(issue, stopping_point="open_pr")["run_id"]
    scripted_site.wait_for_end(issue, run)
    return issue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule(page: Page, scripted_site: Site, finished_issue: str, scheme: Any) -> None:
    """Log-in, list, empty list, issue before and after a run, settings, webhooks, an endpoint, nothing: no violation."""
    page.emulate_media(color_scheme=scheme)
    base = scripted_site.stack.base_url
    page.goto(f"{base}/login/")
    found = {"login": violations(page)}
    sign_in(page, scripted_site)
    fresh = scripted_site.new_issue()
    paths = [
        "/nothing/like/it/", "/organizations/acme/issues/", "/organizations/acme/issues/?q=nothing+like+it",
        f"/organizations/acme/issues/{fresh}/", f"/organizations/acme/issues/{finished_issue}/",
        "/autofix/projects/acme/shop/settings/", "/autofix/organizations/acme/webhooks/",
    ]  # fmt: skip
    for path in paths:
        page.goto(base + path)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        found[path] = violations(page)
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

"""The pages in a browser that runs no scripts."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.acceptance import scripts
from tests.acceptance.site import Site
from tests.browser.visits import TIMEOUT_MS, open_issue, sign_in, start, state


def test_start_read_and_refusal(browser: Browser, scripted_site: Site) -> None:
    """A run is started by a form, read after a reload, and a refusal is a page with a way back."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    issue = scripted_site.new_issue()
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    sign_in(page, scripted_site)
    panel = open_issue(page, scripted_site, issue)
    start(panel, "code_changes")
    run = scripted_site.api.autofix(issue)
    assert run is not None
    scripted_site.wait_for_end(issue, run["run_id"])
    page.reload()
    expect(state(panel)).to_have_text("Done")
    expect(panel.get_by_text(scripts.ARTIFACTS["root_cause"]["one_line_description"])).to_be_visible()
    expect(panel.locator(".af-add").first).to_be_visible()

    stale = panel.get_by_role("button", name="Open a pull request")
    scripted_site.api.start(issue, run_id=run["run_id"], step="open_pr")
    scripted_site.wait_for_end(issue, run["run_id"])
    panel.get_by_role("article", name="Solution").get_by_role("button").click()
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    expect(page.get_by_text("A pull request of this run is open already")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    expect(stale).to_have_count(0)
    context.close()

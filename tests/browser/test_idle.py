"""A page that stands open while others, or automation, go on with its issue."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.acceptance import scripts
from tests.acceptance.site import Site
from tests.browser.rules import violations
from tests.browser.visits import open_issue, state

# The sweeper wakes a decision that has been open for a minute: in a few seconds, this one.
DECIDE_SOON = """
from datetime import timedelta
from django.utils import timezone
from autofix.models import AutomationDecision
AutomationDecision.objects.filter(issue_id="{}").update(decided_at=None, wake_at=timezone.now() - timedelta(seconds=50))
"""


def test_a_run_of_somebody_else_appears(scripted_page: Page, scripted_site: Site) -> None:
    """Also when it began and ended between the page and the first look of its script; and so does what follows on it."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    issue = scripted_site.new_issue()
    panel = open_issue(scripted_page, scripted_site, issue)
    expect(panel.get_by_role("button", name="Start Autofix")).to_be_visible()
    run = scripted_site.api.start(issue, stopping_point="root_cause")["run_id"]
    scripted_site.wait_for_end(issue, run)
    expect(state(panel)).to_have_text("Done")
    expect(panel.get_by_text(scripts.ARTIFACTS["root_cause"]["one_line_description"])).to_be_visible()

    scripted_page.reload()
    expect(state(panel)).to_have_text("Done")
    scripted_site.api.start(issue, run_id=run, step="solution")
    scripted_site.wait_for_end(issue, run)
    expect(panel.get_by_text(scripts.ARTIFACTS["solution"]["one_line_summary"])).to_be_visible()


def test_nothing_is_fetched_anew_while_nothing_happens(scripted_page: Page, scripted_site: Site) -> None:
    """The script asks the API how the run stands, sees what the page shows already, and leaves it alone."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    issue = scripted_site.new_issue()
    run = scripted_site.api.start(issue, stopping_point="root_cause")["run_id"]
    scripted_site.wait_for_end(issue, run)
    asked: list[str] = []
    scripted_page.on("request", lambda request: asked.append(request.url))
    with scripted_page.expect_response(lambda answer: "/autofix/?since=" in answer.url):
        open_issue(scripted_page, scripted_site, issue)
    with scripted_page.expect_response(lambda answer: "/autofix/?since=" in answer.url):
        pass
    assert [url for url in asked if "/panel/" in url] == []


def test_a_newer_run_is_offered_and_replaces_nothing(scripted_page: Page, scripted_site: Site) -> None:
    """Whoever reads a run goes on reading it; the way to the newer one stands above it, and leads there."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    issue = scripted_site.new_issue()
    first = scripted_site.api.start(issue, stopping_point="root_cause")["run_id"]
    scripted_site.wait_for_end(issue, first)
    panel = open_issue(scripted_page, scripted_site, issue)
    expect(panel.get_by_text(f"Run {first},")).to_be_visible()
    second = scripted_site.api.start(issue, stopping_point="root_cause")["run_id"]
    scripted_site.wait_for_end(issue, second)
    newer = panel.get_by_role("link", name=f"Look at run {second}")
    expect(newer).to_be_visible()
    expect(panel.get_by_text(f"Run {first},")).to_be_visible()
    assert violations(scripted_page) == []
    newer.click()
    expect(panel.get_by_text(f"Run {second},")).to_be_visible()
    expect(panel.get_by_role("link", name="Look at run")).to_have_count(0)


def test_automations_decision_appears(scripted_page: Page, scripted_site: Site) -> None:
    """A page that was opened before automation had decided says why it did not start, as soon as that is known."""
    issue = scripted_site.new_issue()
    panel = open_issue(scripted_page, scripted_site, issue)
    expect(panel.get_by_text("The project's tuning is off.")).to_be_visible()
    scripted_site.stack.manage("shell", "-c", DECIDE_SOON.format(issue))
    scripted_page.reload()
    expect(panel.get_by_text("is about to decide")).to_be_visible()
    expect(panel.get_by_text("The project's tuning is off.")).to_be_visible()

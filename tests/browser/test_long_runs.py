"""A run with two thousand blocks."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.acceptance import scripts
from tests.acceptance.site import Site
from tests.browser.visits import open_issue, start, state

BLOCKS = 2_000


def test_two_thousand_blocks_update_without_a_full_render(scripted_page: Page, scripted_site: Site) -> None:
    """Entries that are there stay the same elements while new ones come; the page begins with the latest and fetches the rest."""
    talk = [scripts.said(f"thought {number}") for number in range(BLOCKS)]
    turn = {"blocks": [*talk, scripts.found("root_cause")]}
    scripted_site.play({**scripts.whole_run(scripted_site.program), "root_cause": [turn]})
    issue = scripted_site.new_issue()
    panel = open_issue(scripted_page, scripted_site, issue)
    start(panel, "root_cause")
    panel.get_by_text("The investigation").click()
    first = panel.locator("[data-entries] > [data-index]").first
    expect(first).to_be_attached()
    scripted_page.evaluate("document.querySelector('[data-entries] > [data-index]').mine = true")
    expect(state(panel)).to_have_text("Done", timeout=120_000)
    expect(panel.locator(f'[data-index="{BLOCKS}"]')).to_be_attached(timeout=120_000)
    kept = "document.querySelector('[data-entries] > [data-index]').mine"
    assert scripted_page.evaluate(kept) is True

    scripted_page.reload()
    panel.get_by_text("The investigation").click()
    expect(panel.locator("[data-entries] > [data-index]")).to_have_count(40)
    while (earlier := panel.get_by_role("link", name="Show earlier ones")).count():
        shown = panel.locator("[data-entries] > [data-index]").count()
        earlier.click()
        scripted_page.wait_for_function(
            "shown => document.querySelectorAll('[data-entries] > [data-index]').length > shown", arg=shown
        )
    indexes = panel.locator("[data-entries] > [data-index]").evaluate_all(
        "entries => entries.map(entry => Number(entry.dataset.index))"
    )
    assert indexes == list(range(len(indexes)))
    assert len(indexes) > BLOCKS

"""A person and the demo's crash: from the list of issues to a patch that git applies."""

from __future__ import annotations

import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from demo import program
from tests.acceptance.site import Site
from tests.browser.rules import violations
from tests.browser.visits import start, state

MOST_MS = 200


class TestJourney:
    def test_from_the_list_to_an_applied_patch(
        self, demo_page: Page, demo_site: Site, problems: list[str], tmp_path: Path
    ) -> None:
        """Every step completes before the person's eyes, without a reload; the patch downloads, applies and mends the program."""
        demo_page.get_by_role("link", name="AttributeError").click()
        panel = demo_page.locator("#autofix")
        expect(panel).to_be_visible()
        demo_page.wait_for_load_state()
        demo_page.evaluate("window.notReloaded = true")
        start(panel, "open_pr", note="Vouchers of May have expired.")
        for title in ("Root cause", "Solution", "Code changes", "Pull request"):
            step = panel.locator(".af-step", has_text=title)
            expect(step).to_have_class("af-step af-completed", timeout=60_000)
        expect(state(panel)).to_have_text("Done")
        expect(panel.get_by_text("Offline agent, no LLM").first).to_be_visible()
        expect(panel.get_by_text("did not start", exact=False)).to_be_visible()
        for side in ("Impact assessment", "Triage"):
            expect(panel.get_by_role("article", name=side)).to_be_visible()
        expect(panel.locator(".af-cited").first).to_contain_text("voucher")

        changes = panel.get_by_role("article", name="Code changes")
        changes.get_by_label("Side by side").check()
        expect(changes.locator(".af-add").first).to_be_visible()
        demo_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        changes.get_by_role("button", name="Copy the changes of shop/pricing.py").click()
        expect(changes.get_by_role("button", name="Copied the changes of shop/pricing.py")).to_be_visible()
        copied = demo_page.evaluate("navigator.clipboard.readText()")
        with demo_page.expect_download() as download:
            changes.get_by_role("link", name="Download the patch").click()
        patch = tmp_path / "change.patch"
        download.value.save_as(patch)
        assert copied == patch.read_text(encoding="utf-8")
        assert demo_page.evaluate("window.notReloaded") is True
        assert problems == []
        assert violations(demo_page) == []

        checkout = tmp_path / "checkout"
        subprocess.run(["git", "clone", "-q", demo_site.program.bare, checkout], check=True)
        subprocess.run(["git", "apply", patch], cwd=checkout, check=True)
        before = program.git(demo_site.program.checkout, "show", "HEAD:shop/pricing.py")
        after = (checkout / "shop/pricing.py").read_text(encoding="utf-8")
        assert "voucher is None" not in before
        assert "voucher is None" in after

    def test_the_panel_can_be_used_as_soon_as_the_page_is_loaded(self, demo_page: Page) -> None:
        """Its listeners are in place less than 200 ms after the load event, by the page's own clock."""
        demo_page.get_by_role("link", name="AttributeError").click()
        demo_page.wait_for_load_state("load")
        demo_page.wait_for_function("performance.getEntriesByName('autofix-ready').length")
        late = """() => performance.getEntriesByName("autofix-ready")[0].startTime
            - performance.getEntriesByType("navigation")[0].loadEventEnd"""
        demo_page.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        assert demo_page.evaluate(late) < MOST_MS

    def test_the_list_says_how_far_autofix_is(self, demo_page: Page) -> None:
        """Search and filters narrow the list; each row has the state of its newest run."""
        row = demo_page.get_by_role("row", name="AttributeError")
        expect(row.locator(".autofix-state")).to_have_text("Pull request open")
        demo_page.get_by_label("Search").fill("no such thing")
        demo_page.get_by_role("button", name="Show").click()
        expect(demo_page.get_by_text("No issues match.")).to_be_visible()
        demo_page.get_by_role("link", name="Show all issues").click()
        expect(row).to_be_visible()

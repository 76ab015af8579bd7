"""What a person does in the browser, in a few words."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.acceptance.site import Site

TIMEOUT_MS = 30_000


def sign_in(page: Page, site: Site) -> None:
    """Through the log-in page, as the administrator."""
    log_in(page, site.stack.base_url, site.account.username, site.account.password or "")
    expect(page.get_by_role("heading", name="Issues of acme")).to_be_visible()


def log_in(page: Page, base_url: str, name: str, password: str) -> None:
    """Through the log-in page, as anybody."""
    page.goto(f"{base_url}/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def open_issue(page: Page, site: Site, issue: str) -> Locator:
    """The issue's page; its panel."""
    page.goto(f"{site.stack.base_url}/organizations/{site.account.organization}/issues/{issue}/")
    return page.locator("#autofix")


def start(panel: Locator, how_far: str, *, note: str = "") -> None:
    """Press the button."""
    panel.get_by_label("How far").select_option(how_far)
    panel.get_by_label("A note for the agent").fill(note)
    panel.get_by_role("button", name="Start Autofix").click()


def state(panel: Locator) -> Locator:
    """The run's state, in the head."""
    return panel.locator(".af-head .af-badge")

"""The page that describes the API, under the same content security policy as every other page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.acceptance.site import Site


def test_a_call_is_described_and_tried_out(
    scripted_page: Page, scripted_site: Site, problems: list[str]
) -> None:
    """It opens, unfolds a call and sends it; all that it loads is this site's, and the policy forbids nothing that it does."""
    loaded: list[str] = []
    scripted_page.on("request", lambda request: loaded.append(request.url))
    scripted_page.goto(f"{scripted_site.stack.base_url}/api/docs/")
    call = scripted_page.locator(".opblock-get", has_text="/{organization}/autofix/webhooks/").first
    call.locator(".opblock-summary").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_placeholder("organization").fill("acme")
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table tbody .response-col_status")).to_contain_text("200")
    assert [url for url in loaded if not url.startswith((scripted_site.stack.base_url, "data:"))] == []
    assert problems == []

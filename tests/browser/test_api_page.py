"""The page that describes the API, under the same content security policy as every other page."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.acceptance import scripts
from tests.acceptance.site import Site


def test_a_call_is_described_and_tried_out(
    scripted_page: Page, scripted_site: Site, problems: list[str]
) -> None:
    """An address with its name unfolds a call; it is sent by the session; all that the page loads is this site's."""
    loaded: list[str] = []
    scripted_page.on("request", lambda request: loaded.append(request.url))
    scripted_page.goto(f"{scripted_site.stack.base_url}/api/docs/#0_organizations_autofix_webhooks_list")
    call = scripted_page.get_by_role(
        "form", name="Try GET /api/0/organizations/{organization}/autofix/webhooks/"
    )
    expect(call.get_by_label("organization", exact=True)).to_have_value("acme")
    call.get_by_role("button", name="Send").click()
    expect(call.get_by_role("status")).to_contain_text("200 OK")
    expect(call.get_by_role("region", name="The answer")).to_contain_text(
        f'"url": "{scripted_site.receiver.url}"'
    )
    assert [url for url in loaded if not url.startswith((scripted_site.stack.base_url, "data:"))] == []
    assert problems == []


def test_a_call_that_changes_something_and_one_that_is_refused(
    scripted_page: Page, scripted_site: Site
) -> None:
    """A run is started with the session's CSRF token; a wrong token in its place is refused, and the page says so."""
    scripted_site.play(scripts.whole_run(scripted_site.program))
    issue = scripted_site.new_issue()
    scripted_page.goto(f"{scripted_site.stack.base_url}/api/docs/#autofix_start")
    call = scripted_page.locator("#autofix_start")
    call.get_by_label("issue", exact=True).fill(issue)
    call.get_by_label("Body").fill('{"stopping_point": "root_cause"}')
    call.get_by_role("button", name="Send").click()
    expect(call.get_by_role("status")).to_contain_text("202 Accepted")
    run = scripted_site.api.autofix(issue)
    assert run is not None
    assert run["stopping_point"] == "root_cause"
    scripted_site.wait_for_end(issue, run["run_id"])
    scripted_page.get_by_label("Try the calls with a token").fill("wrong")
    call.get_by_role("button", name="Send").click()
    expect(call.get_by_role("status")).to_contain_text("401")


def test_a_stream_is_shown_as_it_comes_and_stopped(scripted_page: Page, scripted_site: Site) -> None:
    """Events of a run under way appear at once; the stop button ends the call, not the run."""
    scripted_site.play(scripts.hanging())
    issue = scripted_site.new_issue()
    run = scripted_site.api.start(issue)["run_id"]
    scripted_page.goto(f"{scripted_site.stack.base_url}/api/docs/#autofix_stream")
    call = scripted_page.locator("#autofix_stream")
    call.get_by_label("issue", exact=True).fill(issue)
    call.get_by_role("button", name="Send").click()
    expect(call.get_by_role("region", name="The answer")).to_contain_text("event: ")
    call.get_by_role("button", name="Stop").click()
    expect(call.get_by_role("button", name="Stop")).to_be_hidden()
    assert scripted_site.run(issue, run)["status"] == "processing"
    scripted_site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": run})


def test_everything_is_there_without_scripts_and_without_a_session(
    browser: Browser, scripted_site: Site
) -> None:
    """Fields, answers and a command line; nothing that would need a script."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{scripted_site.stack.base_url}/api/docs/")
    page.locator("#autofix_start > summary").click()
    call = page.locator("#autofix_start")
    expect(call.get_by_role("rowheader", name="user_context")).to_be_visible()
    expect(call.get_by_role("region", name="on a command line")).to_contain_text("curl -X POST")
    expect(call.get_by_role("button", name="Send")).to_be_hidden()
    context.close()

"""What a person can do to a run and to a webhook, with an agent whose every word is known."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from demo.waiting import wait_for
from tests.acceptance import scripts
from tests.acceptance.site import Site
from tests.browser.visits import open_issue, start, state


class TestRuns:
    def test_a_running_step_is_cancelled(self, scripted_page: Page, scripted_site: Site) -> None:
        """While it runs the page says what the agent does now; the button ends the run, and the page offers to go on."""
        scripted_site.play(scripts.hanging())
        panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
        start(panel, "root_cause")
        expect(panel.locator(".af-step.af-running")).to_contain_text("Root cause")
        expect(panel.get_by_role("article", name="Root cause").get_by_text("Hm.")).to_be_visible()
        panel.get_by_role("button", name="Cancel this run").click()
        expect(state(panel)).to_have_text("Cancelled")
        expect(panel.get_by_role("button", name="Try again: find the root cause")).to_be_visible()

    def test_time_goes_on_whatever_the_browsers_clock_says(
        self, scripted_page: Page, scripted_site: Site
    ) -> None:
        """With a clock that is an hour fast a new run has just begun; its time counts, and "just now" grows old."""
        scripted_page.add_init_script(
            "const now = Date.now; window.fast = 3_600_000; Date.now = () => now() + window.fast;"
        )
        scripted_site.play(scripts.hanging())
        panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
        start(panel, "root_cause")
        elapsed = panel.locator(".af-step.af-running [data-since]")
        expect(elapsed).to_have_text(re.compile(r"^[1-9]\d? s$"))
        expect(panel.get_by_text("a person, on this page, just now")).to_be_visible()
        scripted_page.evaluate("window.fast += 300_000")
        expect(elapsed).to_have_text(re.compile(r"^5 min \d+ s$"))
        expect(panel.get_by_text("a person, on this page, 5 minutes ago")).to_be_visible()
        panel.get_by_role("button", name="Cancel this run").click()
        expect(state(panel)).to_have_text("Cancelled")

    def test_a_question_of_the_agent_is_answered(self, scripted_page: Page, scripted_site: Site) -> None:
        """The question appears by itself; the answer reaches the agent, and the run goes on."""
        question = {"id": "q1", "data": {"question": "Which voucher is meant?", "options": ["MAY15"]}}
        asking = {
            "blocks": [scripts.said("Hm.")],
            "end": "awaiting_user_input",
            "pending_user_input": question,
        }
        scripted_site.play({**scripts.whole_run(scripted_site.program), "root_cause": [asking]})
        panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
        start(panel, "root_cause")
        answer = panel.get_by_label("Which voucher is meant?")
        expect(answer).to_be_visible()
        expect(state(panel)).to_have_text("Needs your answer")
        scripted_site.play(scripts.whole_run(scripted_site.program))
        answer.fill("The one of May")
        panel.get_by_role("button", name="Answer").click()
        expect(state(panel)).to_have_text("Done")
        panel.get_by_text("The investigation").click()
        expect(panel.locator(".af-by-user").last).to_contain_text("The one of May")

    def test_a_suggested_answer_is_taken(self, scripted_page: Page, scripted_site: Site) -> None:
        """One press on it answers with exactly that text, whatever the field says."""
        question = {
            "id": "q1",
            "data": {"question": "Which one?", "options": ["MAY15", "The <b>other</b> one"]},
        }
        asking = {"blocks": [], "end": "awaiting_user_input", "pending_user_input": question}
        whole = scripts.whole_run(scripted_site.program)
        scripted_site.play({**whole, "root_cause": [asking]})
        panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
        start(panel, "root_cause")
        expect(panel.locator(".af-step", has_text="Root cause")).to_contain_text("Needs your answer")
        scripted_site.play(whole)
        panel.get_by_role("button", name="The <b>other</b> one").click()
        expect(state(panel)).to_have_text("Done")
        panel.get_by_text("The investigation").click()
        expect(panel.locator(".af-by-user").last).to_contain_text("The <b>other</b> one")

    def test_an_idle_run_is_told_something(self, scripted_page: Page, scripted_site: Site) -> None:
        """The message reaches the agent, which does its last step again; who uses the keyboard stays in the panel."""
        scripted_site.play(scripts.whole_run(scripted_site.program))
        panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
        start(panel, "solution")
        expect(state(panel)).to_have_text("Done")
        panel.get_by_text("Tell the agent something").click()
        expect(panel.get_by_label("Your message")).to_have_accessible_description(re.compile("Solution"))
        panel.get_by_label("Your message").fill("Vouchers may be shared.")
        # Slow enough for the page to show it at work: the button that was in use is gone then.
        scripted_site.play(scripts.whole_run(scripted_site.program), delay_ms=1_500)
        scripted_page.keyboard.press("Tab")
        scripted_page.keyboard.press("Enter")
        expect(panel.locator(".af-step", has_text="Solution")).to_contain_text("try 2")
        expect(state(panel)).to_have_text("Working")
        expect(state(panel)).to_have_text("Done")
        assert scripted_page.evaluate("document.activeElement.id") == "autofix-title"
        panel.get_by_text("The investigation").click()
        expect(panel.locator(".af-by-user").last).to_contain_text("Vouchers may be shared.")

    def test_a_finished_step_is_done_again_from_there(self, scripted_page: Page, scripted_site: Site) -> None:
        """What came after it is dropped, and it has a new result."""
        whole = scripts.whole_run(scripted_site.program)
        scripted_site.play(whole)
        panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
        start(panel, "code_changes")
        expect(state(panel)).to_have_text("Done")
        expect(panel.get_by_role("article", name="Code changes")).to_be_visible()
        better = scripts.found("solution")
        better["artifacts"][0]["data"] = scripts.ARTIFACTS["solution"] | {"one_line_summary": "Look twice."}
        scripted_site.play({**whole, "solution": [{"blocks": [better]}]})
        panel.get_by_role("button", name="Do again from here: Solution").click()
        expect(panel.get_by_text("Look twice.")).to_be_visible()

    def test_a_lost_connection_is_said(self, scripted_page: Page, scripted_site: Site) -> None:
        """While the run cannot be followed the page says that it may be old; afterwards it is up to date and says nothing."""
        scripted_site.play(scripts.hanging())
        issue = scripted_site.new_issue()
        run = scripted_site.api.start(issue)
        scripted_page.route("**/autofix/stream/**", lambda route: route.abort())
        panel = open_issue(scripted_page, scripted_site, issue)
        expect(panel.get_by_text("No connection: what you see may be old.")).to_be_visible()
        scripted_page.unroute("**/autofix/stream/**")
        scripted_site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": run["run_id"]})
        expect(state(panel)).to_have_text("Cancelled")
        expect(panel.get_by_text("No connection")).to_be_hidden()

    def test_a_page_that_cannot_be_renewed_says_so(self, scripted_page: Page, scripted_site: Site) -> None:
        """While the server is away it tries again until it is up to date; whoever is logged out is told to reload."""
        scripted_site.play(scripts.hanging())
        issue = scripted_site.new_issue()
        run = scripted_site.api.start(issue)
        panel = open_issue(scripted_page, scripted_site, issue)
        expect(panel.locator(".af-step.af-running")).to_be_visible()
        scripted_page.route(re.compile(r"/panel/"), lambda route: route.abort())
        scripted_site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": run["run_id"]})
        expect(panel.get_by_text("The server could not be reached")).to_be_visible()
        scripted_page.unroute(re.compile(r"/panel/"))
        expect(state(panel)).to_have_text("Cancelled")
        expect(panel.get_by_text("The server could not be reached")).to_be_hidden()

        run = scripted_site.api.start(issue)
        scripted_page.reload()
        expect(panel.locator(".af-step.af-running")).to_be_visible()
        scripted_page.context.clear_cookies()
        scripted_site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": run["run_id"]})
        expect(panel.get_by_text("perhaps you are logged out")).to_be_visible()

    def test_what_cannot_be_fetched_is_said(self, scripted_page: Page, scripted_site: Site) -> None:
        """Copying a change and showing earlier blocks while the server is away: the page says so, and the next try works."""
        scripted_site.play(scripts.whole_run(scripted_site.program, thoughts=20))
        issue = scripted_site.new_issue()
        run = scripted_site.api.start(issue, stopping_point="code_changes")["run_id"]
        scripted_site.wait_for_end(issue, run)
        panel = open_issue(scripted_page, scripted_site, issue)
        scripted_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        alert, away = panel.get_by_role("alert"), re.compile(r"/(diff|blocks)/")
        copy = panel.get_by_role("button", name="Copy the changes of shop/pricing.py")
        earlier = panel.get_by_role("link", name="Show earlier ones")
        panel.get_by_text("The investigation").click()
        for button, words in ((copy, "could not be copied"), (earlier, "could not be fetched")):
            scripted_page.route(away, lambda route: route.abort())
            button.click()
            expect(alert).to_contain_text(words)
            scripted_page.unroute(away)
            button.click()
            expect(alert).to_be_hidden()
        expect(panel.locator('[data-index="0"]')).to_be_attached()
        assert scripted_page.evaluate("navigator.clipboard.readText()").startswith("diff --git")

    def test_a_failed_step_says_why_and_can_be_tried_again(
        self, scripted_page: Page, scripted_site: Site
    ) -> None:
        """The reason, the agent's last words and what to do stand on the page; the next try succeeds."""
        failing = {"blocks": [scripts.said("No.")], "end": "error", "error": "I give up."}
        whole = scripts.whole_run(scripted_site.program)
        scripted_site.play({**whole, "root_cause": [failing, *whole["root_cause"]]})
        panel = open_issue(scripted_page, scripted_site, scripted_site.new_issue())
        start(panel, "root_cause")
        expect(panel.get_by_text("I give up.").first).to_be_visible()
        expect(panel.get_by_text("Try again with a note that tells it more").first).to_be_visible()
        expect(panel.get_by_role("blockquote")).to_have_text("No.")
        panel.get_by_role("button", name="Try again: find the root cause").click()
        expect(panel.get_by_text(scripts.ARTIFACTS["root_cause"]["one_line_description"])).to_be_visible()
        panel.get_by_role("button", name="Plan a solution").click()
        expect(panel.get_by_text(scripts.ARTIFACTS["solution"]["one_line_summary"])).to_be_visible()

    def test_a_refusal_is_shown_where_it_happened(self, scripted_page: Page, scripted_site: Site) -> None:
        """Somebody else was faster: the page says that a run is under way and loses nothing that was typed."""
        scripted_site.play(scripts.hanging())
        issue = scripted_site.new_issue()
        panel = open_issue(scripted_page, scripted_site, issue)
        run = scripted_site.api.start(issue)
        start(panel, "solution", note="a thought")
        expect(panel.get_by_role("alert")).to_be_visible()
        expect(panel.get_by_label("A note for the agent")).to_have_value("a thought")
        scripted_site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": run["run_id"]})


class TestWebhooks:
    def test_a_delivery_is_replayed(self, scripted_page: Page, scripted_site: Site) -> None:
        """The receiver hears the same webhook id once more."""
        scripted_site.play(scripts.whole_run(scripted_site.program))
        issue = scripted_site.new_issue()
        run = scripted_site.api.start(issue, stopping_point="root_cause")["run_id"]
        scripted_site.wait_for_end(issue, run)
        scripted_site.wait_for_event(run, "autofix.run_completed")
        ended = scripted_site.receiver.events(run)[-1]

        def heard() -> int:
            return sum(received.id == ended.id for received in list(scripted_site.receiver.deliveries))

        scripted_page.get_by_role("link", name="Webhooks").click()
        scripted_page.get_by_role("link", name=scripted_site.receiver.url).click()
        scripted_page.get_by_role("button", name="Send again: autofix.run_completed").first.click()
        wait_for(lambda: heard() > 1, "the webhook is sent again")
        expect(scripted_page.get_by_role("heading", name="Deliveries")).to_be_visible()

        scripted_page.get_by_label("Event").select_option("autofix.run_completed")
        scripted_page.get_by_label("State").select_option("delivered")
        scripted_page.get_by_role("button", name="Show").click()
        expect(scripted_page.locator(".af-deliveries tbody code").first).to_have_text("autofix.run_completed")
        scripted_page.get_by_text("Recover after an outage").click()
        scripted_page.get_by_role("button", name="Recover", exact=True).click()
        expect(scripted_page.get_by_role("status")).to_be_visible()

    def test_a_secret_is_shown_once(self, scripted_page: Page, scripted_site: Site) -> None:
        """On creation, and never again."""
        address = f"{scripted_site.receiver.url}/second"
        scripted_page.get_by_role("link", name="Webhooks").click()
        scripted_page.get_by_label("Address").fill(address)
        scripted_page.get_by_role("button", name="Add the endpoint").click()
        expect(scripted_page.get_by_text("whsec_")).to_be_visible()
        scripted_page.get_by_role("link", name=address).click()
        expect(scripted_page.get_by_role("heading", name="Deliveries")).to_be_visible()
        expect(scripted_page.get_by_text("whsec_")).to_have_count(0)
        scripted_page.get_by_text("Delete", exact=True).click()
        scripted_page.get_by_role("button", name="Delete the endpoint").click()
        expect(scripted_page.get_by_role("heading", name="Webhooks")).to_be_visible()
        expect(scripted_page.get_by_text(address)).to_have_count(0)


class TestSettings:
    def test_repositories_are_checked_and_settings_kept(
        self, scripted_page: Page, scripted_site: Site
    ) -> None:
        """The check says that the repository works; what was saved is there after a reload; a bad address is refused."""
        base = scripted_site.stack.base_url
        scripted_page.goto(f"{base}/autofix/projects/acme/shop/settings/")
        scripted_page.get_by_role("button", name="Check the saved repositories").click()
        expect(scripted_page.get_by_text("The repository can be read.")).to_be_visible()
        scripted_page.get_by_label("At most as far as").select_option("solution")
        scripted_page.get_by_role("button", name="Save", exact=True).click()
        expect(scripted_page.get_by_text("Saved.")).to_be_visible()
        scripted_page.reload()
        expect(scripted_page.get_by_label("At most as far as")).to_have_value("solution")
        scripted_page.get_by_label("Branch").first.fill("--upload-pack=x")
        scripted_page.get_by_role("button", name="Save", exact=True).click()
        expect(scripted_page.get_by_text("This cannot be a branch.")).to_be_visible()

"""Stopping a run."""

from __future__ import annotations

from demo.waiting import wait_for
from tests.acceptance import scripts
from tests.acceptance.site import Site


class TestCancel:
    def test_a_cancelled_run_stays_cancelled_and_a_new_one_may_start(self, site: Site) -> None:
        """Cancelling ends the run for good, frees the worker, and makes room for another run of the issue."""
        site.play(scripts.hanging())
        issue = site.new_issue()
        cancelled = site.api.start(issue)["run_id"]
        wait_for(lambda: len(site.run(issue, cancelled)["blocks"]) > 1, "the agent has begun")
        site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": cancelled})
        assert site.run(issue, cancelled)["status"] == "cancelled"

        site.play(scripts.whole_run(site.program))
        following = site.api.start(issue, stopping_point="root_cause")["run_id"]
        assert site.wait_for_end(issue, following)["status"] == "completed"

        run = site.run(issue, cancelled)
        assert run["status"] == "cancelled"
        assert [step["status"] for step in run["steps"]] == ["cancelled"]
        assert not run["artifacts"].get("root_cause")
        types = site.wait_for_event(cancelled, "autofix.run_cancelled")
        assert types == ["autofix.root_cause_started", "autofix.run_cancelled"]

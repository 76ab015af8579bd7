"""A whole run over HTTP with an agent whose every word is known."""

from __future__ import annotations

from demo.program import REPOSITORY
from tests.acceptance import scripts
from tests.acceptance.site import Site

STARTED_AND_COMPLETED = {
    f"autofix.{name}_{outcome}"
    for name in ("root_cause", "solution", "coding", "impact_assessment", "triage")
    for outcome in ("started", "completed")
}


class TestPipeline:
    def test_results_are_the_agents_and_each_is_announced_once(self, site: Site) -> None:
        """Artifacts, patches, pull request and events of a run are exactly what the agent produced."""
        site.play(scripts.whole_run(site.program))
        issue = site.new_issue()
        started = site.api.start(issue, stopping_point="open_pr")
        run = site.wait_for_end(issue, started["run_id"])

        assert run["status"] == "completed", run["failure"]
        assert run["artifacts"] == scripts.ARTIFACTS
        assert [patch["path"] for patch in run["code_changes"][REPOSITORY]] == [scripts.CHANGED_FILE]
        pull_request = run["repo_pr_states"][REPOSITORY]
        assert pull_request["pr_creation_status"] == "completed"
        assert site.program.branches()[pull_request["branch_name"]] == pull_request["commit_sha"]

        types = site.wait_for_event(run["run_id"], "autofix.run_completed")
        assert sorted(types) == sorted(
            [*STARTED_AND_COMPLETED, "autofix.pr_created", "autofix.run_completed"]
        )
        assert site.receiver.refused() == 0

    def test_the_stopping_point_is_where_the_run_stops(self, site: Site) -> None:
        """A run up to the solution changes no code and opens no pull request."""
        site.play(scripts.whole_run(site.program))
        issue = site.new_issue()
        started = site.api.start(issue, stopping_point="solution")
        run = site.wait_for_end(issue, started["run_id"])
        assert run["status"] == "completed", run["failure"]
        assert {step["step"] for step in run["steps"] if step["lane"] == "pipeline"} == {
            "root_cause",
            "solution",
        }
        assert run["code_changes"] == {}
        assert run["repo_pr_states"] == {}

    def test_an_agent_that_fails_fails_the_run_with_its_reason(self, site: Site) -> None:
        """A turn that ends in an error is a failed step and a failed run; nothing is called completed."""
        site.play({"root_cause": [{"blocks": [scripts.said("No.")], "end": "error", "error": "I give up."}]})
        issue = site.new_issue()
        started = site.api.start(issue)
        run = site.wait_for_end(issue, started["run_id"])
        assert run["status"] == "error"
        assert run["failure"] == {"code": "agent_error", "detail": "I give up."}
        types = site.wait_for_event(run["run_id"], "autofix.run_failed")
        assert types == ["autofix.root_cause_started", "autofix.root_cause_failed", "autofix.run_failed"]

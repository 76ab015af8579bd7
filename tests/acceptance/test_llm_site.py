"""Real processes around a scripted model: both pools, workers that are killed, cancelling."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from demo.program import REPOSITORY
from demo.waiting import wait_for
from tests.acceptance.llm_site import SCRIPT, ModelSite, killed_run, model_site, written
from tests.acceptance.scripts import ARTIFACTS
from tests.llm_server import Answer, calls, plays


@pytest.fixture(scope="module", params=["threads", "prefork"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelSite]:
    """A site per pool."""
    with model_site(tmp_path_factory.mktemp(request.param), request.param) as there:
        yield there


class TestModelSite:
    def test_the_whole_pipeline(self, there: ModelSite) -> None:
        """Tool calls, side steps at the same time, an edit and a pull request; each call of the model is booked."""
        there.model.asked.clear()
        issue = there.site.new_issue()
        run = there.site.wait_for_end(issue, there.site.api.start(issue, stopping_point="open_pr")["run_id"])
        assert run["status"] == "completed", run["failure"]
        assert run["explorer"] == "llm"
        assert run["artifacts"] == ARTIFACTS
        assert run["repo_pr_states"][REPOSITORY]["pr_creation_status"] == "completed"
        assert run["usage"]["requests"] == len(there.model.asked) == sum(map(len, SCRIPT.values()))

    def test_tools_of_the_host_run_where_the_turn_runs(self, there: ModelSite) -> None:
        """Plain or asynchronous, alone or beside other runs: on the thread and the connection of the turn's own worker."""
        there.model.respond = plays(
            SCRIPT
            | {"root_cause": [calls("where"), calls("where_awaited"), calls("where"), written("root_cause")]}
        )
        there.model.asked.clear()
        issues = [there.site.new_issue() for _ in range(4)]
        runs = [(i, there.site.api.start(i, stopping_point="root_cause")["run_id"]) for i in issues]
        ended = [there.site.wait_for_end(issue, run_id) for issue, run_id in runs]
        there.model.respond = plays(SCRIPT)
        assert [run["failure"] for run in ended] == [None] * 4
        for run in ended:
            told = [b["message"]["content"] for b in run["blocks"] if b["message"]["role"] == "tool_use"]
            assert told[0].startswith("process ")
            assert told[:3] == told[:1] * 3

    def test_cancelling_ends_a_call_that_hangs(self, there: ModelSite) -> None:
        """Cancelled while the model thinks: the run is cancelled at once, its worker free for the next run within moments."""
        answer = SCRIPT["root_cause"][0]
        there.model.respond = lambda _: Answer(answer.body, wait_s=30)
        there.model.asked.clear()
        issue = there.site.new_issue()
        run_id = there.site.api.start(issue)["run_id"]
        wait_for(lambda: there.model.asked, "the model is asked")
        there.site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": run_id})
        assert there.site.run(issue, run_id)["status"] == "cancelled"
        began = time.monotonic()
        wait_for(lambda: there.site.run(issue, run_id)["usage"]["requests"] == 1, "the call is booked")
        print(f"the call was given up {time.monotonic() - began:.1f} s after the cancellation")  # noqa: T201 - a figure
        there.model.respond = plays(SCRIPT)
        again = there.site.api.start(issue, stopping_point="root_cause")["run_id"]
        assert there.site.wait_for_end(issue, again)["status"] == "completed"

    def test_no_finished_call_is_paid_again(self, there: ModelSite) -> None:
        """A worker killed with SIGKILL costs at most one call: same artifacts, same changes, no webhook twice."""
        there.without_side_steps()
        after = {"threads": 12, "prefork": 3}[there.pool]
        assert killed_run(there, after).problems == []

"""Real processes around a scripted model: both pools, workers that are killed, cancelling."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from demo.program import REPOSITORY
from demo.waiting import wait_for
from tests.acceptance.llm_site import (
    CITATION,
    REPAIRED,
    SCRIPT,
    SLOTS,
    ModelSite,
    killed_run,
    model_site,
    written,
)
from tests.acceptance.scripts import ARTIFACTS, CHANGED_FILE
from tests.acceptance.site import TIMEOUT_S
from tests.llm_server import Answer, ModelServer, calls, plays

CANCELLED_S = 2.0


@pytest.fixture(scope="module", params=["threads", "prefork"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelSite]:
    """A site per pool."""
    with model_site(tmp_path_factory.mktemp(request.param), request.param) as there:
        yield there


def told_in_one_turn(model: ModelServer) -> list[str]:
    """Why root causes were refused, as the model's last call for one has it; that call still knows one prompt only."""
    last = max((asked for asked in model.asked if asked.step == "root_cause"), key=lambda asked: asked.number)
    assert [message["role"] for message in last.messages].count("user") == 1
    answers = [message["content"] for message in last.messages if message["role"] == "tool"]
    return [answer for answer in answers if "Refused:" in answer]


class TestModelSite:
    def test_the_whole_pipeline(self, there: ModelSite) -> None:
        """Tool calls, a result repaired, side steps beside it, an edit and a pull request; each call of the model is booked."""
        there.model.respond = plays(REPAIRED)
        there.model.asked.clear()
        issue = there.site.new_issue()
        run = there.site.wait_for_end(issue, there.site.api.start(issue, stopping_point="open_pr")["run_id"])
        there.model.respond = plays(SCRIPT)
        assert run["status"] == "completed", run["failure"]
        assert run["explorer"] == "llm"
        found = ARTIFACTS["root_cause"] | {"evidence": [CITATION | {"pointer": ""}]}
        assert run["artifacts"] == ARTIFACTS | {"root_cause": found}
        assert run["repo_pr_states"][REPOSITORY]["pr_creation_status"] == "completed"
        assert run["usage"]["requests"] == len(there.model.asked) == sum(map(len, REPAIRED.values()))
        invalid, unproven = told_in_one_turn(there.model)
        assert "five_whys: List should have at least 1 item" in invalid
        assert (
            f"Citation 1: the quote is not found in lines 15 to 15 of {REPOSITORY}:{CHANGED_FILE}" in unproven
        )

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
        """Cancelled while the model thinks: the call is given up, no other one is made, and the worker is free."""
        there.model.respond = lambda _: Answer(SCRIPT["root_cause"][0].body, wait_s=TIMEOUT_S)
        there.model.asked.clear()
        there.model.given_up.clear()
        issue = there.site.new_issue()
        run_id = there.site.api.start(issue)["run_id"]
        wait_for(lambda: there.model.asked, "the model is asked")
        began = time.monotonic()
        answer = there.site.api.send("POST", f"issues/{issue}/autofix/cancel/", {"run_id": run_id})
        assert answer.status_code == 202
        assert there.site.run(issue, run_id)["status"] == "cancelled"
        wait_for(lambda: there.model.given_up, "the call is given up")
        took = time.monotonic() - began
        print(f"the call was given up {took:.1f} s after the cancellation was asked for")  # noqa: T201 - a figure
        assert took <= CANCELLED_S
        there.model.respond = plays(SCRIPT)
        there.fill_the_worker()
        assert len(there.model.given_up) == 1
        assert len(there.model.asked) == 1 + SLOTS * len(SCRIPT["root_cause"])
        cancelled = there.site.run(issue, run_id)
        assert (cancelled["status"], cancelled["usage"]["requests"]) == ("cancelled", 1)

    def test_no_finished_call_is_paid_again(self, there: ModelSite) -> None:
        """A worker killed with SIGKILL costs at most one call: same artifacts, same changes, no webhook twice."""
        there.without_side_steps()
        after = {"threads": 12, "prefork": 3}[there.pool]
        assert killed_run(there, after).problems == []

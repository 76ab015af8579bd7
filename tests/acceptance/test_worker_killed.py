"""Workers die without a word."""

from __future__ import annotations

from typing import Any

from demo.waiting import wait_for
from tests.acceptance import scripts
from tests.acceptance.site import Site

THOUGHTS = 8
BEFORE_THE_KILL = 3


def thoughts(run: dict[str, Any]) -> list[str]:
    """What the agent said on the root cause, in order."""
    texts = [block["message"]["content"] for block in run["blocks"]]
    return [text for text in texts if text.startswith("root_cause, thought")]


class TestWorkerKilled:
    def test_another_worker_goes_on_where_the_blocks_end(self, site: Site) -> None:
        """After SIGKILL in mid-turn a new worker ends the run with the same artifacts and no block twice."""
        site.play(scripts.whole_run(site.program, thoughts=THOUGHTS), delay_ms=150)
        issue = site.new_issue()
        run_id = site.api.start(issue, stopping_point="open_pr")["run_id"]

        def has_begun() -> bool:
            return len(thoughts(site.run(issue, run_id))) >= BEFORE_THE_KILL

        wait_for(has_begun, "the turn is in the middle")
        site.worker.kill()
        before = site.run(issue, run_id)
        assert before["status"] == "processing"
        assert len(thoughts(before)) < THOUGHTS

        site.restart_worker()
        run = site.wait_for_end(issue, run_id)
        assert run["status"] == "completed", run["failure"]
        assert run["artifacts"] == scripts.ARTIFACTS
        assert thoughts(run) == [f"root_cause, thought {n}" for n in range(THOUGHTS)]
        assert [block["index"] for block in run["blocks"]] == list(range(len(run["blocks"])))
        kept = [block["id"] for block in before["blocks"]]
        assert [block["id"] for block in run["blocks"]][: len(kept)] == kept
        types = site.wait_for_event(run_id, "autofix.run_completed")
        assert len(types) == len(set(types))

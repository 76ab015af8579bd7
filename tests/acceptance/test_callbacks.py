"""Completion callbacks come more than once, and at the same time."""

from __future__ import annotations

from tests.acceptance import scripts
from tests.acceptance.site import Site

# A worker's part, played by hand in a process of its own: end the turn, its hook untold, then tell it from three threads at once.
THREE_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from django.db import connection
from autofix.explorer import hooks
from autofix.explorer.models import Turn
from tests.pipeline import run_untold

turn = Turn.objects.get(session__issue_id="{issue}")
assert run_untold(turn.pk)
barrier = Barrier(3)

def tell(_):
    barrier.wait()
    try:
        hooks.call_completion_hook(turn.pk)
    finally:
        connection.close()

with ThreadPoolExecutor(3) as pool:
    list(pool.map(tell, range(3)))
"""


class TestCallbacks:
    def test_three_callbacks_at_once_advance_once_and_announce_once(self, site: Site) -> None:
        """However often the hook is told of a turn's end, one next step is recorded and each event is sent once."""
        site.play(scripts.whole_run(site.program))
        site.worker.stop()
        issue = site.new_issue()
        run_id = site.api.start(issue, stopping_point="solution")["run_id"]
        site.stack.manage("shell", "-c", THREE_AT_ONCE.format(issue=issue))
        advanced = [step["step"] for step in site.run(issue, run_id)["steps"]]
        assert sorted(advanced) == ["impact_assessment", "root_cause", "solution", "triage"]

        site.restart_worker()
        run = site.wait_for_end(issue, run_id)
        assert run["status"] == "completed", run["failure"]
        assert len(run["steps"]) == len(advanced)
        types = site.wait_for_event(run_id, "autofix.run_completed")
        assert sorted(types) == sorted(
            [f"autofix.{step}_{outcome}" for step in advanced for outcome in ("started", "completed")]
            + ["autofix.run_completed"]
        )

"""Many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import requests

from tests.acceptance.site import Site

AT_ONCE = 20


class TestStorm:
    def test_the_same_start_many_times_at_once_makes_one_active_run(self, idle_site: Site) -> None:
        """Of 20 equal requests one starts a run; the others are told its id, and nothing else is recorded."""
        issue = idle_site.new_issue()
        barrier = Barrier(AT_ONCE)

        def start(_: int) -> requests.Response:
            api = idle_site.api
            barrier.wait()
            return api.send("POST", f"issues/{issue}/autofix/", {"step": "root_cause"})

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(start, range(AT_ONCE)))

        bodies = [answer.json() for answer in answers]
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [202] + [409] * (AT_ONCE - 1), bodies
        assert {body["run_id"] for body in bodies} == {bodies[0]["run_id"]}
        assert {body["code"] for body in bodies if "code" in body} == {"run_in_flight"}
        runs = idle_site.api.call("GET", f"issues/{issue}/autofix/runs/")["results"]
        assert [run["run_id"] for run in runs] == [bodies[0]["run_id"]]
        idle_site.api.call("POST", f"issues/{issue}/autofix/cancel/", {"run_id": bodies[0]["run_id"]})

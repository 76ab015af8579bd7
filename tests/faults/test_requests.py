"""A web server that dies, stalls or is asked twice, at each place where a request changes state."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from demo.stack import free_port
from demo.waiting import wait_for
from tests.faults.site import FaultSite, Forked, fault_site

POINTS = ("trigger.before_commit", "wake.before_publish", "wake.after_publish")
SECONDS = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    with fault_site(tmp_path_factory.mktemp("requests")) as made:
        made.start_worker()
        yield made


class Web:
    """A second web server of the site, with failpoints of its own."""

    def __init__(self, site: FaultSite, failpoints: str = "") -> None:
        self.port = free_port()
        log = site.site.stack.data_dir / "logs" / f"web-{self.port}.log"
        pid = site.zygote.ask("start", kind="web", failpoints=failpoints, log=str(log), port=self.port)
        self.process = Forked(site.zygote, pid, log)
        self.headers = {"Authorization": f"Bearer {site.site.account.token}"}
        wait_for(self._answers, "the web server answers")

    def post(self, issue: str, key: str) -> requests.Response | None:
        """The answer to a start; None when the server died over it."""
        url = f"http://127.0.0.1:{self.port}/api/0/organizations/acme/issues/{issue}/autofix/"
        headers = {**self.headers, "Idempotency-Key": key}
        try:
            return requests.post(url, json={"stopping_point": "open_pr"}, headers=headers, timeout=SECONDS)
        except requests.ConnectionError:
            return None

    def _answers(self) -> bool:
        try:
            return bool(requests.get(f"http://127.0.0.1:{self.port}/api/0/", timeout=2).status_code)
        except requests.ConnectionError:
            return False


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("fault", ["kill", "delay"])
def test_request_is_done_once_whatever_happens_to_its_server(site: FaultSite, point: str, fault: str) -> None:
    """A client that repeats its request with the same key after an answer that never came has one run."""
    issue, key = site.inside("new_issue"), secrets.token_hex(8)
    web = Web(site, f"{point}={fault}")
    first = web.post(issue, key)
    assert (first is None) == (fault == "kill")
    web.process.end()
    web = Web(site)

    def repeated() -> requests.Response | None:
        # A key whose first request died before its commit is reserved for a while: 409 says so.
        site.inside("expire_reservations")
        answer = web.post(issue, key)
        return answer if answer is not None and answer.status_code == 202 else None

    answer = wait_for(repeated, "the request is answered", timeout_s=SECONDS)
    web.process.end()
    assert site.violations(answer.json()["run_id"]) == []
    assert site.inside("runs_of", issue_id=issue) == 1


def test_request_twice_at_once(site: FaultSite) -> None:
    """The same request from two connections at once is one run and, once both are answered, one answer."""
    issue, key = site.inside("new_issue"), secrets.token_hex(8)
    web = Web(site, "trigger.before_commit=duplicate")
    with ThreadPoolExecutor(2) as pool:
        answers = [
            answer for answer in pool.map(lambda _: web.post(issue, key), range(2)) if answer is not None
        ]
    web.process.end()
    assert sorted(answer.status_code for answer in answers) in ([202, 202], [202, 409])
    started = next(answer.json()["run_id"] for answer in answers if answer.status_code == 202)
    assert site.violations(started) == []
    assert site.inside("runs_of", issue_id=issue) == 1

"""A real PostgreSQL server dies under its workers and comes back: what was committed goes on from there, and ends once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults import databases
from tests.faults.databases import Cluster, cluster
from tests.faults.site import FaultSite, fault_site

RUNS = 3


def long(failpoint: str) -> Any:
    """Played by ``make test-faults`` only."""
    return pytest.param(failpoint, marks=pytest.mark.faults_long)


@dataclass
class Place:
    """A site and the database server that only it uses."""

    site: FaultSite
    server: Cluster


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if reason := databases.missing():
        pytest.skip(reason)
    with (
        cluster() as server,
        fault_site(tmp_path_factory.mktemp("restarts"), DATABASE_URL=server.url) as site,
    ):
        yield Place(site, server)


@pytest.fixture
def place(_place: Place) -> Iterator[Place]:
    """A site without a worker, on a server of its own."""
    yield _place
    _place.site.end_workers()


@pytest.mark.parametrize("failpoint", ["delivery.sent", long("delivery.claimed"), long("delivery.recorded")])
def test_while_webhooks_are_under_way(place: Place, failpoint: str) -> None:
    """Claimed and not sent, sent and not recorded, recorded: every event of every run arrives, and each run ends once."""
    runs = [place.site.start_run() for _ in range(RUNS)]
    place.site.start_worker(f"{failpoint}=delay")
    place.site.wait_for_failpoint()
    place.server.restart()
    for run_id in runs:
        assert place.site.violations(run_id) == []


@pytest.mark.parametrize(
    "failpoint", ["block.before_commit#3", long("hook.judged"), long("hook.before_commit#2")]
)
def test_in_the_middle_of_a_run(place: Place, failpoint: str) -> None:
    """Between two blocks, between a turn and its hook, while the run advances: it goes on, and no step fails for it."""
    run_id = place.site.start_run()
    place.site.start_worker(f"{failpoint}=delay")
    place.site.wait_for_failpoint()
    place.server.restart()
    assert place.site.violations(run_id) == []

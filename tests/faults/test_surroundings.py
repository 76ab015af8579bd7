"""Databases that go away or are full, clocks that are moved, and workers that are told to stop."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator

import pytest

from demo.waiting import wait_for
from tests.acceptance import scripts
from tests.faults.site import FaultSite, fault_site

HOUR_S = 3600
FULL_S = 3.0
SOON_S = 10.0


@pytest.fixture(scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    # Longer than the clock is moved: a turn past its deadline is failed, and rightly so.
    with fault_site(tmp_path_factory.mktemp("surroundings"), AUTOFIX_TURN_TIMEOUT_S="7200") as made:
        yield made


@pytest.fixture
def site(_site: FaultSite) -> Iterator[FaultSite]:
    """A site without a worker."""
    yield _site
    _site.end_workers()


@pytest.mark.parametrize("hours", [-1, 1])
def test_clock_is_moved_in_mid_run(site: FaultSite, hours: int) -> None:
    """An hour forth or back: the turn of the worker that died before is taken over, and the run ends once."""
    worker = site.start_worker("block.after_commit#3=kill")
    run_id = site.start_run()
    wait_for(lambda: worker.ended, "the worker dies", timeout_s=SOON_S * 3)
    # Every moment that is stored later than it was: as if the clock had been set back.
    site.inside("shift_clock", seconds=-hours * HOUR_S)
    assert site.violations(run_id) == []


def test_disk_is_full_in_mid_run(site: FaultSite) -> None:
    """A worker that can write nothing for a while, no row and no message, loses nothing and fails nothing."""
    worker = site.start_worker("block.before_commit#3=delay")
    run_id = site.start_run()
    site.wait_for_failpoint()
    _, hard = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (0, hard))
    time.sleep(FULL_S)  # the fault itself
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert site.violations(run_id) == []


def test_database_drops_its_connections_in_mid_run(site: FaultSite) -> None:
    """A database that restarts under a working run fails no step."""
    if site.inside("vendor") != "postgresql":
        pytest.skip("SQLite has no server that could restart")
    site.site.play(scripts.whole_run(site.site.program, thoughts=2), delay_ms=100)
    site.start_worker()
    run_id = site.start_run()
    for _ in range(5):
        time.sleep(0.5)  # the fault itself: every half second all connections break
        site.inside("drop_connections")
    assert site.violations(run_id) == []
    site.site.play(scripts.whole_run(site.site.program, thoughts=2))


def test_stopping_worker_hands_its_turn_back(site: FaultSite) -> None:
    """SIGTERM ends a pool of threads at the next block, not at the turn's end, and the next worker goes on from there."""
    long = scripts.whole_run(site.site.program, thoughts=2)
    site.site.play(long, delay_ms=1_500)
    worker = site.start_worker()
    run_id = site.start_run()
    wait_for(
        lambda: site.inside("blocks_of", run_id=run_id) > 1, "the turn is in the middle", timeout_s=SOON_S * 2
    )
    began = time.monotonic()
    worker.end(signal.SIGTERM)
    site.workers.remove(worker)
    assert time.monotonic() - began < SOON_S
    assert site.inside("open_turns", run_id=run_id) == [["pending", None]]
    site.site.play(long)
    site.start_worker()
    assert site.violations(run_id) == []

"""The matrix's cases run beside each other, on sites of their own; each test waits for its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue

import pytest

from tests.faults.cases import Case, play
from tests.faults.site import FaultSite, fault_site

SITES = 3
TRIED = pytest.StashKey["dict[str, list[str]]"]()


@dataclass
class Matrix:
    """Cases that are being played, and what came of them."""

    found: dict[str, list[str]]
    sites: SimpleQueue[FaultSite] = field(default_factory=SimpleQueue)
    playing: dict[Case, Future[list[str]]] = field(default_factory=dict)

    def begin(self, case: Case, pool: ThreadPoolExecutor) -> None:
        self.playing[case] = pool.submit(self._play, case)

    def violations(self, case: Case) -> list[str]:
        """Wait for the case; which promises were broken."""
        self.found[str(case)] = ["it could not be played"]
        self.found[str(case)] = self.playing[case].result()
        return self.found[str(case)]

    def _play(self, case: Case) -> list[str]:
        site = self.sites.get()
        try:
            return play(case, site)
        finally:
            self.sites.put(site)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TRIED] = {}


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """All cases that were selected, under way."""
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    cases = [case for given in parameters if isinstance(case := given.get("case"), Case)]
    with ExitStack() as stack:
        made = Matrix(request.config.stash[TRIED])
        pool = stack.enter_context(ThreadPoolExecutor(SITES))
        names = [tmp_path_factory.mktemp(f"faults{n}") for n in range(min(SITES, len(cases)))]
        for data_dir in names:
            made.sites.put(stack.enter_context(fault_site(data_dir)))
        for case in cases:
            made.begin(case, pool)
        yield made
        pool.shutdown(cancel_futures=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The number that the suite is about."""
    found = config.stash[TRIED]
    if found:
        faults = {name.split("-")[0] for name in found}
        points = {name.split("-")[1] for name in found}
        broken = sum(bool(violations) for violations in found.values())
        terminalreporter.section("faults")
        terminalreporter.write_line(
            f"{len(points)} points x {len(faults)} faults = {len(found)} tried, {broken} violations"
        )

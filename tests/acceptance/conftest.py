"""Two sites for the whole session: one whose agent investigates, one whose agent plays what a test tells it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.acceptance.site import Site, running_site


@pytest.fixture(scope="session", autouse=True)
def _leave_nothing_running() -> Iterator[None]:
    """A test run that is told to end tears its sites down first, as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def offline_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the offline agent, on which automation starts runs."""
    with running_site(tmp_path_factory.mktemp("offline"), "offline") as site:
        yield site


@pytest.fixture(scope="session")
def _scripted_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("scripted"), "scripted") as site:
        site.automate("off")
        yield site


@pytest.fixture
def site(_scripted_site: Site) -> Site:
    """A site with the scripted agent and a living worker; runs start when the test starts them."""
    if _scripted_site.worker.ended:
        _scripted_site.restart_worker()
    return _scripted_site


@pytest.fixture
def idle_site(offline_site: Site) -> Iterator[Site]:
    """The first site while it has no worker: what is recorded stays as it was recorded."""
    tuning = offline_site.automate("off")
    offline_site.worker.stop()
    yield offline_site
    offline_site.restart_worker()
    offline_site.automate(tuning)

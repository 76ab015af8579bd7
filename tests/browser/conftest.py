"""A browser, and two sites for it: one whose agent investigates, one whose agent plays what a test tells it.

All of it lives as long as this package's tests: Playwright keeps an event loop in the thread, beside which Django's
synchronous ORM refuses to work, so it must be gone when the next package's tests begin.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from demo import program
from demo.waiting import wait_for
from tests.acceptance.site import Site, running_site
from tests.browser.chromium import MISSING, chromium, executable
from tests.browser.visits import TIMEOUT_MS, sign_in


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, and say so."""
    if executable() is None:
        for item in items:
            if item.path.is_relative_to(__file__.rpartition("/")[0]):
                item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    expect.set_options(timeout=TIMEOUT_MS)
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def demo_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the offline agent and the demo's crash, on which nothing starts by itself."""
    with running_site(tmp_path_factory.mktemp("browser-offline"), "offline") as site:
        site.automate("off")
        site.program.run(program.CRASHING_BASKET, dsn=site.account.dsn)
        wait_for(site.api.issues, "the crash becomes an issue", abort=site.stack.deaths)
        yield site


@pytest.fixture(scope="package")
def scripted_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the scripted agent; runs start when the test starts them."""
    with running_site(tmp_path_factory.mktemp("browser-scripted"), "scripted") as site:
        site.automate("off")
        yield site


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile."""
    fresh = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 900})
    fresh.set_default_timeout(TIMEOUT_MS)
    yield fresh
    fresh.close()


@pytest.fixture
def problems() -> list[str]:
    """What the browser complained about: errors of scripts, and what the content security policy kept from loading."""
    return []


@pytest.fixture
def page(context: BrowserContext, problems: list[str]) -> Page:
    """A tab whose complaints are kept."""
    tab = context.new_page()
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    return tab


@pytest.fixture
def demo_page(page: Page, demo_site: Site) -> Page:
    """Signed in to the site with the demo's crash."""
    sign_in(page, demo_site)
    return page


@pytest.fixture
def scripted_page(page: Page, scripted_site: Site) -> Page:
    """Signed in to the scripted site."""
    sign_in(page, scripted_site)
    return page

"""``make screenshots``: the pages of a site of its own in light, dark and narrow into docs/screenshots, and how fast they are."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

from demo import program
from demo.waiting import wait_for
from tests.acceptance.site import Site, running_site
from tests.browser.chromium import MISSING, chromium, executable
from tests.browser.visits import sign_in

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
LOOKS: Final[tuple[tuple[str, Any, int], ...]] = (
    ("light", "light", 1280),
    ("dark", "dark", 1280),
    ("narrow", "light", 390),
)
READY: Final = """() => {
  const page = performance.getEntriesByType("navigation")[0];
  const ready = performance.getEntriesByName("autofix-ready")[0]?.startTime ?? NaN;
  return {answered: page.responseEnd, ready, loaded: page.loadEventEnd};
}"""


def main() -> int:
    """Take all of them."""
    if executable() is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_site(Path(folder), "offline") as site:
        issue = finished_issue(site)
        pages = {
            "issue": f"/organizations/acme/issues/{issue}/",
            "issues": "/organizations/acme/issues/",
            "settings": "/autofix/projects/acme/shop/settings/",
            "webhooks": "/autofix/organizations/acme/webhooks/",
            "endpoint": "/autofix/organizations/acme/webhooks/1/",
        }
        with chromium() as browser:
            for look, scheme, width in LOOKS:
                take(browser, site, pages, look, scheme, width)
    return 0


def finished_issue(site: Site) -> str:
    """The demo's crash, with a pull request by automation."""
    site.program.run(program.CRASHING_BASKET, dsn=site.account.dsn)
    issue = str(wait_for(site.api.issues, "the crash becomes an issue", abort=site.stack.deaths)[0]["id"])
    run = wait_for(lambda: site.api.autofix(issue), "automation starts a run", abort=site.stack.deaths)
    site.wait_for_end(issue, run["run_id"])
    site.wait_for_event(run["run_id"], "autofix.run_completed")
    return issue


def take(browser: Browser, site: Site, pages: dict[str, str], look: str, scheme: Any, width: int) -> None:
    """Every page in one look."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(f"{site.stack.base_url}/login/")
    page.screenshot(path=FOLDER / f"login-{look}.png")
    sign_in(page, site)
    for name, path in pages.items():
        page.goto(site.stack.base_url + path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}-{look}.png", full_page=True)
        if name == "issue":
            sys.stdout.write(f"{look}: {measured(page)}\n")
    context.close()


def measured(page: Page) -> str:
    """When the panel was ready, in milliseconds from the answer and from the page's load event."""
    page.reload()
    page.wait_for_load_state("load")
    found: dict[str, float] = page.evaluate(READY)
    since = found["ready"] - found["answered"]
    return f"panel ready {since:.0f} ms after the answer, {found['ready'] - found['loaded']:+.0f} ms from the load event"


if __name__ == "__main__":
    sys.exit(main())

"""``make screenshots``: the pages of a site of its own in light, dark and narrow into docs/screenshots."""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

from demo import program
from demo.waiting import wait_for
from tests.acceptance import scripts
from tests.acceptance.site import Site, running_site
from tests.browser.chromium import MISSING, chromium, executable
from tests.browser.visits import sign_in

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
WIDE: Final = 1280
LOOKS: Final[tuple[tuple[str, Any, int], ...]] = (
    ("light", "light", WIDE),
    ("dark", "dark", WIDE),
    ("narrow", "light", 390),
)
EVENTS: Final = 9
READY: Final = "document.querySelector('#autofix').dataset.ready"
TALLEST: Final = {WIDE: 4_200, 390: 2_000}
# What else goes wrong in such a shop, so that the list is one.
OTHERS: Final = (
    ("ConnectionResetError", "[Errno 104] Connection reset by peer: payments.example"),
    ("ValueError", "invalid literal for int() with base 10: '1,5'"),
    ("KeyError", "'delivery_date'"),
)
ASKING: Final[dict[str, Any]] = {
    "id": "q1",
    "data": {
        "question": "Two vouchers are called MAY15. Which of them is meant?",
        "options": ["The one of 2025", "The one of 2026"],
    },
}


def main() -> int:
    """Take all of them."""
    if executable() is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        with tempfile.TemporaryDirectory() as folder, running_site(Path(folder), "offline") as site:
            take(browser, site, offline_pages(site))
        with tempfile.TemporaryDirectory() as folder, running_site(Path(folder), "scripted") as site:
            take(browser, site, scripted_pages(site))
    return 0


def offline_pages(site: Site) -> dict[str, str]:
    """Names and paths of what the offline agent makes of the demo, and of the pages around it."""
    done = finished_issue(site)
    site.automate("off")
    fresh = [busy_issue(site, *other) for other in OTHERS][-1]
    issues = "/organizations/acme/issues/"
    return {
        "issue": f"{issues}{done}/",
        "start": f"{issues}{fresh}/",
        "issues": issues,
        "api": "/api/docs/#autofix_start",
        "settings": "/autofix/projects/acme/shop/settings/",
        "webhooks": "/autofix/organizations/acme/webhooks/",
        "endpoint": "/autofix/organizations/acme/webhooks/1/",
    }


def busy_issue(site: Site, kind: str, value: str) -> str:
    """An error that several people met in several places, with what they did before."""
    issue = site.report(kind, value, **circumstances(0))
    for number in range(1, EVENTS):
        site.send(kind, value, release=site.program.head, **circumstances(number))
    wait_for(
        lambda: any(row["id"] == issue and int(row["count"]) == EVENTS for row in site.api.issues()),
        "the issue has all its events",
    )
    return issue


def circumstances(number: int) -> dict[str, Any]:
    """What differs from event to event."""
    crumbs = [
        ("http", "info", "GET /basket"),
        ("query", "info", "SELECT … FROM baskets"),
        ("log", "warning", "no such date"),
    ]
    now = time.time()
    return {
        "environment": ("till", "till", "online shop")[number % 3],
        "user": {"id": str(number % 4)},
        "tags": {"country": ("AT", "DE", "AT", "CH", "AT")[number % 5]},
        "breadcrumbs": [
            {"timestamp": now - 3 + index, "category": category, "level": level, "message": message}
            for index, (category, level, message) in enumerate(crumbs)
        ],
    }


def scripted_pages(site: Site) -> dict[str, str]:
    """A run that works, one that asks and one that failed, as no real agent would do it at command."""
    site.automate("off")
    whole = scripts.whole_run(site.program)
    ends: dict[str, list[dict[str, Any]]] = {
        "asking": [
            {"blocks": [scripts.said("Hm.")], "end": "awaiting_user_input", "pending_user_input": ASKING}
        ],
        "failed": [
            {
                "blocks": [scripts.said("No repository of this project has the commit of this release.")],
                "end": "error",
                "error": "The code of this release is not there.",
            }
        ],
        # The last one: a turn that hangs is begun again, with the script that is there then.
        "working": [{"blocks": [scripts.said("What does find() return for it?")], "end": "hang"}],
    }
    waits = {"working": "running", "asking": "awaiting_user_input", "failed": "failed"}
    pages = {}
    for (name, turns), (kind, value) in zip(ends.items(), OTHERS, strict=True):
        site.play({**whole, "solution": turns})
        issue = site.report(kind, value)
        run = site.api.start(issue, stopping_point="code_changes")["run_id"]
        wait_for(partial(stands, site, issue, run, waits[name]), f"the run is {waits[name]}")
        pages[name] = f"/organizations/acme/issues/{issue}/"
    return pages


def stands(site: Site, issue: str, run_id: int, word: str) -> bool:
    """Is this the status of the run, or of its solution?"""
    run = site.run(issue, run_id)
    solution = [step["status"] for step in run["steps"] if step["step"] == "solution"]
    return word in (run["status"], *solution)


def finished_issue(site: Site) -> str:
    """The demo's crash, with a pull request by automation."""
    site.program.run(program.CRASHING_BASKET, dsn=site.account.dsn)
    issue = str(wait_for(site.api.issues, "the crash becomes an issue", abort=site.stack.deaths)[0]["id"])
    run = wait_for(lambda: site.api.autofix(issue), "automation starts a run", abort=site.stack.deaths)
    site.wait_for_end(issue, run["run_id"])
    site.wait_for_event(run["run_id"], "autofix.run_completed")
    return issue


def take(browser: Browser, site: Site, pages: dict[str, str]) -> None:
    """Every page in every look."""
    for look, scheme, width in LOOKS:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 1000})
        page = context.new_page()
        page.goto(f"{site.stack.base_url}/login/")
        page.screenshot(path=FOLDER / f"login-{look}.png")
        sign_in(page, site)
        for name, path in pages.items():
            page.goto(site.stack.base_url + path)
            if page.locator("#autofix").count():
                page.wait_for_function(READY)
            shoot(page, f"{name}-{look}", width)
            if name == "issue" and width == WIDE:
                page.screenshot(path=FOLDER / f"panel-{look}.png")
        context.close()


def shoot(page: Page, name: str, width: int) -> None:
    """The page, or its beginning when it is very long."""
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST[width])
    clip: Any = {"x": 0, "y": 0, "width": width, "height": height}
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True, clip=clip)


if __name__ == "__main__":
    sys.exit(main())

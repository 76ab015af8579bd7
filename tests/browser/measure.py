"""``make measure-page``: how soon the panel of the demo's page can be used, how heavy it is, and what 2,000 blocks cost it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser, Page, StorageState

from tests.acceptance import scripts
from tests.acceptance.site import Site, running_site
from tests.browser.chromium import MISSING, chromium, executable
from tests.browser.screenshots import finished_issue
from tests.browser.visits import sign_in

LOADS: Final = 20
BLOCKS: Final = 2_000
# Milliseconds on the page's own clock. The panel is interactive when its listeners are in place (``autofix-ready``), and
# nothing that runs after that keeps the next click waiting: ``longest`` is the longest task over 50 ms that the browser saw.
READY: Final = """() => new Promise((resolve) => {
  const longest = {ms: 0};
  new PerformanceObserver((list) => { for (const task of list.getEntries()) longest.ms = Math.max(longest.ms, task.duration); })
    .observe({type: "longtask", buffered: true});
  setTimeout(() => {
    const page = performance.getEntriesByType("navigation")[0];
    const ready = performance.getEntriesByName("autofix-ready")[0].startTime;
    const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
    const bytes = [page, ...performance.getEntriesByType("resource")].reduce((sum, each) => sum + each.decodedBodySize, 0);
    resolve({
      server: page.responseStart, answered: page.responseEnd, painted: paint, ready, loaded: page.loadEventEnd,
      longest: longest.ms, bytes,
    });
  }, 300);
})"""
FIELDS: Final = ("server", "answered", "painted", "ready", "loaded", "longest")


def main() -> int:
    """Measure and print."""
    if executable() is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    say(f"load of the machine (1 min): {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs; {LOADS} loads each")
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        for agent in ("offline", "scripted"):
            (data / agent).mkdir()
        with running_site(data / "offline", "offline") as site:
            opening(browser, site, finished_issue(site))
        with running_site(data / "scripted", "scripted") as site:
            long_run(browser, site)
    return 0


def say(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")


def signed_in(browser: Browser, site: Site) -> StorageState:
    """The cookies of somebody who is signed in."""
    context = browser.new_context()
    sign_in(context.new_page(), site)
    state = context.storage_state()
    context.close()
    return state


def opening(browser: Browser, site: Site, issue: str) -> None:
    """The demo's page with its finished run: the first time, when everything has to come, and again."""
    state = signed_in(browser, site)
    url = f"{site.stack.base_url}/organizations/acme/issues/{issue}/"
    found: dict[str, list[dict[str, float]]] = {"first visit": [], "again": []}
    for _ in range(LOADS):
        context = browser.new_context(storage_state=state)
        page = context.new_page()
        for visit in found.values():
            page.goto(url, wait_until="load")
            visit.append(page.evaluate(READY))
        context.close()
    for name, samples in found.items():
        report(f"demo, {name}", samples)


def report(name: str, samples: list[dict[str, float]]) -> None:
    """Median and worst of each figure, and of the one that counts: from the answer, and from the load event, to ready."""
    columns = {field: [sample[field] for sample in samples] for field in FIELDS}
    columns["ready after the answer"] = [sample["ready"] - sample["answered"] for sample in samples]
    columns["ready after load"] = [max(sample["ready"] - sample["loaded"], 0) for sample in samples]
    for field, values in columns.items():
        say(f"{name}: {field:<24} median {median(values):6.0f} ms, worst {max(values):6.0f} ms")
    say(
        f"{name}: {max(sample['bytes'] for sample in samples) / 1000:.0f} KB uncompressed with all that it loads"
    )


def long_run(browser: Browser, site: Site) -> None:
    """A run of 2,000 blocks, opened, and shown whole."""
    talk = [scripts.said(f"thought {number}") for number in range(BLOCKS)]
    turns = scripts.whole_run(site.program)
    site.automate("off")
    site.play({**turns, "root_cause": [{"blocks": [*talk, scripts.found("root_cause")]}]})
    issue = site.new_issue()
    run = site.api.start(issue, stopping_point="root_cause")["run_id"]
    site.wait_for_end(issue, run)
    context = browser.new_context(storage_state=signed_in(browser, site))
    page = context.new_page()
    for query in ("", "?autofix_blocks=all"):
        samples: list[dict[str, float]] = []
        for _ in range(LOADS // 4):
            page.goto(f"{site.stack.base_url}/organizations/acme/issues/{issue}/{query}", wait_until="load")
            samples.append(page.evaluate(READY))
        report(f"{BLOCKS} blocks{', all shown' if query else ''}", samples)
    say(f"{BLOCKS} blocks, all shown: {scrolled(page)}")
    context.close()


def scrolled(page: Page) -> str:
    """How smoothly the whole timeline scrolls, from its top to its end in steps of a screen."""
    found: dict[str, Any] = page.evaluate("""() => new Promise((resolve) => {
      const frames = [];
      let last = performance.now();
      const step = (now) => {
        frames.push(now - last);
        last = now;
        const before = scrollY;
        scrollBy(0, innerHeight);
        if (scrollY > before && frames.length < 2000) requestAnimationFrame(step);
        else resolve({
          frames: frames.length, worst: Math.max(...frames.slice(1)),
          entries: document.querySelectorAll("[data-index]").length,
        });
      };
      scrollTo(0, 0);
      requestAnimationFrame(step);
    })""")
    return f"{found['entries']} entries scrolled in {found['frames']} frames, the longest {found['worst']:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())

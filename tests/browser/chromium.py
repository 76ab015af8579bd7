"""A headless Chromium for the tests and for the screenshots of the documentation: the machine's own, never a downloaded one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

# Without these it asks for the network at every start, and wants a sandbox that root cannot have.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = (
    "there is no Chromium on this machine: install it (Debian: apt-get install chromium) or set CHROMIUM"
)


def executable() -> str | None:
    """Where Chromium is; None when there is none."""
    given = os.environ.get("CHROMIUM", "")
    return next(filter(None, map(shutil.which, [given] if given else NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser, gone afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()

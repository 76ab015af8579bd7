"""The example of a host, from a fresh copy, by the commands of its README, in the browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from demo.waiting import wait_for
from tests.browser.rules import violations
from tests.browser.visits import start, state

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
SET_UP_S = 120  # five commands, each of which starts Python anew, on a busy machine
MINE = ("DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL", "AUTOFIX_DATA_DIR", "DJANGO_SETTINGS_MODULE")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture
def bare_url(tmp_path: Path) -> Iterator[str]:
    """The page of the README, served from a copy of the example that nothing but the README's commands has touched."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    block = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    page = re.search(r"<(http://127.0.0.1:8000/bugs/.*?)>", README)
    assert block is not None
    assert page is not None
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name not in MINE}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
    }
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            ["/bin/sh", "-e", "-c", f"{block[1].rstrip()} --noreload {port}"],
            cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        url = page[1].replace(":8000", f":{port}")
        try:
            wait_for(lambda: is_up(url, running), "the example serves its page", timeout_s=SET_UP_S)
            yield url
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def is_up(url: str, running: subprocess.Popen[bytes]) -> bool:
    """Does the page come? A process that has ended will not bring it."""
    assert running.poll() is None, "the commands of the README failed"
    try:
        return requests.get(url, timeout=5, proxies={"http": ""}).ok
    except requests.ConnectionError:
        return False


def test_the_readme_leads_to_a_run(page: Page, bare_url: str, problems: list[str]) -> None:
    """A stranger sees a page without results; who logs in starts a run, and its end appears by itself."""
    page.goto(bare_url)
    expect(page.get_by_text("There is nothing to show here")).to_be_visible()
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username").fill("me")
    page.get_by_label("Password").fill("sesame")
    page.get_by_role("button", name="Log in").click()
    panel = page.locator("#autofix")
    start(panel, "root_cause")
    expect(state(panel)).to_have_text("Done")
    expect(panel.get_by_role("article", name="Root cause")).to_contain_text("Needs more context")
    assert problems == []
    assert violations(page) == []

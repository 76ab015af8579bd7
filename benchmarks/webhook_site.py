"""Where webhooks are measured: a site that may send to one loopback sink, and the sink."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from benchmarks.measuring import environment
from benchmarks.site import Site, site
from demo.stack import CHECKOUT, free_port
from demo.waiting import wait_for


@contextmanager
def webhook_site() -> Iterator[tuple[Site, str]]:
    """The site and the sink's URL; prints what this machine is. Django is set up when the block begins."""
    port = free_port()
    allowed = {
        "AUTOFIX_WEBHOOKS_ALLOW_HTTP": "true",
        "AUTOFIX_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "AUTOFIX_WEBHOOKS_ALLOWED_PORTS": str(port),
    }
    with sink(port) as url, site({"turns": {}}, **allowed) as measured:
        print(environment(os.environ["DATABASE_URL"], ""), end="\n\n")
        yield measured, url


@contextmanager
def sink(port: int) -> Iterator[str]:
    """The consumer's process; where it listens."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sink", str(port)], cwd=CHECKOUT)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.post(url, data=b"{}", timeout=2).ok
        except requests.ConnectionError:
            return False

    try:
        wait_for(answers, "the sink answers")
        yield url
    finally:
        process.kill()
        process.wait()

"""``python -m demo``: the main job from a crash to a pull request. Exits 0 only when all of it happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import requests
from rich.console import Console

from demo.processes import children, exit_on_signals
from demo.receiver import receiver
from demo.report import Report
from demo.stack import Stack, StackFailed, free_port, own_environment
from demo.story import Story, Unmet
from demo.waiting import TookTooLong

FAILURES = (Unmet, StackFailed, TookTooLong, requests.RequestException, subprocess.SubprocessError)


def environment(webhook_url: str) -> dict[str, str]:
    """The embedded default with the offline agent; webhooks may go to the demo's receiver on this machine."""
    return own_environment(
        AUTOFIX_AGENT="offline",
        AUTOFIX_SWEEP_S="2",
        AUTOFIX_WEBHOOKS_ALLOW_HTTP="true",
        AUTOFIX_WEBHOOKS_ALLOWED_NETWORKS="127.0.0.0/8",
        AUTOFIX_WEBHOOKS_ALLOWED_PORTS=str(urlsplit(webhook_url).port),
    )


def main() -> int:
    """Tell the story in a directory that is gone afterwards."""
    exit_on_signals()
    report = Report(Console())
    with (
        TemporaryDirectory(prefix="autofix-demo-", ignore_cleanup_errors=True) as directory,
        children() as started,
        receiver() as heard,
    ):
        stack = Stack(started, Path(directory).resolve(), environment(heard.url), port=free_port())
        try:
            Story(stack, heard, report).tell()
        except FAILURES as exc:
            report.failed(str(exc), started)
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

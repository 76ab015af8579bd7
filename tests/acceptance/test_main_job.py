"""The main job as the demo tells it, and each of its promises."""

from __future__ import annotations

from rich.console import Console

from demo.report import Report
from demo.story import Story
from tests.acceptance.site import Site


class TestMainJob:
    def test_a_crash_becomes_a_pull_request_that_mends_the_program(self, offline_site: Site) -> None:
        """Crash, issue, automation, five steps, pull request, verified webhooks, and a program that runs again."""
        console = Console(record=True, quiet=True)
        Story(offline_site.stack, offline_site.receiver, Report(console)).job(
            offline_site.program, offline_site.account
        )

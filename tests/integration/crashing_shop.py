"""A small shop whose newest commit crashes: its repository, its crash as a real SDK reports it, and the agent's turns on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

from autofix.explorer.agents.base import Blocks, TurnBrief, each
from autofix.explorer.agents.offline import OfflineAgent
from autofix.explorer.state import BlockContent, BlockState, Message
from autofix.explorer.tools.toolbox import Toolbox
from autofix.explorer.workspace import Checkout, open_workspace, pin_repositories
from autofix.hosts import Host, Issue, RepositoryRef
from autofix.hosts.memory import MemoryHost
from autofix.steps import STEPS, Step
from tests.repositories import Snapshot, bare_repository

ANN, BEN = ("Ann Till", "ann@example.com"), ("Ben Cart", "ben@example.com")
STEP_KEYS = {step: (STEPS[step].artifact_key, step is Step.CODE_CHANGES) for step in STEPS}

MAIN = dedent("""
    import sys

    from shop.coupons import Book
    from shop.pricing import price

    if __name__ == "__main__":
        print(price(sys.argv[1], 2000, Book({"NEWS5": 5})))
""").lstrip()
COUPONS = dedent('''
    class Book:
        """The coupons that the shop takes."""

        def __init__(self, percents):
            self._percents = percents

        def find(self, code):
            """The coupon's percentage, if the shop takes it."""
            percent = self._percents.get(code)
            return None if percent is None else Coupon(percent)


    class Coupon:
        def __init__(self, percent):
            self.percent = percent
''').lstrip()
PRICING = dedent('''
    """What the customer pays."""


    def discount(code, total, book):
        """What the coupon takes off, in cents."""
        if not code:
            return 0
        coupon = book.find(code)
        if coupon is None:
            return 0
        return total * coupon.percent // 100


    def price(code, total, book):
        return total - discount(code, total, book)
''').lstrip()
BROKEN = PRICING.replace("    if coupon is None:\n        return 0\n", "").replace(
    "return total * coupon.percent // 100", "return min(total * coupon.percent // 100, total)"
)
HISTORY = (
    Snapshot({"shop/__init__.py": "", "shop/main.py": MAIN, "shop/coupons.py": COUPONS}, "Begin", ANN, 1),
    Snapshot({"shop/pricing.py": PRICING, "CODEOWNERS": "* @acme/till\n"}, "Prices", ANN, 2),
    Snapshot({"shop/pricing.py": BROKEN}, "Never more than the total\n\nAs asked.", BEN, 3),
    Snapshot({"README.md": "A shop.\n"}, "Say what it is", ANN, 4),
)
REPORTER = """
import json, runpy, sys
import sentry_sdk
from sentry_sdk.transport import Transport

OUT, APP, *ARGUMENTS = sys.argv[1:]

class Saved(Transport):
    def capture_envelope(self, envelope):
        with open(OUT, "w") as file:
            json.dump(envelope.get_event(), file)

sentry_sdk.init("http://key@localhost/1", transport=Saved, environment="production", project_root=APP)
sys.path.insert(0, APP)
sys.argv = ["shop/main.py", *ARGUMENTS]
try:
    runpy.run_module("shop.main", run_name="__main__", alter_sys=True)
except Exception:
    sentry_sdk.capture_exception()
    sentry_sdk.flush()
"""


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program, run as a person would."""
    command = [sys.executable, "-m", "shop.main", *arguments]
    return subprocess.run(command, cwd=program, capture_output=True, text=True, check=False)


class CrashingShop:
    """A repository whose newest commit crashes, and a host that knows the crash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = bare_repository(folder / "repository", HISTORY)
        self.program = folder / "repository" / "work"
        self.payload = self._crash()
        self.host = MemoryHost()
        project = self.host.add_project(self.host.add_organization("acme"), "shop")
        seen = datetime(2026, 3, 5, tzinfo=UTC)
        self.issue = self.host.add_issue(project, self.payload, first_seen=seen, last_seen=seen, users_seen=2)
        self.project = project

    def _crash(self) -> dict[str, Any]:
        assert run(self.program, "gone").returncode != 0
        reporter, out = self.folder / "reporter.py", self.folder / "event.json"
        reporter.write_text(REPORTER)
        command = [sys.executable, str(reporter), str(out), str(self.program), "gone"]
        subprocess.run(command, check=True, cwd=self.folder, env={**os.environ, "SENTRY_DSN": ""})
        payload: dict[str, Any] = json.loads(out.read_text())
        return payload

    def turn(
        self,
        step: Step,
        *,
        issue: Issue | None = None,
        told: int = 0,
        repositories: tuple[RepositoryRef, ...] | None = None,
    ) -> list[BlockContent]:
        """The blocks of one turn, from the ``told``-th on."""
        used = (self.repository,) if repositories is None else repositories
        pins = pin_repositories(used, "")
        with open_workspace(f"{step}", used, pins, []) as checkouts:
            return self.blocks(step, checkouts, issue=issue, told=told)

    def blocks(
        self, step: Step, checkouts: Mapping[str, Checkout], *, issue: Issue | None = None, told: int = 0
    ) -> list[BlockContent]:
        """The same, in given checkouts."""
        return tell(step, self.host, issue or self.issue, checkouts, told)


def tell(
    step: Step, host: Host, issue: Issue, checkouts: Mapping[str, Checkout], told: int = 0
) -> list[BlockContent]:
    """The blocks of one turn after the ``told`` ones that are stored already."""
    key, can_edit = STEP_KEYS[step]
    brief = TurnBrief("Look into it.", key, can_edit=can_edit, metadata={"step": step.value})
    history = [state(0, Message(role="user", content="Look into it."))]
    history += [state(index, Message(content="told before")) for index in range(1, told + 1)]
    return all_of(OfflineAgent().run(brief, history, 0, Toolbox(issue, host, checkouts, can_edit=can_edit)))


def all_of(blocks: Blocks) -> list[BlockContent]:
    """What an agent yields, and the last block, which it returns."""
    return [block for block, _ in each(blocks) if block is not None]


def state(index: int, message: Message) -> BlockState:
    """A block that is in the history already."""
    return BlockState(id=str(index), index=index, timestamp=datetime(2026, 3, 5, tzinfo=UTC), message=message)


def artifact_of(blocks: list[BlockContent]) -> dict[str, Any]:
    """The one artifact of a turn."""
    (artifact,) = [artifact for block in blocks for artifact in block.artifacts]
    assert "offline agent" in artifact.reason
    return artifact.data

"""One running site for the tests: web server, worker, the demo's program, a consumer of webhooks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from demo import program
from demo.api import Api
from demo.processes import Child, Children, children
from demo.program import Program
from demo.receiver import Receiver, receiver
from demo.stack import Account, Stack, free_port, own_environment
from demo.waiting import wait_for
from tests.acceptance.services import own_services

TIMEOUT_S = 60
ENDED = ("completed", "error", "cancelled")


@dataclass
class Site:
    """A stack and what the tests do with it."""

    stack: Stack
    account: Account
    program: Program
    receiver: Receiver
    worker: Child

    @property
    def api(self) -> Api:
        return self.stack.api(self.account)

    @property
    def script(self) -> Path:
        """What the scripted agent plays from now on."""
        return self.stack.data_dir / "script.json"

    def play(self, turns: dict[str, list[dict[str, Any]]], *, delay_ms: int = 0) -> None:
        """Give the scripted agent its turns by step."""
        draft = self.script.with_suffix(".draft")
        draft.write_text(json.dumps({"delay_ms": delay_ms, "turns": turns}), encoding="utf-8")
        draft.rename(self.script)

    def automate(self, tuning: str) -> str:
        """Set how readily automation starts runs (``off`` leaves that to the test); how it was set before."""
        path = f"{self.stack.base_url}/api/0/projects/{self.account.organization}/{self.account.project}"
        url = f"{path}/autofix/preferences/"
        session = self.api.session
        preferences: dict[str, Any] = session.get(url, timeout=10).json()
        answer = session.put(url, json=preferences | {"tuning": tuning}, timeout=10)
        assert answer.ok, answer.text
        return str(preferences["tuning"])

    def new_issue(self) -> str:
        """Report an error that looks like no other; the new issue's id."""
        return self.report(f"Error{uuid.uuid4().hex}", "x")

    def report(self, kind: str, value: str, *, release: str = "", **more: Any) -> str:
        """Report an error of a new kind, in this release of the program (default: the newest); the new issue's id."""
        known = {issue["id"] for issue in self.api.issues()}
        self.send(kind, value, release=release or self.program.head, **more)

        def appeared() -> str | None:
            return next((issue["id"] for issue in self.api.issues() if issue["id"] not in known), None)

        return wait_for(appeared, "the report becomes an issue", abort=self.stack.deaths)

    def send(self, kind: str, value: str, **more: Any) -> None:
        """Report an error, with these fields of the event more."""
        frame = {
            "filename": "shop/pricing.py",
            "module": "shop.pricing",
            "function": "discount",
            "lineno": 15,
        }
        stack = {"frames": [frame | {"in_app": True}]}
        event = {
            "event_id": uuid.uuid4().hex,
            "platform": "python",
            "level": "error",
            "exception": {"values": [{"type": kind, "value": value, "stacktrace": stack}]},
        }
        dsn = urlsplit(self.account.dsn)
        url = f"{self.stack.base_url}/api/{self.account.project_id}/store/?sentry_key={dsn.username}"
        answer = requests.post(url, json=event | more, timeout=10, proxies={"http": ""})
        assert answer.ok, answer.text

    def run(self, issue: str, run_id: int) -> dict[str, Any]:
        """The run as the API shows it."""
        state = self.api.autofix(issue, run_id)
        assert state is not None
        return state

    def wait_for_end(self, issue: str, run_id: int) -> dict[str, Any]:
        """The run once it has ended."""

        def ended() -> dict[str, Any] | None:
            run = self.run(issue, run_id)
            return run if run["status"] in ENDED else None

        return wait_for(ended, "the run ends", timeout_s=TIMEOUT_S)

    def wait_for_event(self, run_id: int, type_: str) -> list[str]:
        """The types of the run's events, in their order, once one of this type has arrived and none before it is missing."""

        def heard() -> list[str] | None:
            events = self.receiver.events(run_id)
            complete = [event.sequence for event in events] == list(range(1, len(events) + 1))
            types = [event.type for event in events]
            return types if complete and type_ in types else None

        return wait_for(heard, f"{type_} arrives", timeout_s=TIMEOUT_S)

    def restart_worker(self) -> None:
        """Start another worker."""
        self.worker = self.stack.start_worker()


def environment(webhook_url: str, services: dict[str, str], **changes: str) -> dict[str, str]:
    """Short leases and sweeps, so that what is lost is found within the tests' time."""
    usual = {
        "AUTOFIX_LEASE_S": "3",
        "AUTOFIX_SWEEP_S": "1",
        "AUTOFIX_WEBHOOKS_ALLOW_HTTP": "true",
        "AUTOFIX_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "AUTOFIX_WEBHOOKS_ALLOWED_PORTS": str(urlsplit(webhook_url).port),
    }
    return own_environment(**usual | services | changes)


@contextmanager
def running_site(data_dir: Path, agent: str, **variables: str) -> Iterator[Site]:
    """A site with this agent and environment, on services of its own; gone afterwards."""
    with own_services() as services, children() as started, receiver() as heard:
        changes = {"AUTOFIX_AGENT": agent, **variables}
        if agent == "scripted":
            script = data_dir / "script.json"
            script.write_text('{"turns": {}}', encoding="utf-8")
            changes["AUTOFIX_SCRIPT"] = str(script)
        stack = Stack(started, data_dir, environment(heard.url, services, **changes), port=free_port())
        yield set_up(stack, started, heard)


def set_up(stack: Stack, started: Children, heard: Receiver) -> Site:
    """Everything running, and the consumer's endpoint registered."""
    web = stack.start_web()
    shop = program.build_program(stack.data_dir / "repositories" / "acme")
    stack.manage("migrate", "--verbosity", "0")
    worker = stack.start_worker()
    account = stack.bootstrap(shop.bare, stopping_point="open_pr")
    stack.wait_until_up(web)
    heard.secret = stack.api(account).register_webhook(heard.url)
    return Site(stack, account, shop, heard, worker)

"""The main job, chapter by chapter. A chapter ends when what it promises has happened, or says what did not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from autofix.steps import PIPELINE, STEPS
from demo import program
from demo.api import Api
from demo.program import Program
from demo.receiver import Received, Receiver
from demo.report import Report
from demo.stack import Account, Stack
from demo.waiting import wait_for

AUTOMATION = "issue_summary.post_process_fixability"
RUN_TIMEOUT_S = 60
ENDED = ("completed", "error", "cancelled")


class Unmet(Exception):  # says which expectation did not hold
    """Something that had to happen did not."""


def expect(holds: object, what: str) -> None:
    """Unmet(``what``) when it does not hold."""
    if not holds:
        raise Unmet(what)


@dataclass
class Story:
    """The demo's cast. ``took``: seconds per chapter."""

    stack: Stack
    receiver: Receiver
    report: Report
    took: dict[str, float] = field(default_factory=dict)

    def tell(self) -> None:
        """The whole main job; raises when it did not all happen."""
        with self._chapter("Set up: repository, database, web server, worker"):
            shop, account = self._set_up()
        self.job(shop, account)

    def job(self, shop: Program, account: Account) -> None:
        """From the crash to the program that runs again, on a stack that is up."""
        api = self.stack.api(account)
        with self._chapter("The program crashes and reports itself"):
            issue = self._crash(shop, account, api)
        self.report.issue(issue)
        with self._chapter("Automation starts a run"):
            run = self._automation(api, issue["id"])
        with self._chapter("The run, from root cause to pull request"):
            run = self._run(api, issue["id"], run["run_id"])
        self.report.artifacts(run["artifacts"])
        self._changes(api, issue["id"], run)
        pull_request = self._pull_request(shop, run)
        with self._chapter("Signed webhooks arrive"):
            events = self._webhooks(run)
        self.report.events(events)
        with self._chapter("The program runs again, on the branch"):
            self._run_again(shop, pull_request)
        self.report.timings(run["steps"], self.took)

    @contextmanager
    def _chapter(self, title: str) -> Iterator[None]:
        begun = time.monotonic()
        with self.report.busy(title):
            yield
        self.took[title] = time.monotonic() - begun
        self.report.done(title, self.took[title])

    def _set_up(self) -> tuple[Program, Account]:
        web = self.stack.start_web()  # it begins to import while the rest is set up
        shop = program.build_program(self.stack.data_dir / "repositories" / "acme")
        self.stack.manage("migrate", "--verbosity", "0")
        self.stack.start_worker()
        account = self.stack.bootstrap(shop.bare, stopping_point="open_pr")
        self.stack.wait_until_up(web)
        self.receiver.secret = self.stack.api(account).register_webhook(self.receiver.url)
        fine = shop.run(program.FINE_BASKET)
        expect(fine.exit_code == 0, f"the program runs on an ordinary basket: {fine.last_error_line}")
        return shop, account

    def _crash(self, shop: Program, account: Account, api: Api) -> dict[str, Any]:
        known = {issue["id"] for issue in api.issues()}
        ran = shop.run(program.CRASHING_BASKET, dsn=account.dsn)
        expect(ran.exit_code != 0, "the program crashes on the basket with an outdated voucher")
        self.report.crash(ran)

        def appeared() -> dict[str, Any] | None:
            return next((issue for issue in api.issues() if issue["id"] not in known), None)

        return wait_for(appeared, "the crash becomes an issue", abort=self.stack.deaths)

    def _automation(self, api: Api, issue: str) -> dict[str, Any]:
        run = wait_for(
            lambda: api.autofix(issue), "automation starts a run by itself", abort=self.stack.deaths
        )
        expect(run["referrer"] == AUTOMATION, f"the run was started by automation, not by {run['referrer']}")
        return run

    def _run(self, api: Api, issue: str, run_id: int) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            run = api.autofix(issue, run_id)
            if run is None:
                return None
            self.report.progress(run)
            return run if run["status"] in ENDED else None

        run = wait_for(ended, "the run ends", timeout_s=RUN_TIMEOUT_S, abort=self.stack.deaths)
        expect(run["status"] == "completed", f"the run completes; it is {run['status']}: {run['failure']}")
        done = {step["step"] for step in run["steps"] if step["status"] == "completed"}
        for step, spec in STEPS.items():
            expect(step.value in done, f"the step {step} completes{self._verdict(run)}")
            expect(spec.artifact is None or run["artifacts"].get(step.value), f"{step} leaves an artifact")
        return run

    @staticmethod
    def _verdict(run: dict[str, Any]) -> str:
        fixability = (run["artifacts"].get(PIPELINE[0].value) or {}).get("fixability")
        return f"; the verdict was {fixability}" if fixability else ""

    def _changes(self, api: Api, issue: str, run: dict[str, Any]) -> None:
        diff = api.diff(issue, run["run_id"])
        expect(diff.strip(), "the diff has changes")
        self.report.diff(diff)

    def _pull_request(self, shop: Program, run: dict[str, Any]) -> dict[str, Any]:
        pull_request: dict[str, Any] = run["repo_pr_states"].get(program.REPOSITORY) or {}
        state = pull_request.get("pr_creation_status")
        expect(
            state == "completed",
            f"a pull request is opened; it is {state}: {pull_request.get('pr_creation_error')}",
        )
        sha = shop.branches().get(pull_request["branch_name"])
        expect(
            sha and sha == pull_request["commit_sha"], "the pull request's branch is in the bare repository"
        )
        self.report.pull_request(shop, pull_request)
        return pull_request

    def _webhooks(self, run: dict[str, Any]) -> list[Received]:
        def all_heard() -> list[Received] | None:
            events = self.receiver.events(run["run_id"])
            return (
                events
                if any(event.type == "autofix.run_completed" for event in events) and gap_free(events)
                else None
            )

        events = wait_for(
            all_heard, "every event up to autofix.run_completed arrives, without gaps", timeout_s=20
        )
        expect(self.receiver.refused() == 0, "every delivery's signature is right")
        heard = {event.type for event in events}
        for spec in STEPS.values():
            for outcome in ("started", "completed"):
                name = f"autofix.{spec.event_name}_{outcome}"
                expect(name in heard, f"{name} is announced")
        expect("autofix.pr_created" in heard, "autofix.pr_created is announced")
        return events

    def _run_again(self, shop: Program, pull_request: dict[str, Any]) -> None:
        shop.switch(pull_request["branch_name"])
        ran = shop.run(program.CRASHING_BASKET)
        expect(ran.exit_code == 0, f"the program no longer crashes on the branch: {ran.last_error_line}")
        fine = shop.run(program.FINE_BASKET)
        expect(fine.exit_code == 0, f"the ordinary basket still works on the branch: {fine.last_error_line}")
        self.report.output(ran)


def gap_free(events: list[Received]) -> bool:
    """Whether the events are numbered 1, 2, 3, … without gaps or repeats."""
    return [event.sequence for event in events] == list(range(1, len(events) + 1))

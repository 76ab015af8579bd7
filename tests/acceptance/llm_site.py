"""A site whose agent asks a scripted model over HTTP, with a worker on a pool of the test's choice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.processes import Child, children
from demo.program import REPOSITORY
from demo.receiver import receiver
from demo.stack import Stack, free_port
from demo.waiting import wait_for
from tests.acceptance.scripts import ARTIFACTS, CHANGED_FILE, CRASHING_LINE, GUARD
from tests.acceptance.services import own_services
from tests.acceptance.site import TIMEOUT_S, Site, environment, set_up
from tests.llm_server import Answer, ModelServer, calls, model_server, plays, says

CALLS = 20
SLOTS = 2
"""How many turns the worker runs at the same time."""
STEPS = ("root_cause", "solution", "code_changes")
EVENTS = [
    *(
        f"autofix.{name}_{outcome}"
        for name in ("root_cause", "solution", "coding")
        for outcome in ("started", "completed")
    ),
    "autofix.pr_created",
    "autofix.run_completed",
]


CITATION = {
    "kind": "code",
    "repo_name": REPOSITORY,
    "path": CHANGED_FILE,
    "start_line": 15,
    "end_line": 15,
    "quote": CRASHING_LINE.strip(),
}


def written(key: str, **changes: Any) -> Answer:
    """The call that records the step's artifact, with these fields other than they should be."""
    return calls(f"artifact_write_{key}", **ARTIFACTS[key] | changes)


SCRIPT: dict[str, list[Answer]] = {
    "root_cause": [
        calls("event_details"),
        calls("issue_details"),
        calls("list_files", pattern="*.py"),
        calls("read_file", path=CHANGED_FILE),
        calls("search_code", pattern="voucher"),
        calls("blame", path=CHANGED_FILE, start_line=1, end_line=10),
        calls("log", path=CHANGED_FILE),
        written("root_cause"),
    ],
    "solution": [
        calls("read_file", path=CHANGED_FILE, start_line=5),
        calls("outline", path=CHANGED_FILE),
        calls("recent_events"),
        written("solution"),
    ],
    "code_changes": [
        calls("read_file", path=CHANGED_FILE, start_line=2),
        calls("search_code", pattern="find("),
        calls("replace_text", path=CHANGED_FILE, old=CRASHING_LINE, new=GUARD + CRASHING_LINE),
        calls("read_file", path=CHANGED_FILE, start_line=3),
        calls("write_file", path="shop/NOTES.md", text="A voucher may be gone.\n"),
        calls("read_file", path="shop/NOTES.md"),
        calls("delete_file", path="shop/NOTES.md"),
        says("Done: an unknown voucher takes nothing off."),
    ],
    "impact_assessment": [calls("tag_distribution"), written("impact_assessment")],
    "triage": [calls("log", path=CHANGED_FILE), written("triage")],
}
REPAIRED = SCRIPT | {
    "root_cause": [
        *SCRIPT["root_cause"][:-1],
        written("root_cause", five_whys=[]),
        written("root_cause", evidence=[CITATION | {"quote": "return voucher.worth(basket)"}]),
        written("root_cause", evidence=[CITATION]),
    ]
}
"""The same, but the first root cause lacks a field and the second one quotes what is not there."""


class PoolStack(Stack):
    """A stack whose worker runs on this pool: ``threads`` or ``prefork``."""

    pool = "threads"

    def start_worker(self, *, threads: int = SLOTS) -> Child:
        command = ["celery", "-A", "config", "worker", "-B", "-P", self.pool, "-c", str(threads)]
        return self._start("worker", [*command, "-Q", "autofix,explorer", "--loglevel", "INFO"])


@dataclass
class ModelSite:
    """The site and the model that it asks."""

    site: Site
    model: ModelServer
    pool: str

    def without_side_steps(self) -> None:
        """The pipeline alone: one call of the model at a time."""
        account, stack = self.site.account, self.site.stack
        url = f"{stack.base_url}/api/0/projects/{account.organization}/{account.project}/autofix/preferences/"
        session = self.site.api.session
        preferences = session.get(url, timeout=10).json()
        answer = session.put(url, json=preferences | {"side_steps": [], "tuning": "off"}, timeout=10)
        assert answer.ok, answer.text

    def fill_the_worker(self) -> None:
        """Take every slot of the worker with a root cause at the same moment, then see them all to their end.

        A turn that still ran would keep one of them: this one would not be done.
        """
        before, together = len(self.model.asked), threading.Event()

        def hold(_: int) -> None:
            together.wait(TIMEOUT_S)

        self.model.on_request = hold
        issues = [self.site.new_issue() for _ in range(SLOTS)]
        runs = [(i, self.site.api.start(i, stopping_point="root_cause")["run_id"]) for i in issues]
        try:
            wait_for(lambda: len(self.model.asked) >= before + SLOTS, "a call from every slot")
        finally:
            together.set()
        for issue, run_id in runs:
            run = self.site.wait_for_end(issue, run_id)
            assert run["status"] == "completed", run["failure"]


@dataclass(frozen=True)
class Killed:
    """What became of a run whose worker was killed: ``requests`` to the model, the run and the types of its events."""

    after: int
    requests: int
    run: dict[str, Any]
    events: list[str]

    @property
    def problems(self) -> list[str]:
        """What is not as if nobody had been killed; empty when all is well."""
        expected = {step: ARTIFACTS[step] for step in ("root_cause", "solution")}
        changes = [change["path"] for change in self.run["code_changes"].get(REPOSITORY, [])]
        usage = self.run["usage"]["requests"]
        checks = {
            f"status is {self.run['status']}: {self.run['failure']}": self.run["status"] == "completed",
            f"{self.requests - CALLS} calls repeated": self.requests <= CALLS + 1,
            # Booked before it is made: the worker may have died between the two.
            f"{usage} calls booked": self.requests <= usage <= self.requests + 1,
            "other artifacts": self.run["artifacts"] == expected,
            f"changed files are {changes}": changes == [CHANGED_FILE],
            f"events are {self.events}": self.events == EVENTS,
        }
        return [problem for problem, holds in checks.items() if not holds]


def killed_run(there: ModelSite, after: int) -> Killed:
    """A run of 20 calls whose worker is killed while call ``after`` is answered (0: never), to its end."""
    site, model = there.site, there.model
    reached, killed = threading.Event(), threading.Event()
    model.asked.clear()

    def hold(count: int) -> None:
        if count == after:
            reached.set()
            killed.wait(TIMEOUT_S)

    model.on_request = hold
    issue = site.new_issue()
    run_id = site.api.start(issue, stopping_point="open_pr")["run_id"]
    if after:
        wait_for(reached.is_set, f"call {after} is made", timeout_s=TIMEOUT_S)
        site.worker.kill()
        killed.set()
        site.restart_worker()
    run = site.wait_for_end(issue, run_id)
    types = site.wait_for_event(
        run_id, "autofix.run_completed" if run["status"] == "completed" else "autofix.run_failed"
    )
    return Killed(after, len(model.asked), run, types)


@contextmanager
def model_site(data_dir: Path, pool: str = "threads") -> Iterator[ModelSite]:
    """A site with the LLM agent and a model that plays the script; gone afterwards."""
    with own_services() as services, children() as started, receiver() as heard, model_server() as model:
        model.respond = plays(SCRIPT)
        asked = {
            "AUTOFIX_LLM_MODEL": "openai:scripted",
            "AUTOFIX_LLM_BASE_URL": model.url,
            "AUTOFIX_LLM_API_KEY": "test-key",
            "DJANGO_SETTINGS_MODULE": "tests.acceptance.llm_settings",
        }
        stack = PoolStack(started, data_dir, environment(heard.url, services, **asked), port=free_port())
        stack.pool = pool
        there = ModelSite(set_up(stack, started, heard), model, pool)
        there.site.automate("off")
        yield there

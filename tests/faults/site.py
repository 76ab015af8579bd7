"""A site whose workers can be made to die, stall or hear everything twice, at a place of the test's choice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from demo.stack import CHECKOUT
from demo.waiting import TookTooLong, wait_for
from tests.acceptance import scripts
from tests.acceptance.site import Site, running_site
from tests.faults import zygote

THOUGHTS = 2
PATIENCE_S = 60.0
POLL_S = 0.3
FAST = {"AUTOFIX_LEASE_S": "1", "AUTOFIX_SWEEP_S": "1", "LOG_LEVEL": "WARNING"}


class Zygote:
    """Talks to :mod:`tests.faults.zygote`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._errors = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"], cwd=CHECKOUT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._say, self._hear = self._process.stdin, self._process.stdout
        assert self._hear.readline() == '"ready"\n', log.read_text()

    def ask(self, do: str, **given: Any) -> Any:
        """The answer to one command."""
        self._say.write(json.dumps({"do": do, **given}) + "\n")
        self._say.flush()
        return json.loads(self._hear.readline())

    def close(self) -> None:
        self._say.close()
        self._process.wait()
        self._hear.close()
        self._errors.close()


@dataclass
class Forked:
    """A child of the zygote, the leader of a process group."""

    zygote: Zygote
    pid: int
    log: Path
    exit_code: int | None = field(default=None, init=False)

    @property
    def ended(self) -> bool:
        if self.exit_code is None:
            self.exit_code = self.zygote.ask("poll", pid=self.pid)
        return self.exit_code is not None

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def reached_failpoint(self) -> bool:
        """Has one of its failpoints done what it was to do (or is it about to)?"""
        return self.log.exists() and "failpoint reached" in self.log.read_text(encoding="utf-8")

    @property
    def is_frozen(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def end(self, number: signal.Signals = signal.SIGKILL, timeout_s: float = 20) -> None:
        """End it and its group, and wait for it."""
        self.send(number)
        wait_for(lambda: self.ended, "the process ends", timeout_s=timeout_s)
        self.send(signal.SIGKILL)


@dataclass
class FaultSite:
    """The site, its zygote, and the workers that live now."""

    site: Site
    zygote: Zygote
    workers: list[Forked] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def inside(self, function: str, **given: Any) -> Any:
        """Call a function of :mod:`tests.faults.inside` within the site."""
        answer = self.zygote.ask("call", function=function, **given)
        assert answer != zygote.BROKE, function
        return answer

    def start_worker(self, failpoints: str = "", *, threads: int = 4) -> Forked:
        """A worker that does this at these places."""
        log = self.site.stack.data_dir / "logs" / f"worker-{next(self._numbers)}.log"
        pid = self.zygote.ask("start", kind="worker", failpoints=failpoints, log=str(log), threads=threads)
        worker = Forked(self.zygote, pid, log)
        self.workers.append(worker)
        return worker

    def start_run(self) -> int:
        """Start a run of a new issue, up to the pull request; its id."""
        run_id: int = self.inside("trigger", issue_id=self.inside("new_issue"))
        return run_id

    def wait_for_failpoint(self) -> None:
        """Wait until the youngest worker is where its failpoint is."""
        wait_for(self.workers[-1].reached_failpoint, "the failpoint is reached", timeout_s=PATIENCE_S)

    def supervise(self) -> None:
        """Start another worker for each that has ended by itself, as an operator's supervisor does."""
        for worker in [worker for worker in self.workers if worker.ended]:
            worker.send(signal.SIGKILL)  # what is left of its group
            self.workers.remove(worker)
            self.start_worker()

    def end_workers(self) -> None:
        for worker in self.workers:
            worker.end()
        self.workers.clear()

    def violations(self, run_id: int, status: str = "completed") -> list[str]:
        """Wait until nothing is under way, and say which promises were broken."""

        def settled() -> bool:
            time.sleep(POLL_S)  # each look is a process
            self.supervise()
            return not self.inside("unfinished", run_id=run_id)

        try:
            wait_for(settled, "all is done", timeout_s=PATIENCE_S)
        except TookTooLong:
            return [f"after {PATIENCE_S:g} s still: {self.inside('unfinished', run_id=run_id)}"]
        found: list[str] = self.inside(
            "violations", run_id=run_id, bare=str(self.site.program.bare), status=status
        )
        recorded = self.inside("events", run_id=run_id)
        heard = [event.id for event in self.site.receiver.events(run_id)]
        return found + ([] if heard == recorded else [f"{recorded} recorded, {heard} delivered"])


@contextmanager
def fault_site(data_dir: Path, **variables: str) -> Iterator[FaultSite]:
    """A site with the scripted agent, without a worker yet."""
    with running_site(data_dir, "scripted", **FAST | variables) as site:
        site.worker.kill()
        site.automate("off")
        site.play(scripts.whole_run(site.program, thoughts=THOUGHTS))
        forker = Zygote(site.stack.environment, data_dir / "logs" / "zygote.log")
        made = FaultSite(site, forker)
        try:
            yield made
        finally:
            made.end_workers()
            forker.close()

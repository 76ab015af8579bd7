"""A worker is told to stop while consumers leave it waiting: what it sent is recorded, or sent again under the same id."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from autofix.delivery.transport import WHOLE_S
from autofix.models.webhooks import Attempt, Delivery
from demo.processes import Child, children
from demo.stack import CHECKOUT
from demo.waiting import wait_for
from tests.faults.brokers import missing, redis_broker
from tests.faults.relays import deliver_the_rest, heard, own_environment, repetitions
from tests.integration.outbox_rows import make_due, make_endpoint, make_run, record
from tests.integration.receiver import Handler, Receiver, listening

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue")]
RUNS = 3
PATIENCE_S = 60
BY_ITSELF_S = 3
"""Longer than a worker takes to stop that waits for nothing."""
TASK_ENDED = re.compile(r"autofix\.deliver\[.* succeeded")


@dataclass
class Slow:
    """A consumer that answers nobody before it is let go."""

    receiver: Receiver
    go: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.receiver.behaviour = self._answer

    def _answer(self, request: Handler) -> None:
        self.go.wait(PATIENCE_S)
        request.answer(200)

    def wait_until_all_wait(self) -> None:
        wait_for(
            lambda: len(self.receiver.requests) == RUNS,
            "every run's first event is sent",
            timeout_s=PATIENCE_S,
        )


@pytest.fixture
def slow() -> Iterator[Slow]:
    with listening() as receiver:
        made = Slow(receiver)
        try:
            yield made
        finally:
            made.go.set()


@pytest.fixture
def recorded(slow: Slow) -> dict[int, list[str]]:
    """The ids of every run's events: two each, of which the second waits for the first."""
    make_endpoint(slow.receiver.url)
    # Idle ones: the worker's own sweep would end a run under whose events there are no steps.
    runs = [make_run(issue_id=f"i{n}", status="awaiting_user_input") for n in range(RUNS)]
    return {run.pk: [record(run).public_id for _ in range(2)] for run in runs}


@pytest.fixture(params=["folder", "redis"])
def worker(
    request: pytest.FixtureRequest, slow: Slow, recorded: dict[int, list[str]], tmp_path: Path
) -> Iterator[Child]:
    """A worker with a process of its own for tasks, and a beat, on a queue of its own; it has begun to send."""
    with ExitStack() as stack:
        broker = "folder://localhost"
        if request.param == "redis":
            if reason := missing("redis"):
                pytest.skip(reason)
            broker = stack.enter_context(redis_broker(tmp_path)).url
        environment = own_environment(
            slow.receiver, CELERY_BROKER_URL=broker, AUTOFIX_DATA_DIR=str(tmp_path), AUTOFIX_SWEEP_S="1"
        )
        options = [
            "-B",
            "-s",
            str(tmp_path / "beat"),
            "-P",
            "prefork",
            "-c",
            "1",
            "-Q",
            "autofix",
            "--loglevel",
            "INFO",
        ]
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", *options]
        started = stack.enter_context(children())
        made = Child(
            "worker", command, directory=CHECKOUT, environment=environment, log=tmp_path / "worker.log"
        )
        started.start(made)
        slow.wait_until_all_wait()
        yield made


def wait_until_it_says(worker: Child, words: str) -> None:
    wait_for(
        lambda: words in worker.tail(1_000),
        words,
        timeout_s=PATIENCE_S,
        abort=lambda: "it ended" * worker.ended,
    )


def tell_to_stop(worker: Child) -> None:
    """SIGTERM to the worker alone, as supervisors send it: the processes that it forked hear of it from itself."""
    assert worker.process is not None
    worker.process.send_signal(signal.SIGTERM)
    wait_until_it_says(worker, "Warm shutdown")


def ends_within(worker: Child, seconds: float) -> bool:
    """Whether it ends so soon."""
    assert worker.process is not None
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(seconds)
    return worker.ended


def wait_until_stopped(worker: Child) -> None:
    wait_for(lambda: worker.ended, "the worker ends", timeout_s=PATIENCE_S)
    assert worker.exit_code == 0, worker.tail()


@pytest.mark.parametrize(
    "task_has_ended", [False, True], ids=["while the task waits", "when the task has ended"]
)
def test_it_records_what_it_sent(
    slow: Slow, recorded: dict[int, list[str]], worker: Child, task_has_ended: bool
) -> None:
    """It waits for the answers and records them before it ends, also when no task waits for them any more."""
    if task_has_ended:
        wait_for(lambda: TASK_ENDED.search(worker.tail(1_000)), "the task ends", timeout_s=PATIENCE_S)
    tell_to_stop(worker)
    assert not ends_within(worker, BY_ITSELF_S), worker.tail()
    slow.go.set()
    wait_until_stopped(worker)
    firsts = [ids[0] for ids in recorded.values()]
    assert Delivery.objects.filter(event__public_id__in=firsts, status="delivered").count() == RUNS
    assert Attempt.objects.filter(delivery__event__public_id__in=firsts, response_status=200).count() == RUNS
    deliver_the_rest(slow.receiver)
    assert heard(slow.receiver) == recorded
    assert repetitions(slow.receiver) == 0


@pytest.mark.faults_long
def test_consumers_that_never_answer(slow: Slow, recorded: dict[int, list[str]], worker: Child) -> None:
    """It ends within the time of an attempt; the attempts are on record as failed, and the same ids come again."""
    tell_to_stop(worker)
    wait_until_stopped(worker)
    assert Attempt.objects.filter(response_status=None, latency_ms__gte=900 * WHOLE_S).count() == RUNS
    slow.go.set()
    make_due()
    deliver_the_rest(slow.receiver)
    assert heard(slow.receiver) == recorded
    assert repetitions(slow.receiver) == RUNS


def test_who_loses_patience(slow: Slow, recorded: dict[int, list[str]], worker: Child) -> None:
    """Killed while it waits: nothing is recorded, the claims run out, and the same ids come again."""
    tell_to_stop(worker)
    worker.kill()
    assert Delivery.objects.filter(status="pending").count() == 2 * RUNS
    slow.go.set()
    make_due()
    deliver_the_rest(slow.receiver)
    assert heard(slow.receiver) == recorded
    assert repetitions(slow.receiver) == RUNS

"""The queue is a wake-up call: brokers may be away, restart and forget."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.faults.brokers import Broker, folder_broker, missing, rabbitmq_broker, redis_broker
from tests.faults.site import FaultSite, fault_site

RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
AWAY_S = 3.0
ANSWER_S = 5.0
KINDS = ["folder", pytest.param("redis", marks=pytest.mark.faults_long),
         pytest.param("rabbitmq", marks=pytest.mark.faults_long)]  # fmt: skip


@dataclass
class Place:
    """A site and the broker that it depends on."""

    site: FaultSite
    broker: Broker


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A site on a broker of its own."""
    if reason := missing(request.param):
        pytest.skip(reason)
    data_dir = tmp_path_factory.mktemp(f"broker-{request.param}")
    with ExitStack() as stack:
        if request.param == "redis":
            broker = stack.enter_context(redis_broker(data_dir))
        elif request.param == "rabbitmq":
            broker = stack.enter_context(rabbitmq_broker(RABBITMQ))
        else:
            broker = folder_broker(data_dir)
        yield Place(stack.enter_context(fault_site(data_dir, CELERY_BROKER_URL=broker.url)), broker)


@pytest.fixture(autouse=True)
def _no_workers_left(place: Place) -> Iterator[None]:
    yield
    place.site.end_workers()


def test_requests_are_answered_while_the_broker_is_away(place: Place) -> None:
    """POST answers 202 within seconds, and the run is found and ended once the broker is back."""
    issue = place.site.inside("new_issue")
    place.broker.stop()
    try:
        began = time.monotonic()
        answer = place.site.site.api.send("POST", f"issues/{issue}/autofix/", {"stopping_point": "open_pr"})
        took = time.monotonic() - began
    finally:
        place.broker.start()
    assert answer.status_code == 202, answer.text
    assert took < ANSWER_S
    place.site.start_worker()
    assert place.site.violations(answer.json()["run_id"]) == []


def test_broker_restarts_in_mid_run(place: Place) -> None:
    """Workers survive a broker that goes away under them, and the run ends once."""
    place.site.start_worker("block.after_commit#3=delay")
    run_id = place.site.start_run()
    place.site.wait_for_failpoint()
    place.broker.stop()
    time.sleep(AWAY_S)  # the fault itself
    place.broker.start()
    assert place.site.violations(run_id) == []


def test_broker_forgets_everything_in_mid_run(place: Place) -> None:
    """A broker that is emptied again and again costs time only."""
    place.site.start_worker("hook.before_commit#1=delay")
    run_id = place.site.start_run()
    for _ in range(6):
        time.sleep(AWAY_S / 6)  # the fault itself: whatever is in the queue at these moments is lost
        place.broker.flush()
    assert place.site.violations(run_id) == []

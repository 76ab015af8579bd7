"""Relays die, meet each other and lose their database: what was recorded arrives, under one id, and nothing else does."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction

from autofix.delivery import claims
from autofix.sweeper import sweep
from autofix.testing import WakeupQueue
from tests.faults.relays import deliver_the_rest, finished, heard, relay_process, repetitions
from tests.integration.outbox_rows import make_endpoint, make_run, record
from tests.integration.receiver import Handler, Receiver, listening

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue")]
RUNS, EVENTS = 3, 3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A consumer that writes down what comes."""
    with listening() as running:
        yield running


@pytest.fixture
def recorded(receiver: Receiver) -> dict[int, list[str]]:
    """The ids of every run's events in their order; one more was rolled back."""
    make_endpoint(receiver.url)
    runs = [make_run(issue_id=f"i{n}") for n in range(RUNS)]
    ids = {run.pk: [record(run).public_id for _ in range(EVENTS)] for run in runs}

    def fail() -> None:
        with transaction.atomic():
            record(make_run(issue_id="rolled back"))
            raise ZeroDivisionError

    with suppress(ZeroDivisionError):
        fail()
    return ids


class TestKilled:
    @pytest.mark.parametrize(
        ("failpoint", "repeated"),
        [
            ("delivery.claimed", 0),
            ("delivery.sent", RUNS),
            ("delivery.recorded", 0),
            ("delivery.recorded#2", 0),
        ],
        ids=[
            "before the POST",
            "after it, before recording",
            "after recording",
            "after recording the second time",
        ],
    )
    def test_every_event_arrives(
        self, receiver: Receiver, recorded: dict[int, list[str]], failpoint: str, repeated: int
    ) -> None:
        """SIGKILL there: another relay goes on, in order, and at most what had been sent comes again under its own id."""
        assert finished(relay_process(receiver, f"{failpoint}=kill")) == -signal.SIGKILL
        deliver_the_rest(receiver)
        assert heard(receiver) == recorded
        # What was in flight beside the batch that was being recorded may come twice, too.
        assert repetitions(receiver) <= (repeated or RUNS)

    def test_in_the_middle_of_a_post(self, receiver: Receiver, recorded: dict[int, list[str]]) -> None:
        """The consumer has read the request, and whoever sent it is dead before it hears the answer."""
        processes: list[subprocess.Popen[str]] = []

        def kill_the_sender(request: Handler) -> None:
            receiver.behaviour = lambda later: later.answer(200)
            processes[0].kill()
            request.answer(200)

        receiver.behaviour = kill_the_sender
        processes.append(relay_process(receiver))
        assert finished(processes[0]) == -signal.SIGKILL
        deliver_the_rest(receiver)
        assert heard(receiver) == recorded
        assert repetitions(receiver) >= 1


class TestTogether:
    def test_two_relays(self, receiver: Receiver, recorded: dict[int, list[str]]) -> None:
        """Beside each other they deliver everything in order, and nothing twice."""
        both = [relay_process(receiver), relay_process(receiver)]
        assert [finished(one) for one in both] == [0, 0]
        deliver_the_rest(receiver)
        assert heard(receiver) == recorded
        assert repetitions(receiver) == 0

    def test_a_duplicate_task(
        self, receiver: Receiver, recorded: dict[int, list[str]], queue: WakeupQueue
    ) -> None:
        """Every wake-up twice: nothing is sent twice."""
        queue.drain(times=2)
        assert heard(receiver) == recorded
        assert repetitions(receiver) == 0

    def test_a_flushed_broker(
        self, receiver: Receiver, recorded: dict[int, list[str]], queue: WakeupQueue
    ) -> None:
        """Without a single wake-up left the sweeper finds what is due."""
        queue.lose()
        sweep()
        queue.drain()
        assert heard(receiver) == recorded


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server that could restart")
class TestDatabaseGone:
    def test_every_connection_is_cut_in_mid_batch(
        self, receiver: Receiver, recorded: dict[int, list[str]]
    ) -> None:
        """As a restart does: the relay records over a new connection what it had sent, and goes on."""
        cut: list[Any] = []

        def cut_connections(request: Handler) -> None:
            if not cut:
                cut.append(True)
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                        " WHERE application_name = 'relay under test' AND datname = current_database()"
                    )
                    cut.append(cursor.fetchone())
                connection.close()
            request.answer(200)

        receiver.behaviour = cut_connections
        assert finished(relay_process(receiver)) == 0
        assert cut[1:] == [(1,)]
        deliver_the_rest(receiver)
        assert heard(receiver) == recorded


def test_a_claim_outlasts_every_attempt() -> None:
    """No delivery is taken over while its attempt can still be under way: 15 s of it, and recording."""
    assert claims.CLAIM_S >= 3 * 15

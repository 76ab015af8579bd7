"""Which deliveries a relay takes: within limits, in turn, in order, and not from whom it should leave alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from autofix import webhooks
from autofix.delivery import claims, endpoint_health, recording, relay, repeating, upkeep
from autofix.delivery.claims import Claimed, Claims
from autofix.delivery.schedule import Answer
from autofix.models.webhooks import Delivery, Endpoint
from tests.integration.outbox_rows import make_due, make_endpoint, make_run, record
from tests.integration.receiver import Receiver, answering, listening

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queue")]
FAILED = Answer(500, error="The endpoint answered 500.")
WORKED = Answer(200)


def happen(times: int, organization_id: str = "1") -> None:
    """Events that belong to no run."""
    known = Delivery.objects.count()
    for number in range(times):
        key = f"k{known}-{number}"
        webhooks.record("autofix.ping", key=key, organization_id=organization_id, data={"endpoint_id": 1})


def per_endpoint(claimed: list[Claimed]) -> Counter[int]:
    return Counter(delivery.endpoint_id for delivery in claimed)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A consumer that says 200 until the test makes it behave otherwise."""
    with listening() as running:
        yield running


class TestLimits:
    def test_four_per_endpoint_sixteen_per_organization(self) -> None:
        """However much is due, and however often it is asked for."""
        endpoints = [make_endpoint() for _ in range(5)]
        other = make_endpoint(organization_id="2")
        happen(10)
        happen(10, "2")
        claims = Claims()
        claimed = claims.take(64)
        assert per_endpoint(claimed)[other.pk] == 4
        assert sum(per_endpoint(claimed)[endpoint.pk] for endpoint in endpoints) == 16
        assert max(per_endpoint(claimed).values()) == 4
        assert claims.take(64) == Claims().take(64) == []

    def test_a_slot_that_gets_free_is_given_again(self) -> None:
        """The limit is on what is in flight, not on what has been."""
        make_endpoint()
        happen(6)
        first = Claims().take(64)
        recording.record([(first[0], WORKED)])
        assert len(Claims().take(64)) == 1

    def test_who_has_all_it_may_have_costs_nobody_a_look(self) -> None:
        """While an endpoint hangs on all its slots a relay that looks around sees nothing to do, and still how late it is."""
        make_endpoint()
        happen(6)
        Claims().take(64)
        assert not claims.is_due(timezone.now())
        assert claims.oldest_due(timezone.now()) is not None
        make_endpoint(organization_id="2")
        happen(1, "2")
        assert claims.is_due(timezone.now())

    def test_relays_go_round(self) -> None:
        """With two slots and three endpoints nobody is served twice before everybody was served."""
        endpoints = [make_endpoint(organization_id=str(n)) for n in range(3)]
        for n in range(3):
            happen(4, str(n))
        claims = Claims()
        served = [delivery.endpoint_id for _ in range(3) for delivery in claims.take(2)]
        assert per_endpoint_ids(served) == {endpoint.pk: 2 for endpoint in endpoints}
        assert set(served[:3]) == {endpoint.pk for endpoint in endpoints}

    @pytest.mark.django_db(transaction=True)
    def test_relays_at_once_keep_the_limits_together(self) -> None:
        """Eight relays that claim at the same moment take four, not thirty-two."""
        make_endpoint()
        happen(40)

        def take(_: int) -> int:
            try:
                return len(Claims().take(8))
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(take, range(8))) == 4


def per_endpoint_ids(ids: list[int]) -> Counter[int]:
    return Counter(ids)


class TestOrder:
    def test_an_endpoint_that_opts_out_gets_everything_at_once(self) -> None:
        """Without order nothing waits for anything; with it only the first of a run goes."""
        free, ordered = make_endpoint(ordered=False), make_endpoint()
        run = make_run()
        for _ in range(3):
            record(run)
        assert per_endpoint(Claims().take(64)) == {free.pk: 3, ordered.pk: 1}

    def test_the_next_goes_when_the_one_before_is_dead(self, receiver: Receiver) -> None:
        """A run's events are not lost behind one that cannot be delivered."""
        make_endpoint()
        run = make_run()
        first, second = record(run), record(run)
        (claimed,) = Claims().take(64)
        Delivery.objects.filter(pk=claimed.pk).update(attempts=9)
        recording.record([(claimed, FAILED)])
        assert first.deliveries.get().status == "dead"
        assert [d.event_id for d in Claims().take(64)] == [second.pk]

    def test_a_replay_takes_its_place_in_the_order(self) -> None:
        """While a later event is being sent, the replayed one waits; then it goes before those behind."""
        make_endpoint()
        run = make_run()
        first, second, third = record(run), record(run), record(run)
        for _ in range(1):
            recording.record([(one, WORKED) for one in Claims().take(64)])
        (sending,) = Claims().take(64)
        assert sending.event_id == second.pk
        repeating.replay(first.deliveries.get())
        assert Claims().take(64) == []
        recording.record([(sending, WORKED)])
        for expected in (first, third):
            (sending,) = Claims().take(64)
            assert sending.event_id == expected.pk
            recording.record([(sending, WORKED)])

    def test_recovering_many_keeps_the_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In chunks of three, over two runs: each run's events come one after the other, from its first."""
        monkeypatch.setattr(repeating, "CHUNK", 3)
        endpoint = make_endpoint()
        since = timezone.now()
        runs = [make_run(), make_run(issue_id="4")]
        for _ in range(4):
            for run in runs:
                record(run)
        Delivery.objects.update(status="dead", next_attempt_at=None)
        assert repeating.recover(endpoint, since) == 8
        seen: dict[int | None, list[int | None]] = {}
        while claimed := Claims().take(64):
            for delivery in claimed:
                seen.setdefault(delivery.run_id, []).append(delivery.sequence)
            recording.record([(delivery, WORKED) for delivery in claimed])
        assert seen == {run.pk: [1, 2, 3, 4] for run in runs}


class TestBreaker:
    def test_it_opens_probes_and_closes(self, receiver: Receiver) -> None:
        """Ten failures: nothing more is sent for a minute, then one probe; its success lets everything through."""
        endpoint = make_endpoint(receiver.url)
        happen(30)
        receiver.behaviour = answering(500)
        relay.deliver_due()
        endpoint.refresh_from_db()
        assert endpoint.status == "open"
        tried = len(receiver.requests)
        assert 10 <= tried < 10 + 4
        make_due()
        assert Claims().take(64) == []
        self._let_a_minute_pass()
        (probe,) = Claims().take(64)
        assert Claims().take(64) == [], "one probe at a time"
        recording.record([(probe, FAILED)])
        endpoint.refresh_from_db()
        assert endpoint.open_until is not None
        assert endpoint.open_until - timezone.now() > timedelta(seconds=55)
        self._let_a_minute_pass()
        receiver.behaviour = answering(200)
        relay.deliver_due()
        endpoint.refresh_from_db()
        assert [endpoint.status, endpoint.open_until] == ["active", None]
        assert not Delivery.objects.exclude(status="delivered").exclude(pk=probe.pk).exists(), (
            "none was dropped"
        )

    def test_it_stays_open_through_a_long_outage(self) -> None:
        """Each probe that fails buys a minute more, also when the failures that opened it are long out of the window."""
        endpoint = make_endpoint(status="open", open_until=timezone.now() - timedelta(seconds=1))
        happen(3)
        (probe,) = Claims().take(64)
        recording.record([(probe, FAILED)])
        assert Claims().take(64) == []
        endpoint.refresh_from_db()
        assert endpoint.open_until is not None
        assert endpoint.open_until - timezone.now() > timedelta(seconds=55)

    def test_enabling_forgets_what_failed_before(self) -> None:
        """The first success of an endpoint that somebody enabled does not open its breaker for old failures' sake."""
        endpoint = make_endpoint()
        happen(16)
        while claimed := Claims().take(64):
            recording.record([(one, FAILED) for one in claimed])
        endpoint_health.enable(endpoint)
        make_due()
        recording.record([(one, WORKED) for one in Claims().take(64)])
        endpoint.refresh_from_db()
        assert endpoint.status == "active"

    def _let_a_minute_pass(self) -> None:
        Endpoint.objects.update(open_until=timezone.now() - timedelta(seconds=1))
        make_due()


class TestClock:
    def test_put_back_an_hour(self) -> None:
        """What was scheduled by the clock of before is due as soon as it would have been."""
        endpoint = make_endpoint()
        happen(2)
        ahead = timezone.now() + timedelta(hours=1)
        due, retry = Delivery.objects.order_by("pk")
        Delivery.objects.update(scheduled_at=ahead, next_attempt_at=ahead)
        Delivery.objects.filter(pk=retry.pk).update(next_attempt_at=ahead + timedelta(minutes=5))
        assert Claims().take(64) == []
        assert upkeep.bring_forward(timezone.now()) == 2
        assert upkeep.bring_forward(timezone.now()) == 0
        assert [one.pk for one in Claims().take(64)] == [due.pk]
        retry.refresh_from_db()
        assert retry.next_attempt_at is not None
        assert timedelta(minutes=4) < retry.next_attempt_at - timezone.now() <= timedelta(minutes=5)
        assert endpoint.deliveries.count() == 2

    def test_put_back_while_a_breaker_is_open(self) -> None:
        """The endpoint rests for a minute of the new clock, not until the old one would have said so."""
        endpoint = make_endpoint(status="open", open_until=timezone.now() + timedelta(hours=1))
        happen(1)
        now = timezone.now()
        upkeep.bring_forward(now)
        endpoint.refresh_from_db()
        assert endpoint.open_until == now + timedelta(seconds=60)

    def test_put_forward_a_month(self) -> None:
        """Everything is due at once and still no more than four go at a time."""
        make_endpoint()
        happen(20)
        Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(days=30))
        assert len(Claims().take(64)) == 4

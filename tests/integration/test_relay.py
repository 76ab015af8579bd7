"""The relay against a real consumer: what arrives, what is tried again, and what is never tried at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from autofix import secrets
from autofix.delivery import recording, relay
from autofix.delivery.claims import Claims
from autofix.delivery.schedule import Answer
from autofix.delivery.signing import sentry_signature
from autofix.models.webhooks import Attempt, Endpoint, EndpointStatus, WebhookEvent
from autofix.testing import WakeupQueue
from autofix.wakeups import DELIVER
from tests.integration.outbox_rows import SECRET, make_due, make_endpoint, make_run, record
from tests.integration.receiver import Receiver, answering, listening, webhooks_allowed

# Wake-ups are kept in the queue; each test runs the relay itself.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queue")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A consumer that says 200 until the test makes it behave otherwise."""
    with listening() as running:
        yield running


class TestDelivered:
    def test_standard_consumer_verifies_it(self, receiver: Receiver) -> None:
        """The event arrives once, signed, with its own id, and is recorded as delivered."""
        endpoint = make_endpoint(receiver.url)
        event = record(make_run(), "root_cause_completed", root_cause={"one_line_description": "Grüße"})
        assert relay.deliver_due() == 1
        assert relay.deliver_due() == 0
        (received,) = receiver.requests
        assert Webhook(SECRET).verify(received.body.decode(), received.headers) == event.body
        assert received.headers["webhook-id"] == event.public_id
        assert received.headers["webhook-attempt"] == "1"
        delivery = event.deliveries.get()
        assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("delivered", 1, None)
        attempt = delivery.tries.get()
        assert (attempt.number, attempt.response_status, attempt.response_excerpt) == (1, 200, "ok")
        endpoint.refresh_from_db()
        assert endpoint.last_success_at == delivery.delivered_at

    def test_both_secrets_sign_while_rotating(self, receiver: Receiver) -> None:
        """During the overlap a consumer that still has the old secret verifies, too; afterwards it does not."""
        new = secrets.new_webhook_secret()
        until = timezone.now() + timedelta(hours=1)
        make_endpoint(
            receiver.url,
            secret=secrets.encrypt(new),
            previous_secret=secrets.encrypt(SECRET),
            previous_secret_until=until,
        )
        run = make_run()
        record(run)
        relay.deliver_due()
        Endpoint.objects.update(previous_secret_until=timezone.now())
        record(run)
        relay.deliver_due()
        assert [len(r.headers["webhook-signature"].split()) for r in receiver.requests] == [2, 1]
        for secret in (new, SECRET):
            assert Webhook(secret).verify(receiver.requests[0].body.decode(), receiver.requests[0].headers)

    def test_sentry_consumer_verifies_it(self, receiver: Receiver) -> None:
        """Headers and envelope of Sentry's seer webhooks, signed as Sentry documents it."""
        endpoint = make_endpoint(receiver.url, format="sentry")
        run = make_run()
        event = record(run, "root_cause_completed", root_cause={"five_whys": ["ß"]})
        relay.deliver_due()
        (received,) = receiver.requests
        assert received.headers["sentry-hook-resource"] == "seer"
        assert received.headers["sentry-hook-signature"] == sentry_signature(SECRET, received.body)
        assert received.headers["request-id"] == event.public_id.removeprefix("evt_")
        assert json.loads(received.body) == {
            "action": "root_cause_completed",
            "installation": {"uuid": str(endpoint.uuid)},
            "data": {
                "run_id": run.pk,
                "sentry_run_id": str(run.uuid),
                "group_id": 3,
                "root_cause": {"five_whys": ["ß"]},
            },
            "actor": {"type": "application", "id": "autofix", "name": "Autofix"},
        }

    def test_a_run_s_events_arrive_in_order(self, receiver: Receiver) -> None:
        """While the first one fails, the later ones wait; other runs do not."""
        make_endpoint(receiver.url)
        run, other = make_run(), make_run(issue_id="4")
        for _ in range(3):
            record(run)
        record(other)
        receiver.behaviour = answering(500)
        assert relay.deliver_due() == 2
        receiver.behaviour = answering(200)
        make_due()
        relay.deliver_due()
        bodies = [json.loads(r.body) for r in receiver.requests[2:]]
        assert [b["sequence"] for b in bodies if b["run_id"] == run.pk] == [1, 2, 3]

    @pytest.mark.django_db(transaction=True)
    def test_a_batch_beyond_the_limit_wakes_the_next_one(
        self, receiver: Receiver, queue: WakeupQueue
    ) -> None:
        """What the limit left over is not left to chance."""
        make_endpoint(receiver.url)
        for issue in range(3):
            record(make_run(issue_id=f"i{issue}"))
        queue.lose()
        assert relay.deliver_due(limit=2) == 2
        assert [message.task for message in queue.messages] == [DELIVER]


class TestRetries:
    @pytest.mark.django_db(transaction=True)
    def test_retries_until_it_works(self, receiver: Receiver, queue: WakeupQueue) -> None:
        """The same id and body every time, the attempt counted up, each attempt on record, woken at the right time."""
        make_endpoint(receiver.url)
        event = record(make_run())
        receiver.behaviour = answering(500, 302, 200)
        queue.lose()
        relay.deliver_due()
        (message,) = queue.messages
        assert 4 <= message.countdown <= 6
        assert relay.deliver_due() == 0, "it is not due yet"
        for _ in range(2):
            make_due()
            relay.deliver_due()
        assert [r.headers["webhook-attempt"] for r in receiver.requests] == ["1", "2", "3"]
        assert {r.headers["webhook-id"] for r in receiver.requests} == {event.public_id}
        assert len({r.body for r in receiver.requests}) == 1
        tries = Attempt.objects.order_by("number").values_list("response_status", flat=True)
        assert list(tries) == [500, 302, 200]
        assert event.deliveries.get().status == "delivered"

    def test_the_schedule_ends(self, receiver: Receiver) -> None:
        """After the last scheduled attempt the delivery is dead and says why."""
        make_endpoint(receiver.url)
        receiver.behaviour = answering(500)
        with webhooks_allowed(receiver.port, SCHEDULE=[0, 1]):
            event = record(make_run())
            for _ in range(3):
                relay.deliver_due()
                make_due()
        delivery = event.deliveries.get()
        assert (delivery.status, delivery.attempts) == ("dead", 2)
        assert delivery.last_error == "The endpoint answered 500."
        assert len(receiver.requests) == 2

    def test_retry_after_is_clamped(self, receiver: Receiver) -> None:
        """A stranger can double the wait, not more."""
        make_endpoint(receiver.url)
        event = record(make_run())
        receiver.behaviour = answering(503, retry_after="1000000000")
        before = timezone.now()
        relay.deliver_due()
        assert timedelta(seconds=10) <= _waits_until(event) - before <= timedelta(seconds=15)

    def test_too_many_requests_waits_a_minute(self, receiver: Receiver) -> None:
        """429 is no call for the 5 s of the schedule."""
        make_endpoint(receiver.url)
        event = record(make_run())
        receiver.behaviour = answering(429)
        before = timezone.now()
        relay.deliver_due()
        assert _waits_until(event) - before >= timedelta(seconds=60)

    def test_a_crash_before_recording_sends_again(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Sent but not recorded: once the claim has run out the same id is sent again, and then recorded once."""
        make_endpoint(receiver.url)
        event = record(make_run())
        with monkeypatch.context() as patched:
            patched.setattr(recording, "record", _die)
            with pytest.raises(KeyboardInterrupt):
                relay.deliver_due()
        assert relay.deliver_due() == 0, "the claim still holds"
        make_due()
        assert relay.deliver_due() == 1
        assert [r.headers["webhook-id"] for r in receiver.requests] == [event.public_id] * 2
        assert event.deliveries.get().status == "delivered"
        assert Attempt.objects.count() == 1

    def test_a_late_relay_records_nothing(self, receiver: Receiver) -> None:
        """A relay whose claim was taken over does not overwrite what the next one found out."""
        make_endpoint(receiver.url)
        event = record(make_run())
        (late,) = Claims().take(1)
        make_due()
        relay.deliver_due()
        recording.record([(late, Answer(500, error="late"))])
        delivery = event.deliveries.get()
        assert (delivery.status, delivery.last_error, delivery.tries.count()) == ("delivered", "", 1)

    def test_two_relays_share_the_work(self, receiver: Receiver) -> None:
        """What one has claimed, the other does not see."""
        make_endpoint(receiver.url)
        record(make_run())
        assert len(Claims().take(10)) == 1
        assert Claims().take(10) == []

    @pytest.mark.django_db(transaction=True)
    def test_relays_at_once_send_everything_once(self, receiver: Receiver) -> None:
        """Four relays over the same backlog: each delivery is attempted once, and each run's events arrive in order."""
        make_endpoint(receiver.url)
        for issue in range(6):
            run = make_run(issue_id=f"i{issue}")
            for _ in range(4):
                record(run)

        def deliver(_: int) -> int:
            try:
                return relay.deliver_due()
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(deliver, range(4)))
        relay.deliver_due()  # a relay may have looked while another held the event before
        sequences: dict[int, list[int]] = {}
        for received in receiver.requests:
            body = json.loads(received.body)
            sequences.setdefault(body["run_id"], []).append(body["sequence"])
        assert list(sequences.values()) == [[1, 2, 3, 4]] * 6

    def test_an_unreadable_secret_is_a_failed_attempt(self, receiver: Receiver) -> None:
        """Neither a crash of the relay nor an unsigned message."""
        make_endpoint(receiver.url, secret="not encrypted with our keys")
        event = record(make_run())
        assert relay.deliver_due() == 1
        assert "secret cannot be read" in event.deliveries.get().last_error
        assert receiver.requests == []


class TestDisabling:
    def test_gone_disables_at_once_and_tells_the_others(self, receiver: Receiver) -> None:
        """410: the endpoint is disabled, the others of the organization hear of it, pending events are kept."""
        endpoint = make_endpoint(receiver.url)
        other = make_endpoint(receiver.url, events=["autofix.endpoint_disabled"])
        stranger = make_endpoint(receiver.url, organization_id="2")
        run = make_run()
        record(run)
        kept = record(run)
        receiver.behaviour = answering(410, 200)
        relay.deliver_due()
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "The endpoint answered 410 Gone.")
        told = WebhookEvent.objects.get(type="autofix.endpoint_disabled")
        assert [(d.endpoint, d.status) for d in told.deliveries.all()] == [(other, "delivered")]
        assert kept.deliveries.get().status == "pending"
        assert stranger.deliveries.count() == 0

    def test_five_days_without_success_disable(self, receiver: Receiver) -> None:
        """A success in between starts the five days anew."""
        endpoint = make_endpoint(receiver.url, failing_since=timezone.now() - timedelta(days=5))
        run = make_run()
        record(run)
        relay.deliver_due()
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.failing_since) == ("active", None)
        Endpoint.objects.update(failing_since=timezone.now() - timedelta(days=5))
        receiver.behaviour = answering(500)
        record(run)
        relay.deliver_due()
        endpoint.refresh_from_db()
        assert endpoint.status == EndpointStatus.DISABLED

    def test_a_late_failure_does_not_undo_a_success(self) -> None:
        """An attempt that began before the success, and hung, says nothing of the five days: they are over."""
        endpoint = make_endpoint(failing_since=timezone.now() - timedelta(days=5))
        record(make_run())
        record(make_run(issue_id="4"))
        first, late = Claims().take(2)
        recording.record([(first, Answer(200))])
        recording.record([(late, Answer(None, error="late", timed_out=True))])
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.failing_since) == ("active", None)


def _waits_until(event: WebhookEvent) -> datetime:
    due = event.deliveries.get().next_attempt_at
    assert due is not None
    return due


def _die(*_: object) -> None:
    raise KeyboardInterrupt

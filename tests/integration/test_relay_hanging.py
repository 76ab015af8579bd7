"""A consumer that hangs holds up its own deliveries, and no worker."""

from __future__ import annotations

from threading import Event

import pytest

from autofix import stopping
from autofix.delivery import relay
from autofix.testing import WakeupQueue
from autofix.wakeups import DELIVER
from tests.integration.outbox_rows import make_endpoint, make_run, record
from tests.integration.receiver import Handler, listening


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_not_wait(queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task ends while an attempt is under way; its answer is recorded all the same, and the next delivery sent."""
    monkeypatch.setattr(relay, "HANGING_S", 0)
    ended = Event()

    def answer_when_the_task_has_ended(request: Handler) -> None:
        assert ended.wait(10)
        request.answer(200)

    with listening() as receiver:
        receiver.behaviour = answer_when_the_task_has_ended
        make_endpoint(receiver.url)
        run = make_run()
        first, second = record(run), record(run)
        queue.lose()
        relay.wake_up()
        assert first.deliveries.get().status == "pending"
        ended.set()
        relay.wait_for_rest()
        assert first.deliveries.get().status == "delivered"
        queue.drain()
        relay.wait_for_rest()
        assert second.deliveries.get().status == "delivered"


@pytest.mark.django_db(transaction=True)
def test_who_has_every_slot_holds_up_nobody(queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all slots of a relay hang, another relay is woken at once, and does not wait for them."""
    monkeypatch.setattr(relay, "HANGING_S", 0)
    monkeypatch.setattr(relay, "SLOTS", 1)
    ended = Event()

    def hang_once(request: Handler) -> None:
        receiver.behaviour = lambda later: later.answer(200)
        assert ended.wait(10)
        request.answer(200)

    with listening() as receiver:
        receiver.behaviour = hang_once
        make_endpoint(receiver.url)
        hanging = record(make_run())
        other = make_endpoint(receiver.url, organization_id="2")
        waiting = record(make_run(organization_id="2"))
        queue.lose()
        relay.wake_up()
        assert waiting.deliveries.get().status == "pending"
        assert [message.task for message in queue.messages] == [DELIVER]
        queue.drain()
        assert other.deliveries.get().status == "delivered"
        assert hanging.deliveries.get().status == "pending"
        ended.set()
        relay.wait_for_rest()


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_to_stop_ends_a_long_shift(
    queue: WakeupQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is due then is left to others, who are woken; what had been begun is recorded."""
    monkeypatch.setattr(relay, "LAST_SHIFT_S", 0)

    def stop_meanwhile(request: Handler) -> None:
        stopping.stop()
        request.answer(200)

    with listening() as receiver:
        receiver.behaviour = stop_meanwhile
        make_endpoint(receiver.url)
        run = make_run()
        begun, left = record(run), record(run)
        queue.lose()
        try:
            relay.wake_up()
            relay.wait_for_rest()
        finally:
            stopping.forget()
        assert begun.deliveries.get().status == "delivered"
        assert left.deliveries.get().attempts == 0
        assert DELIVER in [message.task for message in queue.messages]
        receiver.behaviour = lambda later: later.answer(200)
        queue.drain()
        assert left.deliveries.get().status == "delivered"

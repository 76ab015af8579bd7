"""Delivers what is due: claim in a short transaction, send outside of any, record under the claim's fence.

A relay that dies between sending and recording leaves a claim that runs out; the delivery is then sent again with the same
webhook id. Hence at least once. Sending happens in threads (``senders``); a slot that gets free is filled again at once, so
an endpoint that hangs holds up nothing but the few slots that it may have. When only such attempts are left, a thread of
their own waits for them, and the worker is free.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from autofix import stopping
from autofix.delivery import recording, transport
from autofix.delivery.claims import Claimed, Claims
from autofix.delivery.composing import compose
from autofix.delivery.schedule import Answer
from autofix.delivery.senders import senders
from autofix.exceptions import Misconfigured
from autofix.failpoints import failpoint
from autofix.wakeups import DELIVER, wake

logger = logging.getLogger(__name__)

SLOTS = 128
TOGETHER = 48
"""How many answers are recorded in one transaction, while the other slots are busy."""
SHIFT_S = 60.0
"""How long a relay takes on new work before it leaves the rest to the next one: its message counts as lost after a while.

The next one may be a thread whose connection to the database is not open yet, which costs the deliveries of that moment 15 ms.
"""
LAST_SHIFT_S = 10.0
"""The same once its worker is to stop, and waits for it."""
LOOK_S = 0.25
"""How often it looks for what has become due while it waits for answers."""
HANGING_S = 1.0
"""When no answer has come for so long, a worker does not wait for those that are still to come."""
BUSY = SLOTS // 2
GATHER_S = 0.006
"""With so many in flight it goes on gathering answers to record together while the next one comes within this time."""
REST = "autofix-deliver-rest"
PAUSES_S = 0.5, 1.0, 2.0
"""Before the database is tried again. Longer outages end the relay: the sweeper wakes another one."""

Answered = tuple[Claimed, Answer]
Result = TypeVar("Result")


class Relay:
    """One pass over what is due. Only the thread that calls ``work`` touches the database."""

    def __init__(self, claims: Claims, limit: float = float("inf")) -> None:
        self.attempted = 0
        self._limit = limit
        self._claims = claims
        self._in_flight = 0
        self._news: queue.SimpleQueue[Answered | None] = queue.SimpleQueue()

    def ring(self) -> None:
        """There is something new to deliver. From any thread."""
        self._news.put(None)

    def work(self, *, patient: bool) -> bool:
        """Deliver until nothing is due and nothing in flight: False. True when the shift or the limit ended before that.

        Unless it is ``patient``, it also stops when only attempts that hang are in flight: True when they have all the slots.
        """
        began = heard = time.monotonic()
        while time.monotonic() - began < _shift_s() and self.attempted < self._limit:
            begun = self._claim()
            if not self._in_flight:
                return False
            answered = self._gather()
            if begun or answered:
                heard = time.monotonic()
            elif not patient and time.monotonic() - heard > HANGING_S:
                return self._in_flight == SLOTS
            self._record(answered)
        return True

    def finish(self) -> None:
        """Wait for what is in flight and record it."""
        while self._in_flight:
            self._record(self._gather())

    @property
    def is_done(self) -> bool:
        """Nothing is in flight."""
        return not self._in_flight

    def _claim(self) -> int:
        free = min(SLOTS - self._in_flight, self._limit - self.attempted)
        claimed = _insist(partial(self._claims.take, int(free)))
        if claimed:
            failpoint("delivery.claimed")
        for delivery in claimed:
            senders.do(partial(self._send, delivery))
        self._in_flight += len(claimed)
        self.attempted += len(claimed)
        return len(claimed)

    def _send(self, delivery: Claimed) -> None:
        try:
            answer = _attempt(delivery)
        except Exception:  # whatever it is, the delivery must not look as if it were still under way
            logger.exception("attempt broke off", extra={"delivery": delivery.pk})
            answer = Answer(None, error="The attempt broke off.")
        self._news.put((delivery, answer))

    def _gather(self) -> list[Answered]:
        """The answers that have come; empty when it is time to look for new work."""
        news: list[Answered | None] = []
        with contextlib.suppress(queue.Empty):
            news.append(self._news.get(timeout=LOOK_S))
            while len(news) < TOGETHER:
                busy = self._in_flight - len(news) >= BUSY  # else those that hang may be all that is left
                news.append(self._news.get(busy, GATHER_S))
        return [one for one in news if one is not None]

    def _record(self, answered: list[Answered]) -> None:
        if not answered:
            return
        failpoint("delivery.sent")
        _insist(partial(recording.record, answered))
        self._in_flight -= len(answered)
        failpoint("delivery.recorded")


def _shift_s() -> float:
    return LAST_SHIFT_S if stopping.is_told() else SHIFT_S


def deliver_due(limit: float = float("inf")) -> int:
    """Attempt what is due, at most ``limit`` deliveries; how many attempts were made. Never inside a transaction."""
    relay = Relay(Claims(), limit)
    if relay.work(patient=True):
        wake(DELIVER)
    relay.finish()
    return relay.attempted


class _Desk:
    """Where wake-ups arrive: the first one in a process works, the others only tell it that there is more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims = Claims()
        self._relay: Relay | None = None
        self._rung = False

    def wake_up(self) -> None:
        with self._lock:
            if self._relay is not None:
                self._rung = True
                self._relay.ring()
                return
            relay = self._relay = Relay(self._claims)
        self._work(relay)
        if relay.is_done or connection.in_atomic_block:  # as in tests: no other thread would see the rows
            relay.finish()
        else:
            threading.Thread(target=_finish_alone, args=[relay], name=REST).start()

    def _work(self, relay: Relay) -> None:
        try:
            while True:
                self._rung = False
                more = relay.work(patient=False)
                with self._lock:
                    if more or not self._rung:
                        self._relay = None
                        break
        except BaseException:
            with self._lock:
                self._relay = None
            raise
        if more:
            wake(DELIVER)


wake_up = _Desk().wake_up
"""Deliver what is due, unless this process is at it already; returns when all that was begun is recorded or hangs."""


def wait_for_rest() -> None:
    """Wait until attempts that hung are recorded, too: 15 s at most. For a process that is about to end."""
    for thread in threading.enumerate():
        if thread.name == REST:
            thread.join()


def _finish_alone(relay: Relay) -> None:
    try:
        relay.finish()
        wake(DELIVER)  # more may be due where it hung
    finally:
        connection.close()


def _insist(on: Callable[[], Result]) -> Result:
    """Do it, once more over a new connection when the database has gone away or chose us to break a deadlock.

    What a claim that failed may have committed comes due again when it runs out.
    """
    for pause_s in PAUSES_S:
        try:
            return on()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            logger.warning("database not reached, trying again", exc_info=True)
            connection.close()
            time.sleep(pause_s)
    return on()


def _attempt(delivery: Claimed) -> Answer:
    """One attempt. Runs in a thread of its own and must not touch the database."""
    try:
        request = compose(delivery, timezone.now())
    except Misconfigured:
        logger.exception("delivery cannot be signed", extra={"delivery": delivery.pk})
        return Answer(None, error="The endpoint's secret cannot be read; rotate it.")
    return transport.send(request.url, request.headers, request.body)

"""A beat beside long work: leases are extended from a thread for as long as their holders live."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from autofix import conf

logger = logging.getLogger(__name__)


MAX_SKEW = timedelta(minutes=5)
"""How far the clocks of our machines may be apart."""


def free(now: datetime) -> Q:
    """Rows whose lease nobody holds: never taken, run out, or given by a clock that has been set back since."""
    last = now + timedelta(seconds=conf.settings().lease_s) + MAX_SKEW
    return Q(lease_expires_at=None) | Q(lease_expires_at__lte=now) | Q(lease_expires_at__gt=last)


def is_free(lease_expires_at: datetime | None, now: datetime) -> bool:
    """The same for one row that was read."""
    last = now + timedelta(seconds=conf.settings().lease_s) + MAX_SKEW
    return lease_expires_at is None or not now < lease_expires_at <= last


TICK_S = 1.0
"""How late a lease that was just taken may be seen: a shorter period, as tests have it, is told to the thread."""


@dataclass(eq=False)
class _Held:
    """A lease that is held now. ``due``: when it is extended next (monotonic)."""

    extend: Callable[[], bool]
    period: float
    due: float


class _Beater:
    """One thread for all leases of this process. It starts with the first lease and waits while there is none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[_Held] = []
        self._thread: threading.Thread | None = None

    def add(self, held: _Held) -> None:
        with self._changed:
            self._held.append(held)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()
            elif held.period < TICK_S:
                self._changed.notify()

    def remove(self, held: _Held) -> None:
        with self._changed:
            if held in self._held:
                self._held.remove(held)

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                due = [held for held in self._held if held.due <= now]
                if not due:
                    soonest = min((held.due for held in self._held), default=now + TICK_S)
                    self._changed.wait(min(soonest - now, TICK_S))
                    continue
            for held in due:
                self._beat(held)

    def _beat(self, held: _Held) -> None:
        held.due = time.monotonic() + held.period
        try:
            with closing(connection):  # a thread that rests must not keep one
                if not held.extend():
                    self.remove(held)
        except Exception:  # one lease's trouble, an outage above all, must not end the others' beat
            logger.exception("a lease was not extended; trying again")


_beater = _Beater()


def _begin_anew() -> None:
    """A forked process has none of its parent's threads, and holds none of its leases."""
    global _beater  # noqa: PLW0603 - one beater a process
    _beater = _Beater()


os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def heartbeat(extend: Callable[[], bool]) -> Iterator[None]:
    """Call ``extend`` three times a lease while the body runs, until it says False: the lease is somebody else's then."""
    period = conf.settings().lease_s / 3
    held = _Held(extend, period, time.monotonic() + period)
    _beater.add(held)
    try:
        yield
    finally:
        _beater.remove(held)

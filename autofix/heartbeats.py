"""A beat beside long work: a lease is extended from a thread for as long as its holder lives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import Error, close_old_connections, connection
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


@contextmanager
def heartbeat(extend: Callable[[], bool], name: str) -> Iterator[None]:
    """Call ``extend`` three times a lease while the body runs, until it says False: the lease is somebody else's then."""
    stop = threading.Event()
    period = conf.settings().lease_s / 3
    thread = threading.Thread(target=_beat, args=(extend, period, stop), name=f"lease-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(extend: Callable[[], bool], period: float, stop: threading.Event) -> None:
    if stop.wait(period):  # the usual case: the work was short, and this thread has no connection to close
        return
    try:
        while True:
            close_old_connections()
            try:
                if not extend():
                    break
            except Error:
                logger.exception("a lease was not extended; trying again")
            if stop.wait(period):
                break
    finally:
        connection.close()

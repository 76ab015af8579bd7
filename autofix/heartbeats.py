"""A beat beside long work: a lease is extended from a thread for as long as its holder lives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import close_old_connections, connection

from autofix import conf


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
    try:
        while not stop.wait(period):
            close_old_connections()
            if not extend():
                break
    finally:
        connection.close()

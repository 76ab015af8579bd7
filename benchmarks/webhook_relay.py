"""A worker that does nothing but deliver: ``python -m benchmarks.webhook_relay``. Every line that it reads is a wake-up.

As in a worker with four threads, wake-ups run beside each other, and what the relay wakes later comes back in here.
"""

from __future__ import annotations

import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import django

THREADS = 4

if __name__ == "__main__":
    django.setup()

    from autofix import wakeups
    from autofix.delivery import relay

    gc.collect()  # As a worker's process has long since: what starting leaves costs somebody's delivery 40 ms, once.
    pool = ThreadPoolExecutor(THREADS)

    def publish(_task: str, _args: tuple[str | int, ...], countdown: float) -> None:
        """In place of the queue."""
        timer = threading.Timer(countdown, pool.submit, [relay.wake_up])
        timer.daemon = True
        timer.start()

    wakeups._publish = publish  # noqa: SLF001 - there is no queue here
    for _ in sys.stdin:
        pool.submit(relay.wake_up)

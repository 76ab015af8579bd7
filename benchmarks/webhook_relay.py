"""A relay that looks again and again, as a worker's does: ``python -m benchmarks.webhook_relay``, until it is ended."""

from __future__ import annotations

import time

import django

if __name__ == "__main__":
    django.setup()

    from autofix.delivery import relay

    while True:
        relay.deliver_due()
        time.sleep(0.01)

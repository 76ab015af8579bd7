"""Webhooks: how many a second.

python -m benchmarks.webhooks [DELIVERIES]
"""

from __future__ import annotations

import sys
import time
from statistics import median

import requests

from benchmarks import django_webhook
from benchmarks.measuring import table
from benchmarks.site import Site
from benchmarks.webhook_site import webhook_site

DELIVERIES = 2_400
ROUNDS = 5
ENDPOINTS = 64
PEER_SHARE = 16
"""It is so much slower that one in so many must do."""
BODY = b'{"text": "' + b"y" * 2_036 + b'"}'


def main(arguments: list[str]) -> int:
    """Print the table."""
    count = int(arguments[0]) if arguments else DELIVERIES
    with webhook_site() as (measured, url):
        print(throughput(measured, url, count))
    return 0


def throughput(measured: Site, url: str, count: int) -> str:
    """In turns, so that whatever else the machine does falls on all of them alike."""
    peer = django_webhook.Peer(measured)
    rounds = [
        (
            bare(url, count),
            ours(url, count),
            two_relays(url, count),
            peer.run(f"{url}/peer", count // PEER_SHARE),
        )
        for _ in range(ROUNDS)
    ]
    bare_s, ours_s, two_s, peer_s = (median(column) for column in zip(*rounds, strict=True))
    rows = [
        ["requests.Session, a bare loop", bare_s, 1.0, bare_s / peer_s],
        ["autofix, one relay", ours_s, ours_s / bare_s, ours_s / peer_s],
        ["autofix, two relay processes", two_s, two_s / bare_s, two_s / peer_s],
        [f"django-webhook, {django_webhook.CONDITIONS}", peer_s, peer_s / bare_s, 1.0],
    ]
    note = (
        f"2 KB bodies to one loopback sink; medians of {ROUNDS} rounds in turns: "
        + "; ".join(" / ".join(f"{one:,.0f}" for one in each) for each in rounds)
        + f". autofix: {count} deliveries to {ENDPOINTS} endpoints, signed, claimed, sent and recorded on PostgreSQL."
    )
    return table(
        "Webhooks delivered", ["how", "per second", "times the bare loop", "times django-webhook"], rows, note
    )


def bare(url: str, count: int) -> float:
    """POSTs per second of one session, unsigned, from memory."""
    session = requests.Session()
    began = time.perf_counter()
    for _ in range(count):
        session.post(f"{url}/bare", data=BODY, timeout=10).raise_for_status()
    return count / (time.perf_counter() - began)


def ours(url: str, count: int) -> float:
    """Deliveries per second of one relay process."""
    from autofix.models.webhooks import Delivery  # noqa: PLC0415 - Django is set up now
    from benchmarks import webhook_load  # noqa: PLC0415 - as above

    webhook_load.clear()
    webhook_load.make_due(webhook_load.make_endpoints(url, ENDPOINTS, ENDPOINTS), count)
    seconds = webhook_load.seconds_to_deliver()
    delivered = Delivery.objects.filter(status="delivered").count()
    if delivered != count:
        raise RuntimeError(f"{delivered} of {count} were delivered")
    return count / seconds


def two_relays(url: str, count: int) -> float:
    """Deliveries per second of two relay processes, as a worker with two processes has them; they run when it begins."""
    from benchmarks import webhook_load  # noqa: PLC0415 - Django is set up now

    webhook_load.clear()
    endpoints = webhook_load.make_endpoints(url, ENDPOINTS, ENDPOINTS)
    with webhook_load.relays(2) as both:
        webhook_load.make_due(endpoints, ENDPOINTS)
        both.wake()
        both.wake()
        webhook_load.wait_until_delivered()
        with webhook_load.held_back():
            webhook_load.make_due(endpoints, count)
        began = time.perf_counter()
        both.wake()
        both.wake()
        webhook_load.wait_until_delivered()
        return count / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""51 endpoints, one of which never answers: how long the deliveries to the other 50 take. Imported once Django is set up."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from statistics import median

from django.utils import timezone

from autofix.models.webhooks import Delivery, Endpoint
from benchmarks import webhook_load
from benchmarks.measuring import p50_p99, table
from demo.waiting import wait_for

OTHERS = 50
ORGANIZATIONS = 17
PER_SECOND = 50
PHASE_S = 5
ROUNDS = 7
HANGING_BACKLOG = 20


def measure(url: str) -> str:
    """With and without it in turns, at a steady load; what else the machine does falls on both."""
    rounds = []
    for number in range(ROUNDS):
        order = (False, True) if number % 2 == 0 else (True, False)
        found = {hanging: _phase(url, hanging=hanging) for hanging in order}
        rounds.append((*found[False], *found[True]))
    p50_alone, p99_alone, cpu_alone, p50_beside, p99_beside, cpu_beside = (
        median(column) for column in zip(*rounds, strict=True)
    )
    ratio = median(each[4] / each[1] for each in rounds)
    rows = [
        ["without the hanging one", p50_alone, p99_alone, 1.0, cpu_alone],
        ["beside it", p50_beside, p99_beside, ratio, cpu_beside],
    ]
    note = (
        f"{PER_SECOND} events a second to {OTHERS} endpoints of {ORGANIZATIONS} organizations, one relay process, from the "
        f"event's row to the recorded delivery; {ROUNDS} rounds of {PHASE_S} s each way. Medians of the rounds, the ratio that "
        "of the rounds' own ratios; CPU: the relay's, per delivery. p99 of each round, without / beside: "
        + ", ".join(f"{each[1]:,.0f} / {each[4]:,.0f}" for each in rounds)
        + "."
    )
    header = ["the other 50", "p50 ms", "p99 ms", "p99, times", "CPU ms"]
    return table("One of 51 endpoints hangs", header, rows, note)


def _phase(url: str, *, hanging: bool) -> tuple[float, float, float]:
    """p50, p99 and the relay's processor time per delivery, in milliseconds."""
    webhook_load.clear()
    endpoints = webhook_load.make_endpoints(url, OTHERS, ORGANIZATIONS)
    if hanging:
        _add_hanging(url)
    with webhook_load.relays(1) as relay:
        _warm_up(endpoints, relay.wake, hanging=hanging)
        first = Delivery.objects.latest("pk").pk
        before = relay.cpu_s()
        _load(endpoints, relay.wake)
        webhook_load.wait_until_delivered()
        used_ms = 1000 * (relay.cpu_s() - before)
    rows = Delivery.objects.filter(pk__gt=first).values_list("created_at", "delivered_at")
    times = [1000 * (delivered - created).total_seconds() for created, delivered in rows if delivered]
    return *p50_p99(times), used_ms / len(times)


def _add_hanging(url: str) -> None:
    (endpoint,) = webhook_load.make_endpoints(url, 1, 1)
    Endpoint.objects.filter(pk=endpoint.pk).update(url=f"{url}/hang")
    webhook_load.make_due([endpoint], HANGING_BACKLOG)


def _warm_up(endpoints: Sequence[Endpoint], wake: Callable[[], None], *, hanging: bool) -> None:
    """The relay runs, its connections are open, and the hanging endpoint has all the slots that it may have."""
    webhook_load.make_due(endpoints, 2 * OTHERS)
    wake()
    webhook_load.wait_until_delivered()
    if hanging:
        stuck = Delivery.objects.filter(endpoint__url__endswith="/hang", claimed_until__gt=timezone.now())
        wait_for(lambda: stuck.count() == 4, "it hangs")  # noqa: PLR2004 - the limit per endpoint


def _load(endpoints: Sequence[Endpoint], wake: Callable[[], None]) -> None:
    began = time.monotonic()
    turn = itertools.cycle(endpoints)
    for number in range(PHASE_S * PER_SECOND):
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        webhook_load.make_one_due(next(turn))
        wake()

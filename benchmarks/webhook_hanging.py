"""51 endpoints, one of which never answers: how long the deliveries to the other 50 take. Imported once Django is set up."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from django.utils import timezone

from autofix.models.webhooks import Delivery, Endpoint
from benchmarks import webhook_load
from benchmarks.measuring import quantile, table
from demo.waiting import wait_for

OTHERS = 50
ORGANIZATIONS = 17
PER_SECOND = 50
PHASE_S = 15
ROUNDS = 5
HANGING_BACKLOG = 20


@dataclass
class Phase:
    """How long each delivery took, and the relay's processor time for each of them, in milliseconds."""

    times: list[float]
    cpu_ms: float

    @property
    def p99(self) -> float:
        return quantile(self.times, 0.99)


def measure(url: str) -> str:
    """With and without it in turns, at a steady load; what else the machine does falls on both."""
    alone: list[Phase] = []
    beside: list[Phase] = []
    for number in range(ROUNDS):
        for hanging in (False, True) if number % 2 == 0 else (True, False):
            (beside if hanging else alone).append(_phase(url, hanging=hanging))
    pooled = pooled_p99(beside) / pooled_p99(alone)
    of_rounds = median(each.p99 / other.p99 for each, other in zip(beside, alone, strict=True))
    rows = [
        ["without the hanging one", *_row(alone), 1.0, 1.0],
        ["beside it", *_row(beside), pooled, of_rounds],
    ]
    note = (
        f"{PER_SECOND} events a second to {OTHERS} endpoints of {ORGANIZATIONS} organizations, one relay process, from the "
        f"event's row to the recorded delivery; {ROUNDS} rounds of {PHASE_S} s each way, in turns. Quantiles of all rounds "
        "together, their ratio, and the median of the rounds' own ratios; CPU: the relay's, per delivery. p99 of each round, "
        "without / beside: "
        + ", ".join(f"{other.p99:,.1f} / {each.p99:,.1f}" for each, other in zip(beside, alone, strict=True))
        + "."
    )
    header = ["the other 50", "deliveries", "p50 ms", "p90 ms", "p99 ms", "CPU ms", "p99, times", "of rounds"]
    return table("One of 51 endpoints hangs", header, rows, note)


def pooled_p99(phases: Sequence[Phase]) -> float:
    """Of all their deliveries together."""
    return quantile([one for phase in phases for one in phase.times], 0.99)


def _row(phases: Sequence[Phase]) -> list[object]:
    times = [one for phase in phases for one in phase.times]
    quantiles = [quantile(times, share) for share in (0.5, 0.9, 0.99)]
    return [f"{len(times):,}", *quantiles, median(phase.cpu_ms for phase in phases)]


def _phase(url: str, *, hanging: bool) -> Phase:
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
    return Phase(times, used_ms / len(times))


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

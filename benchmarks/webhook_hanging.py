"""51 endpoints, one of which never answers: how long the deliveries to the other 50 take. Imported once Django is set up."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from django.utils import timezone

from autofix.models.webhooks import Delivery, Endpoint
from benchmarks import webhook_load
from benchmarks.measuring import Stolen, quantile, table
from demo.waiting import wait_for

OTHERS = 50
ORGANIZATIONS = 17
PER_SECOND = 50
PHASE_S = 15
ROUNDS = 10
DRAWN = 400
"""So often rounds are drawn anew."""
HANGING_BACKLOG = 20


@dataclass
class Phase:
    """How long each delivery took and the relay's processor time for each of them, in milliseconds; what others took."""

    times: list[float]
    cpu_ms: float
    stolen: float
    """The share of this machine's processor time that its host gave to others."""

    @property
    def p99(self) -> float:
        return quantile(self.times, 0.99)


Round = tuple[Phase, Phase]
"""Without the hanging one, and beside it."""


def measure(url: str) -> str:
    """With and without it in turns, at a steady load; what else the machine does falls on both."""
    rounds = [_round(url, number) for number in range(ROUNDS)]
    quieter = sorted(rounds, key=_stolen)[: ROUNDS // 2]
    of_rounds = "; ".join(
        f"{alone.p99:,.1f} / {beside.p99:,.1f} ({_stolen((alone, beside)):.1%})" for alone, beside in rounds
    )
    note = (
        f"{PER_SECOND} events a second to {OTHERS} endpoints of {ORGANIZATIONS} organizations, one relay process, from the "
        f"event's row to the recorded delivery; {ROUNDS} rounds of {PHASE_S} s each way, in turns. Quantiles of the rounds' "
        "deliveries together, the ratio of their p99, where nine of ten such ratios lie when as many of the rounds are drawn "
        "again and again, and the median of the rounds' own ratios; CPU: the relay's, per delivery. The quieter half: the rounds "
        "in which the host of this virtual machine took least of it for others, whatever they measured. p99 of each round, "
        f"without / beside (taken for others): {of_rounds}."
    )
    quantiles = ["p50 ms", "p90 ms", "p99 ms"]
    header = ["the other 50", "deliveries", *quantiles, "CPU ms", "p99, times", "nine of ten", "of rounds"]
    rows = [*_rows("all rounds", rounds), *_rows("quieter half", quieter)]
    return table("One of 51 endpoints hangs", header, rows, note)


def _rows(which: str, rounds: Sequence[Round]) -> list[list[object]]:
    alone, beside = ([each[side] for each in rounds] for side in (0, 1))
    of_rounds = median(after.p99 / before.p99 for before, after in rounds)
    low, high = _nine_of_ten(rounds)
    return [
        [f"{which}, without the hanging one", *_row(alone), 1.0, "", 1.0],
        [f"{which}, beside it", *_row(beside), _ratio(rounds), f"{low:.2f}-{high:.2f}", of_rounds],
    ]


def _row(phases: Sequence[Phase]) -> list[object]:
    times = _times(phases)
    quantiles = [quantile(times, share) for share in (0.5, 0.9, 0.99)]
    return [f"{len(times):,}", *quantiles, median(phase.cpu_ms for phase in phases)]


def _ratio(rounds: Sequence[Round]) -> float:
    """How many times the p99 without it the p99 beside it is, of all deliveries together."""
    alone, beside = (quantile(_times([each[side] for each in rounds]), 0.99) for side in (0, 1))
    return beside / alone


def _nine_of_ten(rounds: Sequence[Round]) -> tuple[float, float]:
    """Between which values the ratio lies in nine of ten sets of as many rounds, drawn from these with replacement."""
    chance = random.Random(0)  # noqa: S311 - not cryptography
    ratios = [_ratio(chance.choices(rounds, k=len(rounds))) for _ in range(DRAWN)]
    return quantile(ratios, 0.05), quantile(ratios, 0.95)


def _times(phases: Sequence[Phase]) -> list[float]:
    return [one for phase in phases for one in phase.times]


def _stolen(both: Round) -> float:
    return sum(phase.stolen for phase in both) / len(both)


def _round(url: str, number: int) -> Round:
    if number % 2 == 0:
        alone, beside = _phase(url, hanging=False), _phase(url, hanging=True)
    else:
        beside, alone = _phase(url, hanging=True), _phase(url, hanging=False)
    return alone, beside


def _phase(url: str, *, hanging: bool) -> Phase:
    webhook_load.clear()
    endpoints = webhook_load.make_endpoints(url, OTHERS, ORGANIZATIONS)
    if hanging:
        _add_hanging(url)
    with webhook_load.relays(1) as relay:
        _warm_up(endpoints, relay.wake, hanging=hanging)
        first = Delivery.objects.latest("pk").pk
        before, others = relay.cpu_s(), Stolen()
        _load(endpoints, relay.wake)
        stolen = others.share()
        webhook_load.wait_until_delivered()
        used_ms = 1000 * (relay.cpu_s() - before)
    rows = Delivery.objects.filter(pk__gt=first).values_list("created_at", "delivered_at")
    times = [1000 * (delivered - created).total_seconds() for created, delivered in rows if delivered]
    return Phase(times, used_ms / len(times), stolen)


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

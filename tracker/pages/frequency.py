"""Events over time as a small picture: one bar an hour of the last day, or a day of the last month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from tracker.models import Issue

HEIGHT: Final = 40
WIDTH: Final = 8
HOURS: Final = 24
DAYS: Final = 30
MOST_EVENTS: Final = 20_000


@dataclass(frozen=True)
class Bar:
    """A bar of the picture, in its units; ``label`` says when and how many."""

    x: int
    y: int
    height: int
    label: str


@dataclass(frozen=True)
class Frequency:
    """The picture. ``words``: the same for who does not see it."""

    title: str
    words: str
    bars: list[Bar]
    width: int
    height: int = HEIGHT


def frequency(issue: Issue) -> Frequency:
    """By the hour for an issue that began within a day, else by the day."""
    now = timezone.now()
    young = now - issue.first_seen < timedelta(hours=HOURS)
    step, count = (timedelta(hours=1), HOURS) if young else (timedelta(days=1), DAYS)
    moments = issue.events.filter(received__gt=now - step * count).order_by("-pk")
    return picture(list(moments.values_list("received", flat=True)[:MOST_EVENTS]), now, step, count)


def picture(moments: Sequence[datetime], now: datetime, step: timedelta, count: int) -> Frequency:
    """``count`` bars of ``step`` each, the last one ending now."""
    binned = Counter(int((now - moment) / step) for moment in moments)
    most = max(binned.values(), default=0)
    bars = []
    for index in range(count):
        age = count - 1 - index
        number = binned[age]
        height = max(round(number / most * HEIGHT), 2) if number else 1
        when = now - step * (age + 1)
        label = f"{when:%d %b %H:%M}: {number}" if step < timedelta(days=1) else f"{when:%d %b}: {number}"
        bars.append(Bar(index * WIDTH, HEIGHT - height, height, label))
    span, unit = ("24 hours", "an hour") if step < timedelta(days=1) else (f"{count} days", "a day")
    words = f"{sum(binned.values())} events in the last {span}, at most {most} in {unit}"
    return Frequency(f"Events of the last {span}", words, bars, count * WIDTH)

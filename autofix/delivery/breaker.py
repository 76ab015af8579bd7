"""When an endpoint's breaker opens: plain Python. The numbers are those of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

OPEN_FOR = timedelta(seconds=60)
WINDOW_S = 300
SLICE_S = 15
"""The window is kept in slices of this length, so it reaches back for 5 min to 5 min 15 s."""
LEAST = 10
SHARE = 0.7

Recent = list[list[int]]
"""``[[start, delivered, failed], …]``, oldest first; ``start`` in seconds since 1970."""


def noted(recent: Sequence[Sequence[int]], now: float, *, delivered: int, failed: int) -> Recent:
    """The window with these attempts added, and without what is too old, or of a clock that was put back since."""
    start = int(now) // SLICE_S * SLICE_S
    kept = [list(part) for part in recent if start - WINDOW_S <= part[0] <= start]
    if not kept or kept[-1][0] != start:
        kept.append([start, 0, 0])
    kept[-1][1] += delivered
    kept[-1][2] += failed
    return kept


def trips(recent: Sequence[Sequence[int]]) -> bool:
    """Whether at least 70 % of at least 10 attempts failed."""
    failed = sum(part[2] for part in recent)
    attempts = failed + sum(part[1] for part in recent)
    return attempts >= LEAST and failed >= SHARE * attempts

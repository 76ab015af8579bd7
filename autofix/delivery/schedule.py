"""When a delivery is tried again: plain Python, no clock and no chance of its own.

The numbers are those of the contract; Retry-After is RFC 9110, section 10.2.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

JITTER = 0.2
RETRY_AFTER_MOST = 2
PATIENCE_S = 60.0
"""The least wait after an answer that says that the other side is overloaded or out of reach."""
GONE = 410
OVERLOADED = frozenset({429, 502, 504})


class Outcome(Enum):
    """What becomes of a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    GONE = "gone"


@dataclass(frozen=True)
class Answer:
    """What came of one attempt. ``status`` None: no answer came, ``error`` says why. Times in the unit that they name."""

    status: int | None
    latency_ms: int = 0
    excerpt: str = ""
    retry_after: str | None = None
    error: str = ""
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        """A complete answer of the 2xx class."""
        return self.status is not None and is_success(self.status) and not self.error

    @property
    def result(self) -> str:
        """A word for it: ``delivered``, ``rejected`` by the endpoint, ``timed_out``, or ``failed`` without an answer."""
        if self.succeeded:
            return "delivered"
        if self.status is not None:
            return "rejected"
        return "timed_out" if self.timed_out else "failed"


@dataclass(frozen=True)
class Verdict:
    """The outcome, and how many seconds to wait when it is RETRY."""

    outcome: Outcome
    wait_s: float = 0.0


def judge(answer: Answer, *, tried: int, waits: Sequence[float], chance: float, now: datetime) -> Verdict:
    """The verdict after the ``tried``-th attempt (from 1) of a schedule with ``waits[n]`` seconds before attempt n + 1.

    ``chance`` is between 0 and 1; it spreads the wait over ±20 %.
    """
    if answer.succeeded:
        return Verdict(Outcome.DELIVERED)
    if answer.status == GONE:
        return Verdict(Outcome.GONE)
    if tried >= len(waits):
        return Verdict(Outcome.DEAD)
    return Verdict(Outcome.RETRY, _wait(answer, waits[tried], chance, now))


def is_success(status: int) -> bool:
    """Only the 2xx class is success; a redirect is not."""
    return status // 100 == 2  # noqa: PLR2004 - the class is the first digit


def jittered(wait_s: float, chance: float) -> float:
    """The wait, moved by at most 20 % either way; ``chance`` between 0 and 1."""
    return wait_s * (1 - JITTER + 2 * JITTER * chance)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, None when it says nothing that can be understood."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Longer numbers than this are longer than any wait of ours, and int() would refuse thousands of digits.
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _wait(answer: Answer, scheduled: float, chance: float, now: datetime) -> float:
    asked = retry_after_s(answer.retry_after, now)
    longest = RETRY_AFTER_MOST * scheduled
    wait = jittered(scheduled, chance) if asked is None else min(max(asked, scheduled), longest)
    overloaded = answer.timed_out or answer.status in OVERLOADED
    return max(wait, PATIENCE_S) if overloaded else wait

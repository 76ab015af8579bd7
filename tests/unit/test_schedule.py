"""When a delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofix.conf import WebhookSettings
from autofix.delivery.schedule import Answer, Outcome, judge, retry_after_s

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
WAITS = WebhookSettings().schedule
CHANCES = st.floats(0, 1)
TRIED = st.integers(1, len(WAITS) - 1)
FAILURES = st.integers(100, 599).filter(lambda status: status // 100 != 2 and status != 410)


def test_the_default_schedule_is_the_published_one() -> None:
    """0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
    hour = 3600
    assert (0, 5, 300, 1800, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour) == WAITS


@given(st.integers(200, 299), st.integers(1, 50), CHANCES)
def test_every_2xx_is_success(status: int, tried: int, chance: float) -> None:
    """At any point of the schedule."""
    verdict = judge(Answer(status), tried=tried, waits=WAITS, chance=chance, now=NOW)
    assert verdict.outcome is Outcome.DELIVERED


def test_a_broken_off_2xx_is_no_success() -> None:
    """A status without a complete answer is tried again."""
    verdict = judge(Answer(200, error="cut off"), tried=1, waits=WAITS, chance=0, now=NOW)
    assert verdict.outcome is Outcome.RETRY


@given(FAILURES.filter(lambda status: status not in (429, 502, 504)), TRIED, CHANCES)
def test_waits_stay_within_a_fifth_of_the_schedule(status: int, tried: int, chance: float) -> None:
    """Redirects, client errors and server errors alike are tried again after the scheduled wait, ±20 %."""
    verdict = judge(Answer(status), tried=tried, waits=WAITS, chance=chance, now=NOW)
    assert verdict.outcome is Outcome.RETRY
    assert WAITS[tried] * 0.799 <= verdict.wait_s <= WAITS[tried] * 1.201


@given(st.one_of(FAILURES, st.none()), CHANCES)
def test_the_schedule_ends(status: int | None, chance: float) -> None:
    """After its last attempt a delivery is dead."""
    verdict = judge(Answer(status, error="x"), tried=len(WAITS), waits=WAITS, chance=chance, now=NOW)
    assert verdict.outcome is Outcome.DEAD


@given(st.integers(1, 50), CHANCES)
def test_gone_is_gone(tried: int, chance: float) -> None:
    """410 says that the endpoint wants nothing more, whenever it says so."""
    assert judge(Answer(410), tried=tried, waits=WAITS, chance=chance, now=NOW).outcome is Outcome.GONE


@pytest.mark.parametrize(
    "answer",
    [Answer(429), Answer(502), Answer(504), Answer(None, timed_out=True), Answer(429, retry_after="1")],
    ids=str,
)
def test_the_overloaded_get_a_minute(answer: Answer) -> None:
    """Where the schedule would wait 5 s, these wait 60."""
    assert judge(answer, tried=1, waits=WAITS, chance=0.5, now=NOW).wait_s == 60


@given(st.one_of(st.integers().map(str), st.text(), st.just("9" * 5000)), TRIED, CHANCES)
def test_retry_after_stays_within_one_and_two_waits(asked: str, tried: int, chance: float) -> None:
    """Whatever a stranger asks for: never less than the schedule (with its jitter), never more than twice."""
    verdict = judge(Answer(503, retry_after=asked), tried=tried, waits=WAITS, chance=chance, now=NOW)
    assert WAITS[tried] * 0.799 <= verdict.wait_s <= WAITS[tried] * 2


@pytest.mark.parametrize(
    ("asked", "wait"),
    [("1000000000", 600), ("0", 300), ("400", 400), (format_datetime(NOW + timedelta(seconds=450)), 450)],
)
def test_retry_after_is_honoured_within_its_bounds(asked: str, wait: float) -> None:
    """Before the third attempt the schedule waits 300 s."""
    assert judge(Answer(503, retry_after=asked), tried=2, waits=WAITS, chance=0.9, now=NOW).wait_s == wait


@pytest.mark.parametrize(
    "nonsense", [None, "", "soon", "-1", "1e9", "²", "Mon, 99 Foo 2026", "Sun, 22 Nov 99999 1:1:1 GMT"]
)
def test_nonsense_asks_for_nothing(nonsense: str | None) -> None:
    """A Retry-After that cannot be understood is as good as none."""
    assert retry_after_s(nonsense, NOW) is None

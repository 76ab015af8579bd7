"""When the breaker opens, and how much an endpoint may get at once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofix.delivery import breaker
from autofix.delivery.claims import PER_ENDPOINT, PER_ORGANIZATION, shares
from autofix.models.webhooks import Endpoint

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("delivered", "failed", "opens"),
    [
        (0, 9, False),
        (0, 10, True),
        (3, 7, True),
        (4, 7, False),
        (30, 70, True),
        (31, 69, False),
        (10, 0, False),
    ],
)
def test_seventy_percent_of_at_least_ten(delivered: int, failed: int, opens: bool) -> None:
    """Neither few attempts nor a mixed picture open it."""
    assert breaker.trips(breaker.noted([], NOW, delivered=delivered, failed=failed)) is opens


def test_the_window_moves() -> None:
    """What is older than five minutes does not count any more."""
    recent = breaker.noted([], NOW, delivered=0, failed=9)
    assert breaker.trips(breaker.noted(recent, NOW + 290, delivered=0, failed=1))
    assert not breaker.trips(breaker.noted(recent, NOW + 330, delivered=0, failed=1))


def test_a_clock_that_was_put_back_leaves_no_future() -> None:
    """Attempts of a time to come are forgotten instead of counting for as long as the clock was put back."""
    recent = breaker.noted([], NOW + 3600, delivered=0, failed=50)
    assert not breaker.trips(breaker.noted(recent, NOW, delivered=0, failed=1))


ENDPOINTS = st.lists(
    st.builds(
        Endpoint,
        pk=st.integers(1, 30),
        organization_id=st.sampled_from(["1", "2", "3"]),
        status=st.sampled_from(["active", "open"]),
    ),
    unique_by=lambda one: one.pk,
)


@given(ENDPOINTS, st.dictionaries(st.integers(1, 30), st.integers(0, 4)), st.integers(0, 64))
def test_nobody_gets_more_than_may_be(turn: list[Endpoint], busy: dict[int, int], limit: int) -> None:
    """Whoever waits and whatever is in flight: 4 per endpoint, 16 per organization, one probe, ``limit`` in all."""
    organizations = {one.pk: one.organization_id for one in turn}
    in_flight = Counter({organizations.get(pk, "1"): 0 for pk in busy})
    for pk, count in busy.items():
        in_flight[organizations.get(pk, "1")] += count
    given_ = shares(turn, busy, in_flight, limit)
    assert sum(given_.values()) <= limit
    for one in turn:
        most = PER_ENDPOINT if one.status == "active" else 1
        assert given_.get(one.pk, 0) + busy.get(one.pk, 0) <= max(most, busy.get(one.pk, 0))
    for organization in set(organizations.values()):
        new = sum(count for pk, count in given_.items() if organizations[pk] == organization)
        assert new + in_flight[organization] <= max(PER_ORGANIZATION, in_flight[organization])


def test_everybody_gets_one_before_anybody_gets_two() -> None:
    """A hundred deliveries of one endpoint do not come before the one of another."""
    turn = [Endpoint(pk=pk, organization_id=str(pk), status="active") for pk in range(1, 6)]
    assert shares(turn, {}, {}, 5) == dict.fromkeys(range(1, 6), 1)
    assert shares(turn, {}, {}, 7) == {1: 2, 2: 2, 3: 1, 4: 1, 5: 1}

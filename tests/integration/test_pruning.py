"""What requests leave behind is thrown away when it counts no longer, a little at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from autofix import idempotency, throttles
from autofix.models import IdempotencyRecord, ThrottleWindow
from autofix.tasks import sweep

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def make_answers(count: int, age: timedelta) -> None:
    """Answers to requests of so long ago."""
    for number in range(count):
        made = IdempotencyRecord.objects.create(
            organization_id="1", key=f"{age}-{number}", request_hash="h", locked_until=NOW
        )
        IdempotencyRecord.objects.filter(pk=made.pk).update(created_at=NOW - age)


def make_windows(count: int, age: timedelta) -> None:
    """Callers that were last let through so long ago."""
    for number in range(count):
        ThrottleWindow.objects.create(key=f"{age}-{number}", hits=[])
    ThrottleWindow.objects.filter(key__startswith=str(age)).update(updated_at=NOW - age)


def test_what_counts_stays() -> None:
    """A day's answers and the callers of the last hours are kept by a sweep; older ones go."""
    for age in (timedelta(hours=1), timedelta(hours=23), timedelta(hours=25)):
        make_answers(1, age)
        make_windows(1, age)
    sweep()
    assert sorted(IdempotencyRecord.objects.values_list("key", flat=True)) == ["1:00:00-0", "23:00:00-0"]
    assert list(ThrottleWindow.objects.values_list("key", flat=True)) == ["1:00:00-0"]


def test_a_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is old, one sweep deletes so many rows and leaves the rest to the next one."""
    monkeypatch.setattr(idempotency, "PRUNED", 2)
    monkeypatch.setattr(throttles, "PRUNED", 2)
    make_answers(3, timedelta(days=2))
    make_windows(3, timedelta(days=2))
    assert [idempotency.prune(NOW), throttles.prune(NOW)] == [2, 2]
    assert [idempotency.prune(NOW), throttles.prune(NOW)] == [1, 1]

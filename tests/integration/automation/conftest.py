"""An issue of the reference tracker, what its project wants, and the queue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from autofix.models import ProjectPreference
from autofix.testing import WakeupQueue, wakeup_queue
from tests.integration.automation.cases import Prefer
from tracker import models as tracker


@pytest.fixture
def queue() -> Iterator[WakeupQueue]:
    """The wake-ups of this test."""
    with wakeup_queue() as messages:
        yield messages


@pytest.fixture
def issue() -> tracker.Issue:
    """A new issue whose event is not stored yet."""
    acme = tracker.Organization.objects.create(slug="acme", name="Acme")
    shop = tracker.Project.objects.create(organization=acme, slug="shop", name="Shop")
    now = timezone.now()
    return tracker.Issue.objects.create(
        project=shop, number=1, grouping_hash="g", title="KeyError: 'tea'", first_seen=now, last_seen=now
    )


@pytest.fixture
def prefer(issue: tracker.Issue) -> Prefer:
    """Sets what the project wants; by default everything."""

    def wants(tuning: str = "always", stopping_point: str = "open_pr") -> ProjectPreference:
        return ProjectPreference.objects.create(
            organization_id=str(issue.project.organization_id),
            project_id=str(issue.project_id),
            tuning=tuning,
            stopping_point=stopping_point,
        )

    return wants

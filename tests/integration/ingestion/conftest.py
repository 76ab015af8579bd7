"""A tenant to report to, and nobody who reacts."""

from __future__ import annotations

import pytest

from tests.integration.tenants import Tenant, make_tenant
from tracker.signals import new_issue


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """New issues start nothing here."""
    monkeypatch.setattr(new_issue, "receivers", [])
    new_issue.sender_receivers_cache.clear()


@pytest.fixture
def tenant() -> Tenant:
    """A tenant."""
    return make_tenant()

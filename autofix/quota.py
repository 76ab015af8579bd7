"""The monthly quota of runs, counted by one conditional update, so that it is exact under concurrency."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone

from autofix import conf, rows
from autofix.exceptions import QuotaSpent
from autofix.models import OrganizationSettings, QuotaUsage


def limit_of(organization_id: str) -> int | None:
    """Runs that the organization may start in a month; None: any number."""
    own = rows.find(OrganizationSettings, organization_id=organization_id)
    if own is not None and own.quota_runs_per_month is not None:
        return own.quota_runs_per_month
    return conf.settings().quota_runs_per_month


def used_by(organization_id: str) -> int:
    """Runs that the organization started in this month (UTC)."""
    row = QuotaUsage.objects.filter(organization_id=organization_id, month=_month()).first()
    return row.used if row else 0


def count_run(organization_id: str) -> None:
    """Count one run in the caller's transaction; QuotaSpent when the month's runs are used up."""
    limit = limit_of(organization_id)
    month = {"organization_id": organization_id, "month": _month()}
    usage = QuotaUsage.objects.filter(**month)
    if limit is not None:
        usage = usage.filter(used__lt=limit)
    if usage.update(used=F("used") + 1):
        return
    rows.insert(QuotaUsage(**month), unless_known_by=("organization_id", "month"))  # the month's first run
    if not usage.update(used=F("used") + 1):
        raise QuotaSpent(f"This month's {limit} runs of the organization are used up.")


def _month() -> str:
    return timezone.now().strftime("%Y-%m")

"""The monthly quota of runs, counted by one conditional update, so that it is exact under concurrency."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone

from autofix import conf
from autofix.exceptions import QuotaSpent
from autofix.models import OrganizationSettings, QuotaUsage


def limit_of(organization_id: str) -> int | None:
    """Runs that the organization may start in a month; None: any number."""
    own = OrganizationSettings.objects.filter(organization_id=organization_id).first()
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
    QuotaUsage.objects.get_or_create(organization_id=organization_id, month=_month())
    usage = QuotaUsage.objects.filter(organization_id=organization_id, month=_month())
    if limit is not None:
        usage = usage.filter(used__lt=limit)
    if not usage.update(used=F("used") + 1):
        raise QuotaSpent(f"This month's {limit} runs of the organization are used up.")


def _month() -> str:
    return timezone.now().strftime("%Y-%m")

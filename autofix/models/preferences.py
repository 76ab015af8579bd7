"""What an organization and a project want: automation, stopping point, repositories, quota."""

from __future__ import annotations

from django.db import models

from autofix.steps import SIDE_STEPS, StoppingPoint


def all_side_steps() -> list[str]:
    """The side steps that a project wants unless it says otherwise."""
    return [step.value for step in SIDE_STEPS]


class Tuning(models.TextChoices):
    """How readily automation starts runs, from never to always."""

    OFF = "off"
    SUPER_LOW = "super_low"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    ALWAYS = "always"


class OrganizationSettings(models.Model):
    """Switches of one organization; a missing row means the defaults. ``quota_runs_per_month`` None: the operator's."""

    organization_id = models.CharField(max_length=64, unique=True)
    ai_enabled = models.BooleanField(default=True)
    coding_enabled = models.BooleanField(default=True)
    quota_runs_per_month = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"settings of organization {self.organization_id}"


class QuotaUsage(models.Model):
    """Runs that an organization started in one month (``2026-11``, UTC); counted up by one conditional update."""

    organization_id = models.CharField(max_length=64)
    month = models.CharField(max_length=7)
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "month"], name="autofix_one_quota_row_per_month"
            )
        ]

    def __str__(self) -> str:
        return f"{self.used} runs of organization {self.organization_id} in {self.month}"


class ProjectPreference(models.Model):
    """How far automation may go in one project. ``handoff``: ``{"provider": …}`` or None."""

    organization_id = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64)
    tuning = models.CharField(max_length=16, choices=Tuning, default=Tuning.OFF)
    stopping_point = models.CharField(
        max_length=32,
        choices=[(p.value, p.value) for p in StoppingPoint],
        default=StoppingPoint.CODE_CHANGES.value,
    )
    side_steps = models.JSONField(default=all_side_steps)
    handoff = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "project_id"], name="autofix_one_preference_per_project"
            )
        ]

    def __str__(self) -> str:
        return f"preferences of project {self.project_id}"


class Repository(models.Model):
    """A repository mapped to a project; frames' paths under ``stack_root`` lie under ``source_root`` in it.

    ``approved``: the operator named it (a command, the admin), so that it may be a path on this machine; never set by the
    API.
    """

    organization_id = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    provider = models.CharField(max_length=32)
    url = models.TextField()
    branch = models.CharField(max_length=255, blank=True)
    stack_root = models.CharField(max_length=1024, blank=True)
    source_root = models.CharField(max_length=1024, blank=True)
    position = models.PositiveIntegerField(default=0)
    approved = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "project_id", "name"], name="autofix_one_row_per_repository"
            )
        ]
        ordering = ["position", "id"]
        verbose_name_plural = "repositories"

    def __str__(self) -> str:
        return self.name

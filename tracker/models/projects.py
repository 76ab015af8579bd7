"""Projects, the keys with which SDKs report to them, and how much they may report."""

from __future__ import annotations

import secrets

from django.db import models

from tracker.models.organizations import Organization, slug_validator


def new_public_key() -> str:
    """A key for a DSN: 32 hex digits. It is no secret: it is shipped with programs."""
    return secrets.token_hex(16)


class Project(models.Model):
    """A program that reports its errors. ``issue_count`` numbers its issues: SHOP-1, SHOP-2, …"""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="projects")
    slug = models.CharField(max_length=50, validators=[slug_validator])
    name = models.CharField(max_length=100)
    created = models.DateTimeField(auto_now_add=True)
    issue_count = models.PositiveIntegerField(default=0, editable=False)
    requests_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many requests its SDKs may send per minute; empty: the operator's default.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "slug"], name="tracker_one_project_per_slug")
        ]

    def __str__(self) -> str:
        return f"{self.organization}/{self.slug}"

    @property
    def short_id_prefix(self) -> str:
        """What the short ids of its issues begin with."""
        return self.slug.upper()


class ProjectKey(models.Model):
    """The public key of a DSN."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="keys")
    public_key = models.CharField(max_length=32, unique=True, default=new_public_key)
    is_active = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"key of {self.project}"

    def dsn(self, base_url: str) -> str:
        """The DSN for SDKs; ``base_url`` is where the tracker is reached, e.g. ``https://tracker.example.com``."""
        scheme, _, rest = base_url.rstrip("/").partition("://")
        return f"{scheme}://{self.public_key}@{rest}/{self.project_id}"


class IngestionWindow(models.Model):
    """How many requests a project's SDKs sent in one minute (minutes since 1970)."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="ingestion_window")
    minute = models.PositiveBigIntegerField()
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.count} requests to {self.project}"

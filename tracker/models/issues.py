"""Issues, the events that they group, and their time line."""

from __future__ import annotations

from typing import Any

from django.db import models

from tracker.models.projects import Project


class IssueStatus(models.TextChoices):
    """Where an issue stands, in the words of Sentry's API."""

    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class Issue(models.Model):
    """Events with one cause, as far as their grouping tells."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="issues")
    number = models.PositiveIntegerField()
    grouping_hash = models.CharField(max_length=64)
    title = models.CharField(max_length=255)
    culprit = models.CharField(max_length=255, blank=True)
    level = models.CharField(max_length=16, default="error")
    platform = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=16, choices=IssueStatus, default=IssueStatus.UNRESOLVED)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    times_seen = models.PositiveIntegerField(default=0)
    users_seen = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="tracker_one_issue_per_number"),
            models.UniqueConstraint(fields=["project", "grouping_hash"], name="tracker_one_issue_per_group"),
        ]
        indexes = [models.Index(fields=["project", "status", "-last_seen"], name="tracker_issue_list")]

    def __str__(self) -> str:
        return f"{self.short_id}: {self.title}"

    def get_absolute_url(self) -> str:
        """The issue's page."""
        return f"/organizations/{self.project.organization.slug}/issues/{self.short_id}/"

    @property
    def short_id(self) -> str:
        """What people call it, e.g. ``SHOP-1``."""
        return f"{self.project.short_id_prefix}-{self.number}"


class Event(models.Model):
    """One occurrence as the SDK sent it. ``payload`` is untouched but for what no database can store."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="events")
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=32)
    timestamp = models.DateTimeField()
    received = models.DateTimeField()
    payload: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "event_id"], name="tracker_one_event_per_id")
        ]
        indexes = [models.Index(fields=["issue", "-received", "-id"], name="tracker_newest_events")]

    def __str__(self) -> str:
        return self.event_id


class EventTag(models.Model):
    """One tag of one event; ``issue`` is repeated here so that a distribution is one indexed count."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="tags")
    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="event_tags")
    key = models.CharField(max_length=200)
    value = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "key"], name="tracker_one_tag_per_key")]
        indexes = [models.Index(fields=["issue", "key", "value"], name="tracker_tag_distribution")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class IssueUser(models.Model):
    """A user of the reporting program whom an issue hit; ``digest`` stands for who it was."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="affected_users")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issue", "digest"], name="tracker_one_row_per_affected_user")
        ]

    def __str__(self) -> str:
        return f"a user hit by issue {self.issue_id}"


class Activity(models.Model):
    """A note on an issue's time line."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="activities")
    text = models.TextField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "activities"

    def __str__(self) -> str:
        return self.text

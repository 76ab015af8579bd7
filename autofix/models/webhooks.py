"""The outbox: endpoints want events, an event becomes one delivery per endpoint, a delivery has attempts."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from autofix.models.runs import Run


class EndpointFormat(models.TextChoices):
    """Standard Webhooks, or what a consumer of Sentry's seer webhooks expects."""

    STANDARD = "standard"
    SENTRY = "sentry"


class EndpointStatus(models.TextChoices):
    """``open``: its circuit breaker is open for a while."""

    ACTIVE = "active"
    OPEN = "open"
    DISABLED = "disabled"


class DeliveryStatus(models.TextChoices):
    """``dead``: the schedule is used up or the endpoint is gone."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


def all_events() -> list[str]:
    """The filter of an endpoint that wants everything."""
    return ["*"]


class Endpoint(models.Model):
    """Who wants webhooks. Secrets are encrypted; the previous one signs along until ``previous_secret_until``.

    ``ordered``: of one run's events it gets the next only after the one before. ``open_until``: status ``open`` ends with
    a probe that may not begin before.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization_id = models.CharField(max_length=64)
    url = models.TextField()
    events = models.JSONField(default=all_events)
    format = models.CharField(max_length=16, choices=EndpointFormat, default=EndpointFormat.STANDARD)
    status = models.CharField(max_length=16, choices=EndpointStatus, default=EndpointStatus.ACTIVE)
    disabled_reason = models.TextField(blank=True)
    ordered = models.BooleanField(default=True)
    open_until = models.DateTimeField(null=True)
    secret = models.TextField()
    previous_secret = models.TextField(blank=True)
    previous_secret_until = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["organization_id", "status"])]

    def __str__(self) -> str:
        return f"endpoint {self.pk}"


class EndpointRecord(models.Model):
    """What the attempts at an endpoint came to; apart from the endpoint, whose row then changes only when its state does.

    ``recent``: ``[[start, delivered, failed], …]`` per quarter of a minute (seconds since 1970) of the last five minutes.
    ``totals``: per result how many attempts there ever were, how many milliseconds they took, and how they spread.
    """

    endpoint = models.OneToOneField(
        Endpoint, primary_key=True, on_delete=models.CASCADE, related_name="record"
    )
    recent = models.JSONField(default=list)
    totals = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"record of endpoint {self.endpoint_id}"


class WebhookEvent(models.Model):
    """Something that happened, recorded in the transaction in which it happened.

    ``key`` names the happening, so that it cannot be recorded twice. ``body`` is the payload of format ``standard``;
    ``sequence`` counts a run's events from 1 without gaps, None for events that are no run's.
    """

    public_id = models.CharField(max_length=64)
    organization_id = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    type = models.CharField(max_length=64)
    # No index of its own: the unique one below begins with it.
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="events", db_index=False)
    sequence = models.PositiveIntegerField(null=True)
    body = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # Not ``unique``: that makes a second index for LIKE.
            models.UniqueConstraint(fields=["public_id"], name="autofix_one_event_per_public_id"),
            models.UniqueConstraint(fields=["organization_id", "key"], name="autofix_one_event_per_key"),
            models.UniqueConstraint(
                fields=["run", "sequence"], condition=Q(run__isnull=False), name="autofix_event_sequence"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"


class Delivery(models.Model):
    """One event for one endpoint, at most once claimed at a time; ``fence`` counts the claims.

    ``next_attempt_at`` says when it is due: None while it waits behind an earlier event of its run, the end of the claim
    while it is claimed. ``scheduled_at`` is when that was decided. ``run`` and ``sequence`` are the event's.
    """

    # Each foreign key here leads an index of several columns already.
    event = models.ForeignKey(
        WebhookEvent, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    status = models.CharField(max_length=16, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    # Deleted with its event, like which it names the run; without a constraint, writing it locks no run.
    run = models.ForeignKey(
        Run, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    sequence = models.PositiveIntegerField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    scheduled_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="autofix_one_delivery_per_endpoint")
        ]
        indexes = [
            # Of each endpoint what is due first: the relay walks from endpoint to endpoint.
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"],
                condition=Q(status="pending"),
                name="autofix_due_per_endpoint",
            ),
            models.Index(
                fields=["endpoint", "run", "sequence"],
                condition=Q(status="pending", run__isnull=False),
                name="autofix_delivery_lanes",
            ),
            models.Index(
                fields=["claimed_until"],
                condition=Q(claimed_until__isnull=False),
                name="autofix_claimed_deliveries",
            ),
            models.Index(
                fields=["scheduled_at"], condition=Q(status="pending"), name="autofix_scheduled_deliveries"
            ),
            models.Index(fields=["endpoint", "-id"]),
        ]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Attempt(models.Model):
    """One HTTP try. ``response_status`` None: no answer came; ``response_excerpt``: at most the first 4 KiB."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries", db_index=False)
    number = models.PositiveIntegerField()
    response_status = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.PositiveIntegerField()
    response_excerpt = models.TextField(blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="autofix_attempt_number")]

    def __str__(self) -> str:
        return f"attempt {self.number} of delivery {self.delivery_id}"

"""The outbox: endpoints want events, an event becomes one delivery per endpoint, a delivery has attempts."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

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
    """Who wants webhooks. Secrets are encrypted; the previous one signs along until ``previous_secret_until``."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization_id = models.CharField(max_length=64)
    url = models.TextField()
    events = models.JSONField(default=all_events)
    format = models.CharField(max_length=16, choices=EndpointFormat, default=EndpointFormat.STANDARD)
    status = models.CharField(max_length=16, choices=EndpointStatus, default=EndpointStatus.ACTIVE)
    disabled_reason = models.TextField(blank=True)
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


class WebhookEvent(models.Model):
    """Something that happened, recorded in the transaction in which it happened.

    ``key`` names the happening, so that it cannot be recorded twice. ``body`` is the payload of format ``standard``;
    ``sequence`` counts a run's events from 1 without gaps, None for events that are no run's.
    """

    public_id = models.CharField(max_length=64, unique=True)
    organization_id = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    type = models.CharField(max_length=64)
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="events")
    sequence = models.PositiveIntegerField(null=True)
    body = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "key"], name="autofix_one_event_per_key"),
            models.UniqueConstraint(
                fields=["run", "sequence"], condition=Q(run__isnull=False), name="autofix_event_sequence"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"


class Delivery(models.Model):
    """One event for one endpoint. ``next_attempt_at`` says when it is due; ``fence`` counts the claims."""

    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=16, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
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
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="pending"), name="autofix_due_deliveries"
            ),
            models.Index(fields=["endpoint", "-id"]),
        ]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Attempt(models.Model):
    """One HTTP try. ``response_status`` None: no answer came; ``response_excerpt``: at most the first 4 KiB."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
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

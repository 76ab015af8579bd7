"""What must be remembered of requests to answer the next ones right."""

from __future__ import annotations

from django.db import models


class IdempotencyRecord(models.Model):
    """The first answer to an Idempotency-Key, kept 24 h. ``status`` None: the first request is still running, until
    ``locked_until`` at most. ``body``: the answer's JSON, a text: a JSON column may put an object's keys in another
    order, and the first answer is given again to the letter.
    """

    organization_id = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(default="")
    locked_until = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "key"], name="autofix_one_answer_per_key")
        ]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"answer {self.status} of organization {self.organization_id}"


class ThrottleWindow(models.Model):
    """The times (seconds since 1970) at which a key was let through within its window; one row per key."""

    key = models.CharField(max_length=128, unique=True)
    hits = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["updated_at"])]

    def __str__(self) -> str:
        return self.key

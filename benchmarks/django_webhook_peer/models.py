"""What is saved, so that its webhook fires."""

from __future__ import annotations

from django.db import models


class Report(models.Model):
    """Two kilobytes of text."""

    text = models.TextField()

    class Meta:
        app_label = "django_webhook_peer"

    def __str__(self) -> str:
        return f"report {self.pk}"

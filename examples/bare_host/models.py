"""What this project calls an issue."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class Bug(models.Model):
    """A bug with the last payload that an SDK sent for it."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    summary = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)

    objects: ClassVar[models.Manager[Bug]] = models.Manager()

    def __str__(self) -> str:
        return self.summary

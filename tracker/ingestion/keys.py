"""Who reports: the key of a DSN, and whether its project may report more just now."""

from __future__ import annotations

import re
import time
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest

from tracker.ingestion.refusals import KeyRefused, TooManyRequests
from tracker.models import IngestionWindow, Project, ProjectKey

PUBLIC_KEY: Final = re.compile(r"[0-9a-f]{32}")
KEY_IN_HEADER: Final = re.compile(r"(?:^sentry\s+|[,\s])sentry_key=([^,\s]+)", re.IGNORECASE)
REQUESTS_PER_MINUTE: Final = 6_000
MINUTE_S: Final = 60
MAX_ID: Final = 2**63 - 1


def key_of_request(request: HttpRequest) -> str:
    """The key from ``X-Sentry-Auth`` (or ``Authorization: Sentry …``) or the query; "" when neither has one."""
    for header in ("X-Sentry-Auth", "Authorization"):
        if found := KEY_IN_HEADER.search(request.headers.get(header, "")):
            return found[1]
    return request.GET.get("sentry_key", "")


def key_of_envelope(header: dict[str, Any]) -> str:
    """The key from the envelope's own ``dsn``; "" when it has none."""
    dsn = header.get("dsn")
    try:
        return urlsplit(dsn).username or "" if isinstance(dsn, str) else ""
    except ValueError:
        return ""


def find_project(project_id: int, key: str) -> Project:
    """The project that this active key belongs to; KeyRefused when it is not the one with this id."""
    if not key:
        raise KeyRefused("Send the DSN's key in X-Sentry-Auth, as ?sentry_key= or in the envelope's dsn.")
    if not PUBLIC_KEY.fullmatch(key) or project_id > MAX_ID:
        raise KeyRefused
    keys = ProjectKey.objects.select_related("project__organization")
    row = keys.filter(public_key=key, project_id=project_id, is_active=True).first()
    if row is None:
        raise KeyRefused
    return row.project


def admit(project: Project) -> None:
    """Count one request of this minute, exactly; TooManyRequests when the project's are used up."""
    limit = project.requests_per_minute
    if limit is None:
        limit = getattr(settings, "TRACKER_REQUESTS_PER_MINUTE", REQUESTS_PER_MINUTE)
    now = int(time.time())
    minute = now // MINUTE_S
    # Each line is one conditional statement, so that requests at the same time are all counted.
    if limit and (_count(project, minute, limit) or _turn(project, minute) or _begin(project, minute)):
        return
    if limit and _count(project, minute, limit):  # another request turned or began the window in between
        return
    raise TooManyRequests(retry_after_s=MINUTE_S - now % MINUTE_S)


def _count(project: Project, minute: int, limit: int) -> bool:
    window = IngestionWindow.objects.filter(project=project, minute__gte=minute, count__lt=limit)
    return window.update(count=F("count") + 1) > 0


def _turn(project: Project, minute: int) -> bool:
    return (
        IngestionWindow.objects.filter(project=project, minute__lt=minute).update(minute=minute, count=1) > 0
    )


def _begin(project: Project, minute: int) -> bool:
    if IngestionWindow.objects.filter(project=project).exists():
        return False
    try:
        with transaction.atomic():
            IngestionWindow.objects.create(project=project, minute=minute, count=1)
    except IntegrityError:
        return False
    return True

"""Pages of issues, newest first. A cursor names the last issue of a page, so that new ones shift nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode
from rest_framework.exceptions import ValidationError

from tracker.models import Issue

DEFAULT_LIMIT: Final = 25
MAX_LIMIT: Final = 100
CURSOR: Final = re.compile(r"(?P<us>[0-9]{1,17}):(?P<id>[0-9]{1,18})", re.ASCII)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def page_of(issues: QuerySet[Issue], request: HttpRequest) -> tuple[Sequence[Issue], str]:
    """The page that ``?cursor=`` and ``?limit=`` ask for, and the Link header; ValidationError for a bad one."""
    limit = _limit(request.GET.get("limit", ""))
    if cursor := request.GET.get("cursor", ""):
        issues = issues.filter(_after(cursor))
    found = list(issues.order_by("-last_seen", "-pk")[: limit + 1])
    page = found[:limit]
    following = _cursor(page[-1]) if len(found) > limit else ""
    return page, _link(request, following)


def _limit(word: str) -> int:
    if not word:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"[0-9]{1,9}", word, re.ASCII) or not 1 <= int(word) <= MAX_LIMIT:
        raise ValidationError({"limit": [f"A number from 1 to {MAX_LIMIT}."]})
    return int(word)


def _after(word: str) -> Q:
    match = CURSOR.fullmatch(word)
    if match is None:
        raise ValidationError({"cursor": ["Take it from the Link header of the page before."]})
    moment = EPOCH + int(match["us"]) * MICROSECOND
    return Q(last_seen__lt=moment) | Q(last_seen=moment, pk__lt=int(match["id"]))


def _cursor(issue: Issue) -> str:
    return f"{(issue.last_seen - EPOCH) // MICROSECOND}:{issue.pk}"


def _link(request: HttpRequest, following: str) -> str:
    """In the form of Sentry's API: whether there are results stands beside each address. Pages go forward only."""
    query = {key: request.GET.getlist(key) for key in request.GET if key != "cursor"}
    address = request.build_absolute_uri(
        f"{request.path}?{urlencode({**query, 'cursor': [following]}, doseq=True)}"
    )
    back = request.build_absolute_uri(f"{request.path}?{urlencode(query, doseq=True)}")
    more = "true" if following else "false"
    return (
        f'<{back}>; rel="previous"; results="false"; cursor="", '
        f'<{address}>; rel="next"; results="{more}"; cursor="{following}"'
    )

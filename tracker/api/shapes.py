"""What is answered: Sentry's names for what the tracker has, and its empty values for what it has not."""

from __future__ import annotations

from typing import Any

from autofix.hosts.coercion import items, mapping
from autofix.hosts.types import TagValue
from tracker.models import Event, Issue


def issue_json(issue: Issue, permalink: str) -> dict[str, Any]:
    """One issue of a list. Counts are strings in Sentry's API, numbers of users are not."""
    kind, _, value = issue.title.partition(": ")
    return {
        "id": str(issue.pk),
        "shortId": issue.short_id,
        "title": issue.title,
        "culprit": issue.culprit,
        "permalink": permalink,
        "level": issue.level,
        "status": issue.status,
        "statusDetails": {},
        "platform": issue.platform,
        "type": "error",
        "metadata": {"type": kind, "value": value} if value else {"title": issue.title},
        "project": {
            "id": str(issue.project_id),
            "name": issue.project.name,
            "slug": issue.project.slug,
            "platform": issue.platform,
        },
        "count": str(issue.times_seen),
        "userCount": issue.users_seen,
        "firstSeen": issue.first_seen,
        "lastSeen": issue.last_seen,
    }


def tags_json(distribution: dict[str, list[TagValue]]) -> list[dict[str, Any]]:
    """An issue's tags with their most frequent values."""
    return [
        {
            "key": key,
            "name": key,
            "totalValues": sum(value.count for value in values),
            "topValues": [{"value": value.value, "count": value.count} for value in values[:10]],
        }
        for key, values in distribution.items()
    ]


def event_json(event: Event) -> dict[str, Any]:
    """One event; ``entries`` holds the interfaces that it has."""
    sent = event.payload
    return {
        "id": event.event_id,
        "eventID": event.event_id,
        "groupID": str(event.issue_id),
        "projectID": str(event.project_id),
        "title": event.issue.title,
        "culprit": event.issue.culprit,
        "message": sent.get("message") or "",
        "platform": sent.get("platform") or "",
        "dateCreated": event.timestamp,
        "dateReceived": event.received,
        "release": sent.get("release"),
        "environment": sent.get("environment"),
        "tags": [{"key": tag.key, "value": tag.value} for tag in event.tags.order_by("key")],
        "user": sent.get("user"),
        "contexts": mapping(sent.get("contexts")),
        "context": mapping(sent.get("extra")),
        "entries": _entries(sent),
    }


def _entries(sent: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        {"type": kind, "data": {"values": items(sent.get(key))}}
        for kind, key in (("exception", "exception"), ("breadcrumbs", "breadcrumbs"), ("threads", "threads"))
        if items(sent.get(key))
    ]
    found += [
        {"type": kind, "data": sent[kind]} for kind in ("logentry", "request") if mapping(sent.get(kind))
    ]
    return [
        {"type": entry["type"] if entry["type"] != "logentry" else "message", "data": entry["data"]}
        for entry in found
    ]

"""An event into the database: with its issue, its tags and its user, all or nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from autofix.hosts import Event as NormalEvent
from autofix.hosts.coercion import text
from autofix.hosts.normalise import normalise_event
from tracker.ingestion.grouping import culprit, grouping_hash, title
from tracker.models import Event, EventTag, Issue, IssueStatus, IssueUser, Project
from tracker.signals import new_issue

MAX_TAG: Final = 200
MAX_TAGS: Final = 100
MAX_PLATFORM: Final = 32
WHO: Final = ("id", "username", "email", "ip_address")  # what tells users apart, best first


def store_event(project: Project, event_id: str, payload: dict[str, Any]) -> None:
    """Store the event and count it to its issue; an event with a known id is the same one again and changes nothing."""
    received = timezone.now()
    event = normalise_event(payload, id=event_id, received=received)
    known = Event.objects.filter(project=project, event_id=event_id)
    try:
        with transaction.atomic():
            if not known.exists():
                _store(project, event, received)
    except IntegrityError:
        # The same event arrived twice at once: the other one is stored.
        if not known.exists():
            raise


def _store(project: Project, event: NormalEvent, received: datetime) -> None:
    happened = min(event.timestamp or received, received)  # clocks of programs run fast, too
    issue = _find_or_create_issue(project, event, happened)
    row = Event.objects.create(
        project=project,
        issue=issue,
        event_id=event.id,
        timestamp=happened,
        received=received,
        payload=event.raw,
    )
    tags = tags_of(event)
    EventTag.objects.bulk_create(EventTag(event=row, issue=issue, key=key, value=tags[key]) for key in tags)
    _count(issue, event, happened)


def _find_or_create_issue(project: Project, event: NormalEvent, happened: datetime) -> Issue:
    """The event's issue, locked. A new one is announced once everything is committed."""
    group = grouping_hash(event)
    same = Issue.objects.select_for_update(no_key=True).filter(project=project, grouping_hash=group)
    if (issue := same.first()) is not None:
        return issue
    # One at a time from here: the number is the next one, and nobody else makes the same issue.
    counter = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if (issue := same.first()) is not None:
        return issue
    counter.issue_count += 1
    counter.save(update_fields=["issue_count"])
    issue = Issue.objects.create(
        project=project, number=counter.issue_count, grouping_hash=group, title=title(event),
        first_seen=happened, last_seen=happened,
    )  # fmt: skip
    transaction.on_commit(partial(new_issue.send_robust, sender=Issue, issue_id=str(issue.pk)))
    return issue


def _count(issue: Issue, event: NormalEvent, happened: datetime) -> None:
    """What the issue shows: the newest event's words, and how often and when it happened."""
    issue.title, issue.culprit, issue.level = title(event), culprit(event), event.level
    issue.platform = event.platform[:MAX_PLATFORM]
    issue.first_seen, issue.last_seen = min(issue.first_seen, happened), max(issue.last_seen, happened)
    if issue.status == IssueStatus.RESOLVED:
        issue.status = IssueStatus.UNRESOLVED  # it came back
    issue.save()
    is_new_user = (who := _who(event)) and IssueUser.objects.get_or_create(issue=issue, digest=who)[1]
    counts = {"times_seen": F("times_seen") + 1} | (
        {"users_seen": F("users_seen") + 1} if is_new_user else {}
    )
    Issue.objects.filter(pk=issue.pk).update(**counts)


def _who(event: NormalEvent) -> str:
    kind = next((kind for kind in WHO if text(event.user.get(kind))), "")
    return hashlib.sha256(f"{kind}:{text(event.user[kind])}".encode()).hexdigest() if kind else ""


def tags_of(event: NormalEvent) -> dict[str, str]:
    """The event's tags and what counts as tags."""
    raised = event.raised
    derived = {
        "level": event.level,
        "environment": event.environment,
        "release": event.release,
        "server_name": event.server_name,
        "transaction": event.transaction,
        "mechanism": raised.mechanism if raised else "",
        "handled": {True: "yes", False: "no", None: ""}[raised.handled if raised else None],
        "runtime": _runtime(event.contexts.get("runtime")),
    }
    every = {**derived, **event.tags}
    return {key[:MAX_TAG]: value[:MAX_TAG] for key, value in list(every.items())[:MAX_TAGS] if value}


def _runtime(context: Any) -> str:
    if not isinstance(context, dict):
        return ""
    return f"{text(context.get('name'))} {text(context.get('version'))}".strip()

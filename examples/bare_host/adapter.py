"""The adapter between bugs and autofix. There are no organizations here: everybody belongs to the one called "all"."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from autofix.hosts import Actor, Event, HostIssueNotFound, Issue, TagValue
from autofix.hosts.base import Permission, ProjectRef
from autofix.hosts.normalise import normalise_event
from examples.bare_host.models import Bug, bug_reported

ALL = "all"


class BugHost:
    """The required part of ``autofix.hosts.base.Host``; the optional parts are switched off."""

    supports_organizations: ClassVar[bool] = False
    supports_similar_issues: ClassVar[bool] = False
    supports_repositories: ClassVar[bool] = False
    supports_suspect_commits: ClassVar[bool] = False
    supports_activity: ClassVar[bool] = False
    supports_representative_event: ClassVar[bool] = False

    def actor(self, request: Any) -> Actor:
        return Actor(id=f"user:{request.user.pk}", display=str(request.user), request=request)

    def is_member(self, actor: Actor, organization_id: str) -> bool:
        return bool(actor.request.user.is_authenticated)

    def can(
        self, actor: Actor, permission: Permission, organization_id: str, project_id: str | None = None
    ) -> bool:
        user = actor.request.user
        return bool(user.is_authenticated and (permission.endswith(":read") or user.is_staff))

    def resolve_issue(self, issue: str, organization: str | None = None) -> Issue:
        try:
            bug = Bug.objects.get(pk=uuid.UUID(issue))
        except (ValueError, Bug.DoesNotExist) as exc:
            raise HostIssueNotFound(issue) from exc
        return Issue(
            id=str(bug.pk), short_id=str(bug.pk)[:8], title=bug.summary, organization_id=ALL, project_id=ALL
        )

    def resolve_organization(self, organization: str) -> str:
        return ALL

    def resolve_project(self, organization: str, project: str) -> ProjectRef:
        return ProjectRef(organization_id=ALL, project_id=ALL)

    def latest_event(self, issue: Issue) -> Event | None:
        payload = Bug.objects.get(pk=issue.id).payload
        return normalise_event(payload, id=issue.id) if payload else None

    def events(self, issue: Issue, *, limit: int = 100) -> Sequence[Event]:
        event = self.latest_event(issue)
        return [event] if event else []

    def tag_distribution(self, issue: Issue) -> dict[str, list[TagValue]]:
        return {}

    def connect_new_issue(self, receiver: Callable[[str], None]) -> None:
        bug_reported.connect(lambda bug, **_: receiver(str(bug.pk)), weak=False)

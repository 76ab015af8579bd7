"""A host in memory: the double that ships for tests, a host's own and ours. What it knows, the test has told it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from autofix.hosts.base import Actor, HostIssueNotFound, Permission, ProjectRef, RepositoryRef
from autofix.hosts.counts import tag_counts
from autofix.hosts.normalise import normalise_event
from autofix.hosts.types import Event, Issue, TagValue


class MemoryHost:
    """Implements :class:`autofix.hosts.base.Host`, every optional part included; ids are words, not numbers."""

    supports_organizations: ClassVar[bool] = True
    supports_similar_issues: ClassVar[bool] = True
    supports_repositories: ClassVar[bool] = True
    supports_suspect_commits: ClassVar[bool] = True
    supports_activity: ClassVar[bool] = True
    supports_representative_event: ClassVar[bool] = True

    def __init__(self) -> None:
        self._organizations: dict[str, str] = {}  # slug by id
        self._projects: dict[str, tuple[str, str]] = {}  # (organization's id, slug) by id
        self._issues: dict[str, Issue] = {}
        self._events: dict[str, list[Event]] = {}  # oldest first, by issue's id
        self._permissions: dict[tuple[str, str], frozenset[str]] = {}  # by (actor's id, organization's id)
        self._repositories: dict[str, list[RepositoryRef]] = {}
        self._suspects: dict[str, list[str]] = {}
        self._receivers: list[Callable[[str], None]] = []
        self.activities: list[tuple[str, str]] = []
        """What was added: pairs of an issue's id and a text."""

    # --- what a test tells it ---
    def add_organization(self, slug: str) -> str:
        """A new organization; its id."""
        key = f"organization:{slug}"
        self._organizations[key] = slug
        return key

    def add_project(self, organization_id: str, slug: str) -> ProjectRef:
        """A new project."""
        key = f"project:{self._organizations[organization_id]}:{slug}"
        self._projects[key] = (organization_id, slug)
        return ProjectRef(organization_id=organization_id, project_id=key)

    def add_issue(self, project: ProjectRef, *payloads: Mapping[str, Any], **facts: Any) -> Issue:
        """A new issue with these events, oldest first, announced once they are there.

        ``facts``: any field of Issue; the title is derived from the last event unless given.
        """
        organization_id, slug = self._projects[project.project_id]
        number = 1 + sum(issue.project_id == project.project_id for issue in self._issues.values())
        key = f"issue:{project.project_id}:{number}"
        events = [normalise_event(payload, id=f"{key}:{index}") for index, payload in enumerate(payloads)]
        raised = events[-1].raised if events else None
        derived = {
            "title": f"{raised.type}: {raised.value}" if raised else "an issue",
            "times_seen": len(events),
            "short_id": f"{slug.upper()}-{number}",
            "project_slug": slug,
            "organization_slug": self._organizations[organization_id],
        }
        ids = {"id": key, "organization_id": organization_id, "project_id": project.project_id}
        self._issues[key] = Issue.model_validate(derived | facts | ids)
        self._events[key] = events
        for receiver in self._receivers:
            receiver(key)
        return self._issues[key]

    def add_event(self, issue: Issue, payload: Mapping[str, Any]) -> Event:
        """One more event of the issue."""
        event = normalise_event(payload, id=f"{issue.id}:{len(self._events[issue.id])}")
        self._events[issue.id].append(event)
        self._issues[issue.id] = issue.model_copy(update={"times_seen": len(self._events[issue.id])})
        return event

    def allow(self, actor_id: str, organization_id: str, *permissions: Permission) -> None:
        """Make the actor a member who may do this (and nothing else)."""
        self._permissions[actor_id, organization_id] = frozenset(permissions)

    def map_repositories(self, project: ProjectRef, repositories: Iterable[RepositoryRef]) -> None:
        """What :meth:`repositories` will answer."""
        self._repositories[project.project_id] = list(repositories)

    def suspect(self, issue: Issue, *shas: str) -> None:
        """What :meth:`suspect_commits` will answer."""
        self._suspects[issue.id] = list(shas)

    # --- who may do what ---
    def actor(self, request: Any) -> Actor:
        """The request's user by name."""
        name = str(request.user)
        return Actor(id=name, display=name, request=request)

    def is_member(self, actor: Actor, organization_id: str) -> bool:
        """Whether anything was allowed to the actor there, be it nothing."""
        return (actor.id, organization_id) in self._permissions

    def can(
        self, actor: Actor, permission: Permission, organization_id: str, project_id: str | None = None
    ) -> bool:
        """Whether it was allowed."""
        if project_id is not None and self._projects.get(project_id, ("", ""))[0] != organization_id:
            return False
        return permission in self._permissions.get((actor.id, organization_id), frozenset())

    # --- what there is ---
    def resolve_issue(self, issue: str, organization: str | None = None) -> Issue:
        """By id or short id; without an organization a short id must be the only one of its kind."""
        where = None if organization is None else self.resolve_organization(organization)
        known = [found for found in self._issues.values() if where in (None, found.organization_id)]
        found = [candidate for candidate in known if issue in (candidate.id, candidate.short_id)]
        if len(found) != 1:
            raise HostIssueNotFound(f"no issue {issue!r}")
        return found[0]

    def resolve_organization(self, organization: str) -> str:
        """By id or slug."""
        for key, slug in self._organizations.items():
            if organization in (key, slug):
                return key
        raise HostIssueNotFound(f"no organization {organization!r}")

    def resolve_project(self, organization: str, project: str) -> ProjectRef:
        """By id or slug."""
        where = self.resolve_organization(organization)
        for key, (owner, slug) in self._projects.items():
            if owner == where and project in (key, slug):
                return ProjectRef(organization_id=where, project_id=key)
        raise HostIssueNotFound(f"no project {project!r}")

    def latest_event(self, issue: Issue) -> Event | None:
        """The event added last."""
        return next(iter(self.events(issue, limit=1)), None)

    def events(self, issue: Issue, *, limit: int = 100) -> Sequence[Event]:
        """The events added last, newest first."""
        return self._events[issue.id][::-1][:limit]

    def tag_distribution(self, issue: Issue) -> dict[str, list[TagValue]]:
        """Counted over all events."""
        return tag_counts(self._events[issue.id])

    def connect_new_issue(self, receiver: Callable[[str], None]) -> None:
        """Once per receiver, however often it is connected."""
        if receiver not in self._receivers:
            self._receivers.append(receiver)

    # --- optional ---
    def representative_event(self, issue: Issue) -> Event | None:
        """The event with most frames; of equals the newest."""
        return max(
            self.events(issue), key=lambda event: sum(len(e.frames) for e in event.exceptions), default=None
        )

    def similar_issues(self, issue: Issue, *, limit: int = 10) -> Sequence[Issue]:
        """The project's other issues of the same kind of error."""
        kind = issue.title.split(":", 1)[0]
        others = (other for other in self._issues.values() if other.project_id == issue.project_id)
        return [other for other in others if other.id != issue.id and other.title.startswith(kind)][:limit]

    def repositories(self, project: ProjectRef) -> Sequence[RepositoryRef]:
        """What was mapped."""
        return self._repositories.get(project.project_id, [])

    def suspect_commits(self, issue: Issue) -> Sequence[str]:
        """What was suspected."""
        return self._suspects.get(issue.id, [])

    def add_activity(self, issue: Issue, text: str) -> None:
        """Kept in ``activities``."""
        self.activities.append((issue.id, text))

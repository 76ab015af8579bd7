"""The reference tracker as a host of autofix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count

from autofix.hosts import Actor, Event, HostIssueNotFound, Issue, RepositoryRef, TagValue
from autofix.hosts.base import Permission, ProjectRef
from autofix.hosts.normalise import normalise_event
from tracker import models
from tracker.lookups import find_issue, find_organization, find_project
from tracker.scopes import SCOPES_OF_ROLE
from tracker.signals import new_issue

REPRESENTATIVE_OF = 50  # how many of the newest events are looked through for the most telling one


class TrackerHost:
    """Implements :class:`autofix.hosts.base.Host` over the tracker's tables."""

    supports_organizations: ClassVar[bool] = True
    supports_similar_issues: ClassVar[bool] = True
    supports_repositories: ClassVar[bool] = False
    supports_suspect_commits: ClassVar[bool] = False
    supports_activity: ClassVar[bool] = True
    supports_representative_event: ClassVar[bool] = True

    # --- who may do what ---
    def actor(self, request: Any) -> Actor:
        """The request's user; a token acts for its user."""
        user: AbstractBaseUser = request.user
        return Actor(id=f"user:{user.pk}", display=user.get_username(), request=request)

    def is_member(self, actor: Actor, organization_id: str) -> bool:
        """Whether the actor's user belongs to the organization, and the token (if any) is one of that organization."""
        return self._role(actor, organization_id) is not None

    def can(
        self, actor: Actor, permission: Permission, organization_id: str, project_id: str | None = None
    ) -> bool:
        """What the role allows and, with a token, the token's scopes allow as well."""
        role = self._role(actor, organization_id)
        if role is None or permission not in SCOPES_OF_ROLE[role]:
            return False
        token = _token(actor)
        if token is not None and permission not in token.scopes:
            return False
        return project_id is None or self._has_project(organization_id, project_id)

    def _role(self, actor: Actor, organization_id: str) -> str | None:
        organization = find_organization(organization_id)
        user = getattr(actor.request, "user", None)
        if organization is None or user is None or not user.is_authenticated or not user.is_active:
            return None
        token = _token(actor)
        if token is not None and token.organization_id != organization.pk:
            return None
        return organization.memberships.filter(user=user).values_list("role", flat=True).first()

    def _has_project(self, organization_id: str, project_id: str) -> bool:
        organization = find_organization(organization_id)
        return organization is not None and find_project(organization, project_id) is not None

    # --- what there is ---
    def resolve_issue(self, issue: str, organization: str | None = None) -> Issue:
        """By id or short id; without an organization a short id must be the only one of its kind."""
        row = find_issue(issue, organization)
        if row is None:
            raise HostIssueNotFound(f"no issue {issue!r}")
        return as_issue(row)

    def resolve_organization(self, organization: str) -> str:
        """By id or slug."""
        return str(self._organization(organization).pk)

    def resolve_project(self, organization: str, project: str) -> ProjectRef:
        """By id or slug."""
        row = find_project(self._organization(organization), project)
        if row is None:
            raise HostIssueNotFound(f"no project {project!r}")
        return ProjectRef(organization_id=str(row.organization_id), project_id=str(row.pk))

    def _organization(self, word: str) -> models.Organization:
        organization = find_organization(word)
        if organization is None:
            raise HostIssueNotFound(f"no organization {word!r}")
        return organization

    def latest_event(self, issue: Issue) -> Event | None:
        """The event received last."""
        return next(iter(self.events(issue, limit=1)), None)

    def events(self, issue: Issue, *, limit: int = 100) -> Sequence[Event]:
        """The events received last, newest first."""
        rows = models.Event.objects.filter(issue_id=int(issue.id)).order_by("-received", "-id")[:limit]
        return [normalise_event(row.payload, id=row.event_id, received=row.timestamp) for row in rows]

    def tag_distribution(self, issue: Issue) -> dict[str, list[TagValue]]:
        """Counted over all stored events."""
        counts = (
            models.EventTag.objects.filter(issue_id=int(issue.id))
            .values_list("key", "value")
            .annotate(events=Count("id"))
            .order_by("key", "-events", "value")
        )
        found: dict[str, list[TagValue]] = {}
        for key, value, count in counts:
            found.setdefault(key, []).append(TagValue(value=value, count=count))
        return found

    def connect_new_issue(self, receiver: Callable[[str], None]) -> None:
        """Once per receiver, however often it is connected."""

        def receive(*, issue_id: str, **_: Any) -> None:
            receiver(issue_id)

        uid = (getattr(receiver, "__module__", ""), getattr(receiver, "__qualname__", repr(receiver)))
        new_issue.connect(receive, weak=False, dispatch_uid=uid)

    # --- optional ---
    def representative_event(self, issue: Issue) -> Event | None:
        """Of the newest events the one with most in-app frames and locals; of equals the newest."""
        return max(self.events(issue, limit=REPRESENTATIVE_OF), key=_telling, default=None)

    def similar_issues(self, issue: Issue, *, limit: int = 10) -> Sequence[Issue]:
        """The project's other issues with the same culprit or the same kind of error, the same culprit first."""
        others = (
            models.Issue.objects.select_related("project__organization")
            .filter(project_id=int(issue.project_id))
            .exclude(pk=int(issue.id))
            .order_by("-last_seen")
        )
        kind = issue.title.split(":", 1)[0]
        same_place = list(others.filter(culprit=issue.culprit)[:limit]) if issue.culprit else []
        same_kind = others.filter(title__startswith=kind).exclude(pk__in=[row.pk for row in same_place])[
            :limit
        ]
        return [as_issue(row) for row in [*same_place, *same_kind][:limit]]

    def repositories(self, project: ProjectRef) -> Sequence[RepositoryRef]:
        """None: autofix's own preferences hold them."""
        return ()

    def suspect_commits(self, issue: Issue) -> Sequence[str]:
        """None: the tracker does not look into repositories."""
        return ()

    def add_activity(self, issue: Issue, text: str) -> None:
        """A row on the issue's time line."""
        models.Activity.objects.create(issue_id=int(issue.id), text=text)


def as_issue(row: models.Issue) -> Issue:
    """The row in autofix's normal form."""
    project = row.project
    return Issue(
        id=str(row.pk), short_id=row.short_id, title=row.title, culprit=row.culprit, level=row.level,
        organization_id=str(project.organization_id), organization_slug=project.organization.slug,
        project_id=str(project.pk), project_slug=project.slug, url=row.get_absolute_url(),
        first_seen=row.first_seen, last_seen=row.last_seen, times_seen=row.times_seen, users_seen=row.users_seen,
    )  # fmt: skip


def _token(actor: Actor) -> models.ApiToken | None:
    auth = getattr(actor.request, "auth", None)
    return auth if isinstance(auth, models.ApiToken) else None


def _telling(event: Event) -> tuple[int, int]:
    frames = [frame for exception in event.exceptions for frame in exception.frames if frame.in_app]
    return len(frames), sum(len(frame.variables) for frame in frames)

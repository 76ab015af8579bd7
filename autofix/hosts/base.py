"""The ``Host`` protocol: all that autofix asks of an issue tracker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from autofix.hosts.types import Event, Issue, TagValue

Permission = Literal["issue:read", "issue:write", "project:read", "project:write", "org:read", "org:write"]


class HostIssueNotFound(LookupError):
    """The host knows no such issue (organization, project) for this caller."""


@dataclass(frozen=True)
class Actor:
    """Who asks. ``id`` is the host's stable word for the caller (throttles count by it)."""

    id: str
    display: str = ""
    request: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class RepositoryRef:
    """A repository that a host maps to a project: where it is and how stack paths map on to it.

    ``stack_root`` is the prefix of a frame's path that ``source_root`` replaces (``/srv/app/`` → ``src/``). ``approved``:
    the operator named it, so that it may be a path on this machine; a tenant's word alone is not enough for that.
    """

    name: str
    provider: str
    url: str
    branch: str = ""
    stack_root: str = ""
    source_root: str = ""
    approved: bool = False


@dataclass(frozen=True)
class ProjectRef:
    """A project and the organization it belongs to, as opaque ids."""

    organization_id: str
    project_id: str


class Host(Protocol):
    """An issue tracker. Optional methods are called only where their ``supports_…`` flag is True.

    Lookups raise :class:`HostIssueNotFound`; ids are opaque strings.
    """

    supports_organizations: ClassVar[bool]
    supports_similar_issues: ClassVar[bool]
    supports_repositories: ClassVar[bool]
    supports_suspect_commits: ClassVar[bool]
    supports_activity: ClassVar[bool]
    supports_representative_event: ClassVar[bool]

    # --- who may do what -------------------------------------------------------------------------------------------
    def actor(self, request: Any) -> Actor:
        """Who sends this (authenticated) request."""
        ...

    def is_member(self, actor: Actor, organization_id: str) -> bool:
        """May the actor know that this organization is there? If not, the answer to anything in it is 404, not 403."""
        ...

    def can(
        self, actor: Actor, permission: Permission, organization_id: str, project_id: str | None = None
    ) -> bool:
        """May the actor do this there? A non-member may do nothing; a member who may not gets 403."""
        ...

    # --- what there is ---------------------------------------------------------------------------------------------
    def resolve_issue(self, issue: str, organization: str | None = None) -> Issue:
        """The issue with this id or short id, in the organization with this id or slug when one is named."""
        ...

    def resolve_organization(self, organization: str) -> str:
        """The id of the organization with this id or slug."""
        ...

    def resolve_project(self, organization: str, project: str) -> ProjectRef:
        """The project with this id or slug in the organization with this id or slug."""
        ...

    def latest_event(self, issue: Issue) -> Event | None:
        """The newest event, None while none is stored."""
        ...

    def events(self, issue: Issue, *, limit: int = 100) -> Sequence[Event]:
        """The newest events, newest first, at most ``limit``."""
        ...

    def tag_distribution(self, issue: Issue) -> dict[str, list[TagValue]]:
        """For every tag its values with their counts, most frequent first. ``environment``, ``release`` and ``level``
        count as tags.
        """
        ...

    def connect_new_issue(self, receiver: Callable[[str], None]) -> None:
        """Call ``receiver(issue_id)`` for each new issue, after its transaction committed."""
        ...

    # --- optional ----------------------------------------------------------------------------------------------------
    def representative_event(self, issue: Issue) -> Event | None:
        """The event that explains the issue best."""
        ...

    def similar_issues(self, issue: Issue, *, limit: int = 10) -> Sequence[Issue]:
        """Issues that look alike, most alike first."""
        ...

    def repositories(self, project: ProjectRef) -> Sequence[RepositoryRef]:
        """The repositories that the host itself maps to the project."""
        ...

    def suspect_commits(self, issue: Issue) -> Sequence[str]:
        """Shas that the host suspects."""
        ...

    def add_activity(self, issue: Issue, text: str) -> None:
        """Leave a note on the issue's time line."""
        ...

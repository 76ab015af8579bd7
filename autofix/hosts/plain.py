"""A host for trackers that have one model of issues, and neither organizations nor projects: a subclass is a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models, transaction
from django.db.models.signals import post_save

from autofix.hosts.base import Actor, HostIssueNotFound, Permission, ProjectRef
from autofix.hosts.counts import tag_counts
from autofix.hosts.normalise import normalise_event
from autofix.hosts.types import Event, Issue, TagValue

ALL: Final = "all"
"""The one organization, and its one project."""


class PlainHost:
    """Implements :class:`autofix.hosts.base.Host` over ``model``, whose rows are issues.

    A subclass names the model and says where the ``payloads`` of an issue are. Whoever is logged in reads, staff writes;
    an issue is new when its row is saved for the first time. Override what is otherwise with you.
    """

    supports_organizations: ClassVar[bool] = False
    supports_similar_issues: ClassVar[bool] = False
    supports_repositories: ClassVar[bool] = False
    supports_suspect_commits: ClassVar[bool] = False
    supports_activity: ClassVar[bool] = False
    supports_representative_event: ClassVar[bool] = False

    model: ClassVar[type[models.Model]]

    # --- what a subclass says ---
    def payloads(self, row: Any, limit: int) -> Sequence[Mapping[str, Any]]:
        """What SDKs sent for this issue, newest first, at most ``limit``."""
        raise NotImplementedError

    def issue(self, row: Any) -> Issue:
        """Autofix's normal form of a row."""
        return Issue(
            id=str(row.pk), short_id=str(row.pk)[:8], title=str(row), organization_id=ALL, project_id=ALL
        )

    # --- who may do what ---
    def actor(self, request: Any) -> Actor:
        """The user of the request."""
        return Actor(id=f"user:{request.user.pk}", display=str(request.user), request=request)

    def is_member(self, actor: Actor, organization_id: str) -> bool:
        """Everybody who is logged in."""
        return bool(actor.request.user.is_authenticated)

    def can(
        self, actor: Actor, permission: Permission, organization_id: str, project_id: str | None = None
    ) -> bool:
        """Members read, staff writes."""
        user = actor.request.user
        return bool(user.is_authenticated and (permission.endswith(":read") or user.is_staff))

    # --- what there is ---
    def resolve_issue(self, issue: str, organization: str | None = None) -> Issue:
        """By the primary key."""
        return self.issue(self._row(issue))

    def resolve_organization(self, organization: str) -> str:
        """There is one, whatever it is called."""
        return ALL

    def resolve_project(self, organization: str, project: str) -> ProjectRef:
        """There is one, whatever it is called."""
        return ProjectRef(organization_id=ALL, project_id=ALL)

    def latest_event(self, issue: Issue) -> Event | None:
        """The first of the payloads."""
        return next(iter(self.events(issue, limit=1)), None)

    def events(self, issue: Issue, *, limit: int = 100) -> Sequence[Event]:
        """The payloads in their normal form."""
        sent = self.payloads(self._row(issue.id), limit)[:limit]
        return [normalise_event(payload, id=f"{issue.id}:{index}") for index, payload in enumerate(sent)]

    def tag_distribution(self, issue: Issue) -> dict[str, list[TagValue]]:
        """Counted over the newest events."""
        return tag_counts(self.events(issue))

    def connect_new_issue(self, receiver: Callable[[str], None]) -> None:
        """Rows that are saved for the first time, after the commit."""

        def saved(instance: models.Model, *, created: bool, raw: bool = False, **_: Any) -> None:
            if created and not raw:
                transaction.on_commit(partial(receiver, str(instance.pk)))

        post_save.connect(saved, sender=self.model, weak=False, dispatch_uid=("autofix", receiver))

    def _row(self, key: str) -> models.Model:
        try:
            return self.model._default_manager.get(pk=key)  # noqa: SLF001 - documented by Django, whatever its name
        except (ObjectDoesNotExist, ValidationError, ValueError, OverflowError) as exc:
            raise HostIssueNotFound(f"no issue {key!r}") from exc

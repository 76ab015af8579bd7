"""What is answered about projects: preferences, and whether everything that a run needs is there."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from autofix import quota
from autofix.exceptions import AutofixError
from autofix.explorer.client import get_client
from autofix.hosts import Issue, ProjectRef, RepositoryRef
from autofix.models import Repository
from autofix.preferences import preference_of, settings_of
from autofix.scm.registry import get_provider
from autofix.step_executions import repositories_of


class RepositoryView(BaseModel):
    """A repository mapped to a project."""

    name: str
    provider: str
    url: str
    branch: str
    stack_root: str
    source_root: str


class PreferencesView(BaseModel):
    """How far automation may go in a project."""

    tuning: str
    stopping_point: str
    side_steps: list[str]
    repositories: list[RepositoryView]
    handoff: dict[str, Any] | None


class CheckView(BaseModel):
    """Whether something works; ``reason`` says why not."""

    name: str
    ok: bool
    reason: str


class QuotaView(BaseModel):
    """Runs of this month; ``limit`` null: any number."""

    limit: int | None
    used: int


class SetupView(BaseModel):
    """Whether everything that a run needs is there."""

    ai_enabled: bool
    coding_enabled: bool
    quota: QuotaView
    repositories: list[CheckView]
    explorer: CheckView


def preferences_view(project: ProjectRef) -> PreferencesView:
    """The project's preferences, with the defaults where it has said nothing."""
    preference = preference_of(project.organization_id, project.project_id)
    repositories = Repository.objects.filter(
        organization_id=project.organization_id, project_id=project.project_id
    )
    return PreferencesView(
        tuning=preference.tuning,
        stopping_point=preference.stopping_point,
        side_steps=preference.side_steps,
        repositories=[RepositoryView.model_validate(row, from_attributes=True) for row in repositories],
        handoff=preference.handoff,
    )


def setup_view(issue: Issue) -> SetupView:
    """What a run of this issue would find."""
    switches = settings_of(issue.organization_id)
    client = get_client()
    problem = client.check()
    return SetupView(
        ai_enabled=switches.ai_enabled,
        coding_enabled=switches.coding_enabled,
        quota=QuotaView(
            limit=quota.limit_of(issue.organization_id),
            used=quota.used_by(issue.organization_id),
        ),
        repositories=[repository_check(repository) for repository in repositories_of(issue)],
        explorer=CheckView(name=client.name, ok=not problem, reason=problem),
    )


def repository_check(repository: RepositoryRef) -> CheckView:
    """Whether the provider can read the repository now."""
    try:
        problem = get_provider(repository.provider).check(repository)
    except AutofixError as exc:
        problem = exc.detail
    return CheckView(name=repository.name, ok=not problem, reason=problem)
